"""Credentials that are good and yet can do nothing at the service that they are used for."""

from registry_auth.authorization import has_ability
from registry_auth.errors import NoAbilityError
from registry_auth.logs import caller_label
from registry_auth.values import Caller, CallerKind, NamespaceKind, Service, TokenScope

_KINDS = {CallerKind.DEPLOY_TOKEN: "deploy token", CallerKind.PERSONAL_ACCESS_TOKEN: "personal access token"}

_NEEDS = {
    Service.CONTAINER_REGISTRY: "The container registry needs read_registry to pull, and write_registry with it to push",
    Service.DEPENDENCY_PROXY: "The dependency proxy needs read_virtual_registry to pull, write_virtual_registry to pull, push and delete",
}

_OF_A_PROJECT = (
    "This deploy token is one of a project. The dependency proxy belongs to groups: "
    "it takes deploy tokens of the group itself or of a group above it."
)


def check_ability(caller: Caller, service: Service) -> None:
    """Raise NoAbilityError, with what the credential has and what it lacks, unless it counts at the service."""
    if not has_ability(caller, service):
        raise NoAbilityError(_why_none(caller, service), who=caller_label(caller.name, caller.credential_id))


def _why_none(caller: Caller, service: Service) -> str:
    if service is Service.DEPENDENCY_PROXY and any(owner.kind is NamespaceKind.PROJECT for owner in caller.reach):
        return _OF_A_PROJECT
    held = TokenScope.in_order(caller.scopes)
    alternative = "" if caller.person is None else "; or api for all that its user may do"
    return f"This {_KINDS[caller.kind]} has only the scope{'s' if len(held) > 1 else ''} {', '.join(held)}. {_NEEDS[service]}{alternative}."
