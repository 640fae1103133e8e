"""The members of projects and groups (GitLab docs: members API)."""

from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from registry_auth.errors import InvalidValueError
from registry_auth.json_form import MemberJson, member_json
from registry_auth.rest_api.errors import ParameterError, RefusedError
from registry_auth.rest_api.guards import managing_role, person, require_role, who_has, who_sees
from registry_auth.rest_api.operations import Api, Call, map_page
from registry_auth.rest_api.parameters import AccessLevel, Id, PageParameters, Parameters, Search, Text
from registry_auth.services import Services
from registry_auth.values import NamespaceKind, Role


class ListMembers(PageParameters):
    """Which members are wanted."""

    query: Annotated[Search | None, Field(description="Those with this text in their user name or name.")] = None


class OneMember(Parameters):
    """A member by the id of the user."""

    user_id: Id


class _WithRole(Parameters):
    access_level: AccessLevel
    expires_at: Annotated[Text | None, Field(description="Must be empty: memberships do not expire here.")] = None

    @property
    def role(self) -> Role:
        """The role that is asked for. Raises InvalidValueError when it is asked for a time, which nobody would end."""
        if self.expires_at is not None:
            raise InvalidValueError("Memberships do not expire here: leave it out, and remove the member in time.", field="expires_at")
        return Role(self.access_level)


class NewMember(_WithRole):
    """A user who becomes a member; named by id or user name."""

    user_id: Id | None = None
    username: Text | None = None


class ChangedMember(_WithRole):
    """A member who gets another role."""

    user_id: Id


def member_operations(api: Api, services: Services) -> None:
    """Declare the operations."""
    for kind in NamespaceKind:
        _reading(api, services, kind)
        _writing(api, services, kind)


def _reading(api: Api, services: Services, kind: NamespaceKind) -> None:
    for path, infix, inherited, words in (
        ("members", "", False, f"of a {kind} itself"),
        ("members/all", "all_", True, f"of a {kind}, inherited ones included; the highest role of each"),
    ):
        _reading_of(api, services, kind, path, infix, words, inherited=inherited)


def _reading_of(api: Api, services: Services, kind: NamespaceKind, path: str, infix: str, words: str, *, inherited: bool) -> None:
    members = f"/{kind}s/{{id}}/{path}"

    @api.operation(
        f"GET {members}",
        f"list_{infix}{kind}_members",
        f"List the members {words}",
        guard=who_sees(kind, signed_in=True),
        given=ListMembers,
        answer=MemberJson,
    )
    def list_(call: Call[ListMembers]) -> object:
        given = call.given
        page = services.memberships.page(given.paging, kind, call.namespace.path, inherited=inherited, search=given.query)
        return map_page(member_json, page)

    @api.operation(
        f"GET {members}/{{user_id}}",
        f"get_{infix}{kind}_member",
        f"Show a member {words}",
        guard=who_sees(kind, signed_in=True),
        given=OneMember,
        answer=MemberJson,
    )
    def get(call: Call[OneMember]) -> object:
        return member_json(services.memberships.get(kind, call.namespace.path, call.given.user_id, inherited=inherited))


def _writing(api: Api, services: Services, kind: NamespaceKind) -> None:
    writer = managing_role(kind)
    members, member = f"/{kind}s/{{id}}/members", f"/{kind}s/{{id}}/members/{{user_id}}"
    memberships = services.memberships

    @api.operation(
        f"POST {members}",
        f"add_{kind}_member",
        f"Make a user a member of a {kind}, with a role not above one's own",
        guard=who_has(writer, kind),
        given=NewMember,
        answer=MemberJson,
        status=HTTPStatus.CREATED,
    )
    def add(call: Call[NewMember]) -> object:
        _check_not_above_own(call, writer, call.given.role)
        return member_json(memberships.add(kind, call.namespace.path, _user_id(services, call.given), call.given.role))

    @api.operation(
        f"PUT {member}",
        f"update_{kind}_member",
        f"Give a member of a {kind} another role; neither may be above one's own",
        guard=who_has(writer, kind),
        given=ChangedMember,
        answer=MemberJson,
    )
    def update(call: Call[ChangedMember]) -> object:
        _check_not_above_own(call, writer, call.given.role)
        _check_not_above_own(call, writer, memberships.get(kind, call.namespace.path, call.given.user_id).role)
        return member_json(memberships.update(kind, call.namespace.path, call.given.user_id, call.given.role))

    @api.operation(
        f"DELETE {member}",
        f"remove_{kind}_member",
        f"End a membership of a {kind}: one's own, or one whose role is not above one's own",
        guard=who_sees(kind, signed_in=True),
        given=OneMember,
        status=HTTPStatus.NO_CONTENT,
    )
    def remove(call: Call[OneMember]) -> object:
        if person(call.caller).id != call.given.user_id:
            require_role(call.caller, call.namespace, writer)
            _check_not_above_own(call, writer, memberships.get(kind, call.namespace.path, call.given.user_id).role)
        return memberships.remove(kind, call.namespace.path, call.given.user_id)


def _check_not_above_own(call: Call[Parameters], least: Role, role: Role) -> None:
    if role > require_role(call.caller, call.namespace, least):
        raise RefusedError(403, f"Forbidden - The role {role.name.lower()} is above your own.")


def _user_id(services: Services, given: NewMember) -> int:
    if given.user_id is not None:
        return given.user_id
    if given.username is None:
        raise ParameterError("user_id, username are missing, at least one parameter must be provided")
    return services.users.get(given.username).id
