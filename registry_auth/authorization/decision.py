"""THE decision of this server: what a caller may do with one resource. What it does not name is refused."""

from registry_auth.values import Action, Caller, CallerKind, Project, ResourceActions, Scope, TokenScope, Visibility

REGISTRY_SCOPES = frozenset({TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY})

_WILDCARD = "*"
_NOTHING: frozenset[Action] = frozenset()
_PULL = frozenset({Action.PULL})
_PULL_AND_PUSH = frozenset({Action.PULL, Action.PUSH})


def has_registry_ability(caller: Caller) -> bool:
    """Say whether the credential counts at the container registry at all; anonymous callers do, within what is public."""
    return caller.kind is CallerKind.ANONYMOUS or not REGISTRY_SCOPES.isdisjoint(caller.scopes)


def grant(caller: Caller, scope: Scope, project: Project | None) -> ResourceActions | None:
    """Decide on one scope of a token request at the container registry.

    `project` is the one that owns the repository, None when there is none. The answer names the asked resource, byte for byte, with the
    actions both asked and held, in the order of asking (`*` asks for all that is held); None when nothing is granted.
    """
    held = _held_actions(caller, scope, project)
    asked = tuple(Action) if _WILDCARD in scope.actions else scope.actions
    granted = tuple(action for action in asked if action in held)
    return ResourceActions(scope.type, scope.name, granted) if granted else None


def _held_actions(caller: Caller, scope: Scope, project: Project | None) -> frozenset[Action]:
    if scope.type != "repository" or project is None:
        return _NOTHING
    return _by_deploy_token(caller, project) | _by_visibility(project)


def _by_visibility(project: Project) -> frozenset[Action]:
    return _PULL if project.visibility is Visibility.PUBLIC else _NOTHING


def _by_deploy_token(caller: Caller, project: Project) -> frozenset[Action]:
    """Give what the scopes of a deploy token hold within its reach.

    GitLab docs, deploy tokens: pushing needs both scopes, and no scope of a deploy token deletes images.
    """
    if not any(owner.covers(project.path) for owner in caller.reach):
        return _NOTHING
    if TokenScope.READ_REGISTRY not in caller.scopes:
        return _NOTHING
    return _PULL_AND_PUSH if TokenScope.WRITE_REGISTRY in caller.scopes else _PULL
