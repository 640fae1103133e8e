"""Callers of every kind and what they ask, and what holds for the decision at whatever service."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import combinations

from hypothesis import strategies as st

from registry_auth.authorization import grant, has_ability
from registry_auth.values import (
    ANONYMOUS,
    DEPLOY_TOKEN_SCOPES,
    PERSONAL_ACCESS_TOKEN_SCOPES,
    Caller,
    CallerKind,
    Group,
    Membership,
    Owner,
    Person,
    Project,
    Role,
    Scope,
    Service,
    TokenScope,
)


def scope_sets(scopes: Collection[TokenScope]) -> list[frozenset[TokenScope]]:
    """Give every choice of some of these scopes."""
    return [frozenset(held) for size in range(len(scopes) + 1) for held in combinations(scopes, size)]


DEPLOY_SCOPE_SETS = scope_sets(DEPLOY_TOKEN_SCOPES)
PERSONAL_SCOPE_SETS = scope_sets(PERSONAL_ACCESS_TOKEN_SCOPES)
ANY_SCOPES = st.sampled_from(DEPLOY_SCOPE_SETS + PERSONAL_SCOPE_SETS)


def deploy_token(scopes: frozenset[TokenScope], *reach: Owner) -> Caller:
    """Give the caller who showed a deploy token."""
    return Caller(CallerKind.DEPLOY_TOKEN, "robot", 1, frozenset(reach), scopes)


def person(scopes: Collection[TokenScope], *memberships: tuple[str, Role], is_administrator: bool = False) -> Caller:
    """Give the caller who showed a personal access token."""
    held = frozenset(Membership(path, role) for path, role in memberships)
    user = Person(7, is_administrator, held)
    return Caller(CallerKind.PERSONAL_ACCESS_TOKEN, "alice", 1, scopes=frozenset(scopes), person=user)


def machines(owners: Mapping[str, tuple[Owner, bool]]) -> st.SearchStrategy[Caller]:
    """Give deploy tokens of some of these owners, and anonymous callers."""
    return st.one_of(
        st.just(ANONYMOUS),
        st.builds(
            lambda scopes, reach: deploy_token(scopes, *reach),
            st.sampled_from(DEPLOY_SCOPE_SETS),
            st.lists(st.sampled_from([owner for owner, _ in owners.values()]), max_size=3),
        ),
    )


def people(places: Mapping[str, tuple[str, bool]]) -> st.SearchStrategy[Caller]:
    """Give users with roles in some of these places."""
    return st.builds(
        lambda scopes, memberships, is_administrator: person(scopes, *memberships, is_administrator=is_administrator),
        st.sampled_from(PERSONAL_SCOPE_SETS),
        st.lists(st.tuples(st.sampled_from([path for path, _ in places.values()]), st.sampled_from(Role)), max_size=3),
        st.booleans(),
    )


def asked_scopes(*names: str) -> st.SearchStrategy[Scope]:
    """Give what can be asked for resources of these names, in whatever words."""
    return st.builds(
        Scope,
        st.sampled_from(["repository", "registry", "repository(plugin)", ""]),
        st.sampled_from(names),
        st.lists(st.sampled_from(["pull", "push", "delete", "*", "admin", "PULL", ""]), unique=True, max_size=6).map(tuple),
    )


def check_all_is_most(caller: Caller, service: Service, scope: Scope, owner: Project | Group | None) -> None:
    """Check that, whatever is asked and in whatever words, nothing is granted that asking for all would not grant."""
    granted, everything = grant(caller, service, scope, owner), grant(caller, service, replace(scope, actions=("*",)), owner)
    assert granted is None or (everything is not None and set(granted.actions) <= set(everything.actions))


def check_scopes_only_add(
    caller: Caller, service: Service, scope: Scope, owner: Project | Group | None, more: frozenset[TokenScope]
) -> None:
    """Check that a credential with more scopes may do at least as much, and counts at the service if it did before."""
    richer = replace(caller, scopes=caller.scopes | more)
    before, after = grant(caller, service, scope, owner), grant(richer, service, scope, owner)
    assert before is None or (after is not None and set(before.actions) <= set(after.actions))
    assert has_ability(richer, service) or not has_ability(caller, service)
