"""`/user` and `/users` (GitLab docs: users API)."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from pydantic import Field, SecretStr

from registry_auth.accounts.models import User
from registry_auth.accounts.users import UserChange, UserFilter
from registry_auth.errors import InvalidValueError
from registry_auth.json_form import UserJson, UserReferenceJson, user_json, user_reference_json
from registry_auth.rest_api.guards import ADMINISTRATOR, SIGNED_IN, person
from registry_auth.rest_api.operations import Api, Call, map_page
from registry_auth.rest_api.parameters import Id, PageParameters, Parameters, Search, Text
from registry_auth.services import Services
from registry_auth.values import Caller, UserState

Password = Annotated[SecretStr, Field(description="8 to 128 characters.", json_schema_extra={"writeOnly": True})]
IsAdministrator = Annotated[bool, Field(description="Whether the user is an administrator.")]


class ListUsers(PageParameters):
    """Which users are wanted."""

    username: Annotated[Search | None, Field(description="The user of this name.")] = None
    search: Annotated[Search | None, Field(description="Those with this text in their user name or name.")] = None
    active: Annotated[bool, Field(description="Only those who may log in.")] = False
    blocked: Annotated[bool, Field(description="Only those who are blocked.")] = False


class OneUser(Parameters):
    """A user by id."""

    user_id: Id


class NewUser(Parameters):
    """A user to be made."""

    username: Text
    name: Annotated[Text | None, Field(description="The user name unless given.")] = None
    email: Text | None = None
    password: Annotated[Password | None, Field(description="Without it only personal access tokens log the user in.")] = None
    admin: IsAdministrator = False


class ChangedUser(OneUser):
    """What is to be changed of a user."""

    username: Annotated[Text | None, Field(description="Must be left out or be the one that it is: user names never change.")] = None
    name: Text | None = None
    email: Text | None = None
    password: Password | None = None
    admin: IsAdministrator | None = None


def user_operations(api: Api, services: Services) -> None:
    """Declare the operations."""
    users = services.users

    @api.operation("GET /user", "get_current_user", "Show oneself", guard=SIGNED_IN, given=Parameters, answer=UserJson)
    def current(call: Call[Parameters]) -> object:
        return user_json(users.get_by_id(person(call.caller).id))

    @api.operation(
        "GET /users",
        "list_users",
        "List the users; e-mail addresses and administrators are shown to administrators",
        guard=SIGNED_IN,
        given=ListUsers,
        answer=UserJson | UserReferenceJson,
    )
    def list_(call: Call[ListUsers]) -> object:
        given = call.given
        state = UserState.ACTIVE if given.active else UserState.BLOCKED if given.blocked else None
        page = users.page(given.paging, UserFilter(search=given.search, username=given.username, state=state))
        return map_page(_form(call.caller), page)

    @api.operation("GET /users/{user_id}", "get_user", "Show a user", guard=SIGNED_IN, given=OneUser, answer=UserJson | UserReferenceJson)
    def get(call: Call[OneUser]) -> object:
        return _form(call.caller)(users.get_by_id(call.given.user_id))

    @api.operation(
        "POST /users", "create_user", "Make a user", guard=ADMINISTRATOR, given=NewUser, answer=UserJson, status=HTTPStatus.CREATED
    )
    def create(call: Call[NewUser]) -> object:
        given = call.given
        user = users.create(given.username, name=given.name, email=given.email, password=given.password, is_administrator=given.admin)
        return user_json(user)

    @api.operation("PUT /users/{user_id}", "update_user", "Change a user", guard=ADMINISTRATOR, given=ChangedUser, answer=UserJson)
    def update(call: Call[ChangedUser]) -> object:
        given = call.given
        if given.username not in {None, users.get_by_id(given.user_id).username}:
            raise InvalidValueError("User names never change.", field="username")
        change = UserChange(name=given.name, email=given.email, password=given.password, is_administrator=given.admin)
        return user_json(users.update(given.user_id, change))

    @api.operation(
        "DELETE /users/{user_id}",
        "delete_user",
        "Delete a user with memberships and personal access tokens; deploy tokens stay",
        guard=ADMINISTRATOR,
        given=OneUser,
        status=HTTPStatus.NO_CONTENT,
    )
    def delete(call: Call[OneUser]) -> object:
        return users.delete(call.given.user_id)

    for verb, do, summary in (
        ("block", users.block, "Refuse all credentials of a user from now on"),
        ("unblock", users.unblock, "Accept the credentials of a user again"),
    ):
        _switch(api, verb, do, summary)


def _switch(api: Api, verb: str, do: Callable[[int], User], summary: str) -> None:
    @api.operation(
        f"POST /users/{{user_id}}/{verb}",
        f"{verb}_user",
        summary,
        guard=ADMINISTRATOR,
        given=OneUser,
        answer=bool,
        status=HTTPStatus.CREATED,
    )
    def switch(call: Call[OneUser]) -> object:
        do(call.given.user_id)
        return True


def _form(caller: Caller) -> Callable[[User], UserReferenceJson]:
    """Give the form in which the caller may see users."""
    return user_json if person(caller).is_administrator else user_reference_json
