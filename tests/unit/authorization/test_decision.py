"""The decision: granted is always a subset of asked and of held."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.authorization import grant, has_registry_ability
from registry_auth.values import (
    ANONYMOUS,
    Action,
    Caller,
    CallerKind,
    NamespaceKind,
    Owner,
    Project,
    Scope,
    TokenScope,
    Visibility,
)

READ, WRITE = TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY
PROJECT = "g/h/p"
ALL_SCOPE_SETS = [frozenset(held) for size in range(len(TokenScope) + 1) for held in combinations(TokenScope, size)]

# Who the token was made for, and whether that covers PROJECT.
OWNERS = {
    "project": (Owner(NamespaceKind.PROJECT, "g/h/p"), True),
    "group": (Owner(NamespaceKind.GROUP, "g/h"), True),
    "ancestor": (Owner(NamespaceKind.GROUP, "g"), True),
    "child project": (Owner(NamespaceKind.PROJECT, "g/h/p/q"), False),
    "child group": (Owner(NamespaceKind.GROUP, "g/h/i"), False),
    "sibling project": (Owner(NamespaceKind.PROJECT, "g/h/px"), False),
    "sibling group": (Owner(NamespaceKind.GROUP, "g/hx"), False),
    "foreign": (Owner(NamespaceKind.GROUP, "other"), False),
}


def deploy_token(scopes: frozenset[TokenScope], *reach: Owner) -> Caller:
    """Give the caller who showed a deploy token."""
    return Caller(CallerKind.DEPLOY_TOKEN, "robot", 1, frozenset(reach), scopes)


CALLERS = st.one_of(
    st.just(ANONYMOUS),
    st.builds(
        lambda scopes, reach: deploy_token(scopes, *reach),
        st.sampled_from(ALL_SCOPE_SETS),
        st.lists(st.sampled_from([owner for owner, _ in OWNERS.values()]), max_size=3),
    ),
)
WORDS = st.sampled_from(["pull", "push", "delete", "*", "admin", "PULL", ""])
SCOPES = st.builds(
    Scope,
    st.sampled_from(["repository", "registry", "repository(plugin)", ""]),
    st.sampled_from([PROJECT, "g/h/p/image", "catalog", "g/h/P"]),
    st.lists(WORDS, unique=True, max_size=6).map(tuple),
)
PROJECTS = st.none() | st.builds(Project, st.just(PROJECT), st.sampled_from(Visibility))


def granted_actions(caller: Caller, actions: tuple[str, ...], visibility: Visibility) -> tuple[str, ...]:
    """Give what the caller gets of these actions on PROJECT."""
    granted = grant(caller, Scope("repository", PROJECT, actions), Project(PROJECT, visibility))
    return granted.actions if granted else ()


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize(("owner", "covers"), OWNERS.values(), ids=OWNERS)
def test_every_scope_set_of_every_owner_holds_exactly_its_actions(owner: Owner, covers: bool, visibility: Visibility) -> None:
    """Whatever else a token holds: read pulls, read with write pushes, both only within reach; the public may pull (D1, D2, S4, S5)."""
    for scopes in ALL_SCOPE_SETS:
        held = set()
        if visibility is Visibility.PUBLIC or (covers and READ in scopes):
            held.add("pull")
        if covers and {READ, WRITE} <= scopes:
            held.add("push")
        for actions in (("pull",), ("push",), ("delete",), ("pull", "push"), ("delete", "push", "pull"), ("*",)):
            asked = {"pull", "push", "delete"} if "*" in actions else set(actions)
            assert set(granted_actions(deploy_token(scopes, owner), actions, visibility)) == asked & held


@given(CALLERS, SCOPES, PROJECTS)
def test_grant_never_exceeds_what_was_asked(caller: Caller, scope: Scope, project: Project | None) -> None:
    """A grant names the asked resource byte for byte and no action that was not asked, none twice, never delete (S14, S23)."""
    granted = grant(caller, scope, project)
    if granted is None:
        return
    assert project is not None
    assert (granted.type, granted.name) == (scope.type, scope.name)
    assert granted.type == "repository"
    assert granted.actions
    assert len(set(granted.actions)) == len(granted.actions)
    assert set(granted.actions) <= {"pull", "push"}
    assert "*" in scope.actions or set(granted.actions) <= set(scope.actions)


@given(CALLERS, SCOPES, PROJECTS)
def test_more_scopes_never_take_a_right_away(caller: Caller, scope: Scope, project: Project | None) -> None:
    """Every credential may do at least what an anonymous caller may (D1, D2)."""
    anonymous, known = grant(ANONYMOUS, scope, project), grant(caller, scope, project)
    assert anonymous is None or (known is not None and set(anonymous.actions) <= set(known.actions))


@pytest.mark.parametrize(
    ("actions", "granted"),
    [
        (("push", "pull"), ("push", "pull")),
        (("pull", "push"), ("pull", "push")),
        (("delete", "push"), ("push",)),
        (("*",), ("pull", "push")),
        (("push", "*"), ("pull", "push")),
        (("delete",), ()),
        (("destroy", "pull"), ("pull",)),
    ],
)
def test_actions_come_in_the_order_of_asking(actions: tuple[str, ...], granted: tuple[str, ...]) -> None:
    """The order is the asker's; `*` is spelled out and never echoed (D24)."""
    caller = deploy_token(frozenset({READ, WRITE}), OWNERS["project"][0])
    assert granted_actions(caller, actions, Visibility.PRIVATE) == granted


@pytest.mark.parametrize(("visibility", "granted"), [("private", ()), ("internal", ()), ("public", ("pull",))])
def test_anonymous_pulls_what_is_public(visibility: str, granted: tuple[str, ...]) -> None:
    """Without a credential only public projects can be pulled, and nothing can be pushed (S6)."""
    assert granted_actions(ANONYMOUS, tuple(Action), Visibility(visibility)) == granted


def test_reach_of_several_owners_adds_up() -> None:
    """A caller who reaches several owners may act in each of them."""
    caller = deploy_token(frozenset({READ}), OWNERS["foreign"][0], OWNERS["project"][0])
    assert granted_actions(caller, ("pull",), Visibility.PRIVATE) == ("pull",)


@pytest.mark.parametrize("scopes", ALL_SCOPE_SETS, ids=lambda scopes: "+".join(sorted(scopes)) or "none")
def test_ability_needs_a_registry_scope(scopes: frozenset[TokenScope]) -> None:
    """A deploy token counts at the container registry when it holds at least one of its two scopes (D11, D21)."""
    assert has_registry_ability(deploy_token(scopes)) is bool(scopes & {READ, WRITE})


def test_anonymous_has_ability() -> None:
    """Anonymous callers may ask, within what is public."""
    assert has_registry_ability(ANONYMOUS)
