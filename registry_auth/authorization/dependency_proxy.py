"""What is held at the dependency proxy: the part of the decision that knows groups."""

from registry_auth.authorization.action_sets import EVERYTHING, NOTHING, PULL, PULL_AND_PUSH
from registry_auth.authorization.roles import role_at
from registry_auth.values import Action, Caller, Group, NamespaceKind, Person, Role, TokenScope

# Who belongs to the group pulls (GitLab docs: dependency proxy). To write takes the role that writes at the container registry.
_BY_ROLE = {
    Role.GUEST: PULL,
    Role.REPORTER: PULL,
    Role.DEVELOPER: PULL_AND_PUSH,
    Role.MAINTAINER: EVERYTHING,
    Role.OWNER: EVERYTHING,
}


def has_ability(caller: Caller) -> bool:
    """Say whether the credential lets anything through: its scopes, and for a deploy token that it is one of a group."""
    of_a_group = any(owner.kind is NamespaceKind.GROUP for owner in caller.reach)
    return bool(_by_token_scopes(caller)) and (caller.person is not None or of_a_group)


def held_actions(caller: Caller, group: Group) -> frozenset[Action]:
    """Give what the caller may do with images under the group; nothing where the feature is off."""
    if not group.dependency_proxy_enabled:
        return NOTHING
    rights = _by_reach(caller, group) if caller.person is None else _by_person(caller.person, group)
    return rights & _by_token_scopes(caller)


def _by_reach(caller: Caller, group: Group) -> frozenset[Action]:
    return EVERYTHING if any(owner.covers_group(group.path) for owner in caller.reach) else NOTHING


def _by_person(person: Person, group: Group) -> frozenset[Action]:
    role = role_at(person, group.path)
    return NOTHING if role is None else _BY_ROLE[role]


def _by_token_scopes(caller: Caller) -> frozenset[Action]:
    """Give what the scopes let through (GitLab docs: deploy tokens, Scope): the virtual registry's alone, writing implies reading."""
    if not caller.scopes.isdisjoint({TokenScope.WRITE_VIRTUAL_REGISTRY, TokenScope.API}):
        return EVERYTHING
    return PULL if TokenScope.READ_VIRTUAL_REGISTRY in caller.scopes else NOTHING
