"""`/personal_access_tokens`, and making them for a user (GitLab docs: personal access tokens API)."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field

from registry_auth.accounts.personal_access_tokens import PersonalAccessTokenFilter
from registry_auth.database import Page
from registry_auth.errors import NotFoundError
from registry_auth.json_form import (
    IssuedPersonalAccessTokenJson,
    PersonalAccessTokenJson,
    issued_personal_access_token_json,
    personal_access_token_json,
)
from registry_auth.rest_api.errors import RefusedError
from registry_auth.rest_api.guards import ADMINISTRATOR, SIGNED_IN, person
from registry_auth.rest_api.operations import Api, Call
from registry_auth.rest_api.parameters import ExpiryDate, Id, PageParameters, Parameters, PersonalAccessTokenScopes, Search, Text
from registry_auth.services import Services
from registry_auth.values import Caller, CallerKind


class TokenActivity(StrEnum):
    """Whether a token can be used."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class ListPersonalAccessTokens(PageParameters):
    """Which tokens are wanted."""

    user_id: Annotated[Id | None, Field(description="Those of this user; of others, for administrators.")] = None
    search: Annotated[Search | None, Field(description="Those with this text in their name.")] = None
    state: TokenActivity | None = None
    revoked: bool | None = None


class NewPersonalAccessToken(Parameters):
    """A token to be made for a user."""

    user_id: Id
    name: Text
    scopes: PersonalAccessTokenScopes
    expires_at: ExpiryDate | None = None


class OnePersonalAccessToken(Parameters):
    """A token by its id, or the one that the request is made with."""

    token_id: Id | Literal["self"]


class RotatePersonalAccessToken(OnePersonalAccessToken):
    """A token that is replaced by another."""

    expires_at: Annotated[ExpiryDate | None, Field(description="Expiry date of the new token; that of the old one unless given.")] = None


def personal_access_token_operations(api: Api, services: Services) -> None:
    """Declare the operations."""
    tokens, last_uses = services.personal_access_tokens, services.last_uses
    one = "/personal_access_tokens/{token_id}"

    @api.operation(
        "GET /personal_access_tokens",
        "list_personal_access_tokens",
        "List one's own personal access tokens; administrators list those of all users",
        guard=SIGNED_IN,
        given=ListPersonalAccessTokens,
        answer=PersonalAccessTokenJson,
    )
    def list_(call: Call[ListPersonalAccessTokens]) -> object:
        given = call.given
        user_id = _whose(call.caller)
        if user_id is not None and given.user_id not in {None, user_id}:
            raise RefusedError(403, "Forbidden - Only administrators see the tokens of other users.")
        wanted = PersonalAccessTokenFilter(
            user_id=user_id or given.user_id,
            search=given.search,
            active=None if given.state is None else given.state is TokenActivity.ACTIVE,
            revoked=given.revoked,
        )
        page = tokens.page(given.paging, wanted)
        now, uses = services.clock(), last_uses.of(CallerKind.PERSONAL_ACCESS_TOKEN, [token.id for token in page.items])
        return Page([personal_access_token_json(token, now, uses.get(token.id)) for token in page.items], page.total)

    @api.operation(
        f"GET {one}",
        "get_personal_access_token",
        "Show a personal access token",
        guard=SIGNED_IN,
        given=OnePersonalAccessToken,
        answer=PersonalAccessTokenJson,
    )
    def get(call: Call[OnePersonalAccessToken]) -> object:
        token = tokens.get(_token_id(call), user_id=_whose(call.caller))
        return personal_access_token_json(token, services.clock(), last_uses.of_one(CallerKind.PERSONAL_ACCESS_TOKEN, token.id))

    @api.operation(
        f"DELETE {one}",
        "revoke_personal_access_token",
        "Revoke a personal access token",
        guard=SIGNED_IN,
        given=OnePersonalAccessToken,
        status=HTTPStatus.NO_CONTENT,
    )
    def revoke(call: Call[OnePersonalAccessToken]) -> object:
        return tokens.revoke(_token_id(call), user_id=_whose(call.caller))

    @api.operation(
        f"POST {one}/rotate",
        "rotate_personal_access_token",
        "Revoke a personal access token and make another like it",
        guard=SIGNED_IN,
        given=RotatePersonalAccessToken,
        answer=IssuedPersonalAccessTokenJson,
    )
    def rotate(call: Call[RotatePersonalAccessToken]) -> object:
        issued = tokens.rotate(_token_id(call), expires_at=call.given.expires_at, user_id=_whose(call.caller))
        return issued_personal_access_token_json(issued, services.clock())

    @api.operation(
        "POST /users/{user_id}/personal_access_tokens",
        "create_personal_access_token",
        "Make a personal access token for a user",
        guard=ADMINISTRATOR,
        given=NewPersonalAccessToken,
        answer=IssuedPersonalAccessTokenJson,
        status=HTTPStatus.CREATED,
    )
    def create(call: Call[NewPersonalAccessToken]) -> object:
        given = call.given
        issued = tokens.create(given.user_id, name=given.name, scopes=given.scopes, expires_at=given.expires_at)
        return issued_personal_access_token_json(issued, services.clock())


def _whose(caller: Caller) -> int | None:
    """Give the id of the one user whose tokens the caller may handle; None for administrators, who handle all."""
    user = person(caller)
    return None if user.is_administrator else user.id


def _token_id(call: Call[OnePersonalAccessToken]) -> int:
    if isinstance(call.given.token_id, int):
        return call.given.token_id
    if call.caller.credential_id is None:
        raise NotFoundError("The request is made without a personal access token.")
    return call.caller.credential_id
