"""THE decision of this server: what a caller may do with one resource of a service. What it does not name is refused."""

from registry_auth.authorization import container_registry, dependency_proxy
from registry_auth.values import Action, Caller, CallerKind, Group, Project, ResourceActions, Scope, Service

_ALL = "*"
_CATALOG = ("registry", "catalog")


def has_ability(caller: Caller, service: Service) -> bool:
    """Say whether the credential counts at the service at all; anonymous callers do, within what is public."""
    if caller.kind is CallerKind.ANONYMOUS:
        return True
    if service is Service.DEPENDENCY_PROXY:
        return dependency_proxy.has_ability(caller)
    return container_registry.has_ability(caller)


def grant(caller: Caller, service: Service, scope: Scope, owner: Project | Group | None) -> ResourceActions | None:
    """Decide on one scope that is asked for at a service.

    `owner` is what the repository belongs to: a project at the container registry, a group at the dependency proxy, None when there is
    none. The answer names the asked resource, byte for byte, with the actions both asked and held, in the order of asking (`*` asks for
    all that is held); None when nothing is granted.
    """
    asked = scope.actions
    held: frozenset[str]
    if scope.type == "repository":
        held = _held_actions(caller, service, owner)
        asked = tuple(Action) if _ALL in asked else asked
    else:
        held = frozenset({_ALL}) if _may_list_catalog(caller, service, scope) else frozenset()
    granted = tuple([action for action in asked if action in held])  # a list, for a generator takes twice as long
    return ResourceActions(scope.type, scope.name, granted) if granted else None


def _held_actions(caller: Caller, service: Service, owner: Project | Group | None) -> frozenset[Action]:
    if service is Service.CONTAINER_REGISTRY and isinstance(owner, Project):
        return container_registry.held_actions(caller, owner)
    if service is Service.DEPENDENCY_PROXY and isinstance(owner, Group):
        return dependency_proxy.held_actions(caller, owner)
    return frozenset()


def _may_list_catalog(caller: Caller, service: Service, scope: Scope) -> bool:
    is_catalog = (scope.type, scope.name) == _CATALOG
    return service is Service.CONTAINER_REGISTRY and is_catalog and container_registry.may_list_catalog(caller)
