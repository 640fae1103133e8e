"""Operations of the API: declared once, served by Flask and described by the same declaration."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from flask import Blueprint, Response, request
from pydantic_core import to_json

from registry_auth.database import Page
from registry_auth.http_errors import encoded_json_response
from registry_auth.logs import caller_label
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.service import Namespaces
from registry_auth.rest_api.guards import Guard, check_token_scope, check_unambiguous, is_id
from registry_auth.rest_api.paging import page_headers
from registry_auth.rest_api.parameters import Given, PageParameters, Parameters, read_parameters
from registry_auth.trusted_proxies import client_address
from registry_auth.values import Caller

PREFIX = "/api/v4"

logger = logging.getLogger(__name__)

Given_co = TypeVar("Given_co", bound=Parameters, covariant=True)


@dataclass(frozen=True, slots=True)
class Call(Generic[Given_co]):
    """A request that the guard let through."""

    caller: Caller
    given: Given_co
    admitted_to: Namespace | None

    @property
    def namespace(self) -> Namespace:
        """The group or project of the address."""
        if self.admitted_to is None:
            raise TypeError("The guard of this operation knows no group or project.")
        return self.admitted_to


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. `path` is below `/api/v4`, its parameters in braces; `{id}` is the group or project of the guard.

    `answer` is the type of what is answered, of each entry where `given` asks for pages; None answers nothing.
    """

    method: str
    path: str
    name: str
    summary: str
    guard: Guard
    given: type[Parameters]
    answer: Any
    status: int
    run: Callable[[Call[Any]], object]

    @property
    def is_paged(self) -> bool:
        """Whether the answer is one page of a list."""
        return issubclass(self.given, PageParameters)

    @property
    def is_inside_a_namespace(self) -> bool:
        """Whether the address goes on behind the group or project, so that the path of another one may read like it."""
        return self.guard.kind is not None and not self.path.endswith("{id}")

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    @property
    def tag(self) -> str:
        """The noun it belongs to."""
        nouns = [part for part in self.path.split("/") if part and not part.startswith("{")]
        return next((noun for noun in nouns if noun in _SUBJECTS), nouns[0]).replace("_", " ")


# Nouns that are subjects of their own wherever they are.
_SUBJECTS = frozenset({"deploy_tokens", "personal_access_tokens", "members"})


class Api:
    """The operations, and how they are served."""

    def __init__(self, namespaces: Namespaces, external_url: str) -> None:
        self.operations: list[Operation] = []
        self._namespaces = namespaces
        self._external_url = external_url

    def operation(
        self,
        method_and_path: str,
        name: str,
        summary: str,
        *,
        guard: Guard,
        given: type[Given],
        answer: Any = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Callable[[Callable[[Call[Given]], object]], None]:
        """Declare the decorated function as an operation; `name` is its operation id."""
        method, _, path = method_and_path.partition(" ")

        def declare(run: Callable[[Call[Given]], object]) -> None:
            self.operations.append(Operation(method, path, name, summary, guard, given, answer, int(status), run))

        return declare

    def add_routes(self, blueprint: Blueprint, log_in: Callable[[], Caller]) -> None:
        """Serve the operations."""
        for operation in self.operations:
            blueprint.add_url_rule(
                PREFIX + _rule(operation.path),
                endpoint=operation.name,
                view_func=self._view(operation, log_in),
                methods=[operation.method],
            )

    def _view(self, operation: Operation, log_in: Callable[[], Caller]) -> Callable[..., Response]:
        def view(**path: str) -> Response:
            caller = log_in()
            check_token_scope(caller, changes=operation.changes)
            operation.guard.check(caller)
            namespace = self._admit(operation, caller, path.pop("id")) if operation.guard.kind else None
            call = Call(caller, read_parameters(operation.given, path), namespace)
            result = operation.run(call)
            if operation.changes:
                _log(operation, call)
            return self._answer(operation, call, result, path)

        return view

    def _admit(self, operation: Operation, caller: Caller, id_or_path: str) -> Namespace:
        kind = operation.guard.kind
        if kind is not None and operation.is_inside_a_namespace and not is_id(id_or_path):
            address = request.path.removeprefix(f"{PREFIX}/{kind}s/").rstrip("/")
            check_unambiguous(caller, self._namespaces, kind, address)
        return operation.guard.admit(caller, self._namespaces, id_or_path)

    def _answer(self, operation: Operation, call: Call[Parameters], result: object, path: Mapping[str, str]) -> Response:
        if operation.answer is None:
            return _nothing(operation.status)
        if not isinstance(result, Page):
            return encoded_json_response(to_json(result), operation.status)
        address = self._external_url + PREFIX + operation.path.format_map(_path_values(call, path))
        headers = page_headers(address, request.args.items(multi=True), call.given, result.total)
        return encoded_json_response(to_json(result.items), operation.status, headers)


def _log(operation: Operation, call: Call[Parameters]) -> None:
    caller, place = call.caller, "-" if call.admitted_to is None else call.admitted_to.path
    who = caller_label(caller.name, caller.credential_id)
    logger.info("done: operation=%s in=%s address=%s %s", operation.name, place, client_address(), who)


def map_page(form: Callable[[Any], object], page: Page[Any]) -> Page[object]:
    """Give the page with each entry in another form."""
    items: Sequence[object] = [form(item) for item in page.items]
    return Page(items, page.total)


def _nothing(status: int) -> Response:
    response = Response(status=status)
    del response.headers["Content-Type"]
    response.headers["Cache-Control"] = "no-store"
    return response


def _rule(path: str) -> str:
    # The web server decodes %2F, so the path of a group or project may hold slashes.
    return path.replace("{id}", "<path:id>").replace("{", "<").replace("}", ">")


def _path_values(call: Call[Parameters], path: Mapping[str, str]) -> Mapping[str, object]:
    return path if call.admitted_to is None else {**path, "id": call.admitted_to.id}
