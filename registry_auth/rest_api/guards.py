"""Who may call an operation: declared beside it, checked before it, and told in the description of the API."""

import re
from dataclasses import dataclass

from registry_auth.authorization import can_see, role_at
from registry_auth.errors import NotFoundError
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.service import Namespaces
from registry_auth.rest_api.errors import InsufficientScopeError, RefusedError
from registry_auth.values import ANONYMOUS, Caller, NamespaceKind, Person, Role, TokenScope

_ID = re.compile(r"[0-9]{1,18}")  # what surely fits into a column of a database


@dataclass(frozen=True, slots=True)
class Guard:
    """What a caller needs. `kind` says that the address names a group or project, which the caller has to see, with `role` there."""

    who: str
    needs_login: bool = True
    needs_administrator: bool = False
    kind: NamespaceKind | None = None
    role: Role | None = None

    def check(self, caller: Caller) -> None:
        """Raise RefusedError unless the caller is somebody who may come in at all."""
        if self.needs_login and self.kind is None:
            person(caller)
        if self.needs_administrator and not person(caller).is_administrator:
            raise RefusedError(403, "Forbidden - This is for administrators.")

    def admit(self, caller: Caller, namespaces: Namespaces, id_or_path: str) -> Namespace:
        """Give the group or project, if the caller may do this there. Raises RefusedError.

        What the caller cannot see does not exist for the caller. GitLab answers who is not logged in as it answers who lacks the role.
        """
        if self.kind is None:
            raise TypeError("This guard knows no group or project.")
        namespace = visible_namespace(caller, namespaces, self.kind, id_or_path)
        if self.role is not None:
            require_role(caller, namespace, self.role)
        elif self.needs_login:
            person(caller)
        return namespace


ANYBODY = Guard("Everybody, also without logging in.", needs_login=False)
SIGNED_IN = Guard("Every user.")
ADMINISTRATOR = Guard("Administrators.", needs_administrator=True)


def who_sees(kind: NamespaceKind, *, signed_in: bool = False) -> Guard:
    """Let in who may know of the group or project."""
    who = f"Every user who sees the {kind}." if signed_in else f"Everybody who sees the {kind}; a public one without logging in."
    return Guard(who, needs_login=signed_in, kind=kind)


def who_has(role: Role, kind: NamespaceKind) -> Guard:
    """Let in who has at least this role there."""
    more = "" if role is Role.OWNER else " and above"
    return Guard(f"{role.name.capitalize()}s{more} of the {kind}, and administrators.", kind=kind, role=role)


def managing_role(kind: NamespaceKind) -> Role:
    """Give the least role that changes a project or group, its deploy tokens and its members (GitLab docs: permissions)."""
    return Role.MAINTAINER if kind is NamespaceKind.PROJECT else Role.OWNER


def check_token_scope(caller: Caller, *, changes: bool) -> None:
    """Raise InsufficientScopeError unless the token is made for this API; `read_api` changes nothing."""
    if caller is ANONYMOUS or TokenScope.API in caller.scopes:
        return
    if changes or TokenScope.READ_API not in caller.scopes:
        raise InsufficientScopeError(TokenScope.API if changes else TokenScope.READ_API)


def person(caller: Caller) -> Person:
    """Give the user who calls. Raises RefusedError for a caller who has not logged in."""
    if caller.person is None:
        raise RefusedError(401, "Unauthorized - Log in with a personal access token, in the header PRIVATE-TOKEN.")
    return caller.person


def require_role(caller: Caller, namespace: Namespace, role: Role) -> Role:
    """Give the role of the caller in the group or project. Raises RefusedError when it is less than the one that is needed."""
    held = None if caller.person is None else role_at(caller.person, namespace.path)
    if held is None or held < role:
        raise RefusedError(403, f"Forbidden - This needs the role {role.name.lower()} in the {namespace.kind} '{namespace.path}'.")
    return held


def visible_namespace(caller: Caller, namespaces: Namespaces, kind: NamespaceKind, id_or_path: str) -> Namespace:
    """Give the group or project of a number or path. Raises RefusedError, alike for what is missing and what the caller cannot see."""
    namespace = _seen(caller, namespaces, kind, id_or_path)
    if namespace is None:
        raise RefusedError(404, f"{kind.capitalize()} Not Found")
    return namespace


def is_id(id_or_path: str) -> bool:
    """Say whether a group or project is named by its number; a path of digits alone is never meant."""
    return _ID.fullmatch(id_or_path) is not None


def check_unambiguous(caller: Caller, namespaces: Namespaces, kind: NamespaceKind, address: str) -> None:
    """Raise RefusedError when the address of something in a group or project, read as one path, is that of another one.

    The web server decodes `%2F`, so `/groups/a%2Fmembers` (the group) and `/groups/a/members` (its members) look alike here.
    """
    other = _seen(caller, namespaces, kind, address)
    if other is not None:
        raise RefusedError(400, f"Bad Request - This may also mean the {kind} '{other.path}': name it by its id, which is {other.id}.")


def _seen(caller: Caller, namespaces: Namespaces, kind: NamespaceKind, id_or_path: str) -> Namespace | None:
    try:
        namespace = namespaces.get_by_id(kind, int(id_or_path)) if is_id(id_or_path) else namespaces.get(kind, id_or_path)
    except NotFoundError:
        return None
    return namespace if can_see(caller, namespace.path, namespace.visibility) else None
