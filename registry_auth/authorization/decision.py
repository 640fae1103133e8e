"""THE decision of this server: what a caller may do with one resource. What it does not name is refused."""

from registry_auth.authorization.roles import role_at
from registry_auth.values import Action, Caller, CallerKind, Person, Project, ResourceActions, Role, Scope, TokenScope, Visibility

REGISTRY_SCOPES = frozenset({TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY, TokenScope.API})

_ALL = "*"
_CATALOG = ("registry", "catalog")
_NOTHING: frozenset[Action] = frozenset()
_PULL = frozenset({Action.PULL})
_PULL_AND_PUSH = frozenset({Action.PULL, Action.PUSH})
_EVERYTHING = frozenset(Action)

_BY_ROLE = {
    Role.GUEST: _NOTHING,
    Role.REPORTER: _PULL,
    Role.DEVELOPER: _PULL_AND_PUSH,
    Role.MAINTAINER: _EVERYTHING,
    Role.OWNER: _EVERYTHING,
}


def has_registry_ability(caller: Caller) -> bool:
    """Say whether the credential counts at the container registry at all; anonymous callers do, within what is public."""
    return caller.kind is CallerKind.ANONYMOUS or not REGISTRY_SCOPES.isdisjoint(caller.scopes)


def grant(caller: Caller, scope: Scope, project: Project | None) -> ResourceActions | None:
    """Decide on one scope of a token request at the container registry.

    `project` is the one that owns the repository, None when there is none. The answer names the asked resource, byte for byte, with the
    actions both asked and held, in the order of asking (`*` asks for all that is held); None when nothing is granted.
    """
    asked = scope.actions
    if (scope.type, scope.name) == _CATALOG:
        held = frozenset({_ALL}) if _may_list_catalog(caller) else frozenset()
    else:
        held = _held_actions(caller, scope, project)
        asked = tuple(Action) if _ALL in asked else asked
    granted = tuple(action for action in asked if action in held)
    return ResourceActions(scope.type, scope.name, granted) if granted else None


def _may_list_catalog(caller: Caller) -> bool:
    """Say whether the caller may see the names of all repositories: administrators, with any scope that reads."""
    return caller.person is not None and caller.person.is_administrator and Action.PULL in _by_token_scopes(caller)


def _held_actions(caller: Caller, scope: Scope, project: Project | None) -> frozenset[Action]:
    if scope.type != "repository" or project is None:
        return _NOTHING
    rights = _by_reach(caller, project) if caller.person is None else _by_person(caller.person, project)
    return (rights & _by_token_scopes(caller)) | _by_visibility(project)


def _by_visibility(project: Project) -> frozenset[Action]:
    return _PULL if project.visibility is Visibility.PUBLIC else _NOTHING


def _by_reach(caller: Caller, project: Project) -> frozenset[Action]:
    """Give what a deploy token could do with all scopes; it never deletes images (GitLab docs: deploy tokens)."""
    return _PULL_AND_PUSH if any(owner.covers(project.path) for owner in caller.reach) else _NOTHING


def _by_person(person: Person, project: Project) -> frozenset[Action]:
    """Give what a user could do with all scopes (GitLab docs: permissions, container registry)."""
    role = role_at(person, project.path)
    rights = _NOTHING if role is None else _BY_ROLE[role]
    return rights | _PULL if project.visibility is Visibility.INTERNAL else rights


def _by_token_scopes(caller: Caller) -> frozenset[Action]:
    """Give what the scopes of the credential let through. Pushing needs both registry scopes, deleting needs `api`."""
    if TokenScope.API in caller.scopes:
        return _EVERYTHING
    if TokenScope.READ_REGISTRY not in caller.scopes:
        return _NOTHING
    return _PULL_AND_PUSH if TokenScope.WRITE_REGISTRY in caller.scopes else _PULL
