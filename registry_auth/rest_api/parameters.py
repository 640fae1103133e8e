"""The parameters of a request: path, query and body together, as GitLab takes them, checked against a model.

A body is a JSON object or a form. An empty string or null counts as not given, lists may come as `name[]` or as words with commas between,
and parameters that no model names are ignored (GitLab docs: REST API, and the examples of its clients).
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, TypeVar

import orjson
from flask import request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from registry_auth.database import Paging
from registry_auth.errors import InvalidValueError
from registry_auth.rest_api.errors import ParameterError, UnsupportedMediaTypeError
from registry_auth.token_validity import parse_expiry
from registry_auth.values import DEPLOY_TOKEN_SCOPES, PERSONAL_ACCESS_TOKEN_SCOPES, Role, TokenScope

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100

_JSON = "application/json"
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_LARGEST_ID = 2**63 - 1  # what fits into a column of a database


class Parameters(BaseModel):
    """What an operation takes. The base is for those that take nothing."""

    model_config = ConfigDict(frozen=True)


class PageParameters(Parameters):
    """Which part of a list is wanted."""

    page: Annotated[int, Field(ge=1, le=2**31 - 1, description="Number of the page, from 1.")] = 1
    per_page: Annotated[int, Field(ge=1, description=f"Entries of a page; more than {MAX_PAGE_SIZE} count as {MAX_PAGE_SIZE}.")] = (
        DEFAULT_PAGE_SIZE
    )

    @property
    def paging(self) -> Paging:
        """The page as services know it."""
        return Paging(self.page, min(self.per_page, MAX_PAGE_SIZE))


Given = TypeVar("Given", bound=Parameters)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds control characters")
    return text


def _whole(value: object) -> object:
    # Pydantic would read `true` as 1 and `1_0` as 10: somebody else's id.
    if isinstance(value, bool) or (isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) is None):
        raise ValueError("a valid integer")
    return value


def _expiry(value: object) -> date:
    if not isinstance(value, str):
        raise ValueError("a date, written YYYY-MM-DD")  # noqa: TRY004 - Pydantic makes refusals of ValueError alone
    try:
        return parse_expiry(value)
    except InvalidValueError as error:
        raise ValueError(str(error)) from None


def _scopes_of(allowed: tuple[TokenScope, ...]) -> BeforeValidator:
    """Read a list of scopes, or words with commas between."""

    def scopes(value: object) -> object:
        words = [word.strip() for word in value.split(",")] if isinstance(value, str) else value
        if not isinstance(words, list) or any(word not in allowed for word in words):
            # Without what was sent: it may be a secret in the wrong place.
            raise ValueError(f"a list of {', '.join(allowed)}")
        return words

    return BeforeValidator(scopes)


def _role(number: int) -> Role:
    if number not in {*Role}:
        raise ValueError(f"one of {', '.join(str(int(role)) for role in Role)}")
    return Role(number)


def _scope_schema(allowed: tuple[TokenScope, ...]) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(allowed)}, "minItems": 1})


Text = Annotated[str, AfterValidator(_printable)]
Search = Annotated[str, Field(max_length=255), AfterValidator(_printable)]
Id = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=_LARGEST_ID)]
ExpiryDate = Annotated[
    date,
    BeforeValidator(_expiry),
    Field(description="YYYY-MM-DD; not valid from 00:00 UTC of that day on. A time is converted to UTC and cut to the day."),
]
DeployTokenScopes = Annotated[tuple[TokenScope, ...], _scopes_of(DEPLOY_TOKEN_SCOPES), _scope_schema(DEPLOY_TOKEN_SCOPES)]
PersonalAccessTokenScopes = Annotated[
    tuple[TokenScope, ...], _scopes_of(PERSONAL_ACCESS_TOKEN_SCOPES), _scope_schema(PERSONAL_ACCESS_TOKEN_SCOPES)
]
AccessLevel = Annotated[
    int,
    AfterValidator(_role),
    Field(description="10 guest, 20 reporter, 30 developer, 40 maintainer, 50 owner.", json_schema_extra={"enum": [*map(int, Role)]}),
]


def read_parameters(model: type[Given], path: Mapping[str, str]) -> Given:
    """Read the parameters of the request at hand; those of the path win.

    Raises ParameterError, which names all that is missing or wrong, and UnsupportedMediaTypeError.
    """
    values = {**_flat(request.args.lists()), **_body(), **path}
    try:
        return model.model_validate({name: value for name, value in values.items() if value not in ("", None)})
    except ValidationError as error:
        raise ParameterError(", ".join(dict.fromkeys(map(_sentence, error.errors(include_url=False, include_input=False))))) from None


def _body() -> Mapping[str, Any]:
    if request.method not in {"POST", "PUT"}:
        return {}
    body = request.get_data()
    if not body:
        return {}
    if request.mimetype in _FORMS:
        return _flat(request.form.lists())
    if request.mimetype != _JSON:
        raise UnsupportedMediaTypeError(f"The body must be {_JSON} or a form.")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ParameterError("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise ParameterError("The body must be a JSON object.")
    return document


def _flat(fields: Any) -> dict[str, Any]:
    """Give `name[]` as a list and of any other name the last value. A part of a form may come without a name."""
    return {name.removesuffix("[]"): values if name.endswith("[]") else values[-1] for name, values in fields if name}


def _sentence(error: Mapping[str, Any]) -> str:
    name = error["loc"][0]
    if error["type"] == "missing":
        return f"{name} is missing"
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{name} does not have a valid value: {reason[:1].lower()}{reason[1:]}"
