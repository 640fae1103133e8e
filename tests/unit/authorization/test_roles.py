"""Roles at a path, and who sees what is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.authorization import can_see, role_at
from registry_auth.values import ANONYMOUS, Caller, CallerKind, Membership, NamespaceKind, Owner, Person, Role, TokenScope, Visibility

COMPONENTS = st.sampled_from(["a", "b", "a-b", "group1", "group10"])
PATHS = st.lists(COMPONENTS, min_size=1, max_size=4).map("/".join)
MEMBERSHIPS = st.frozensets(st.builds(Membership, PATHS, st.sampled_from(Role)), max_size=4)


def user(*memberships: tuple[str, Role], is_administrator: bool = False) -> Caller:
    """Give a caller who showed a personal access token that reads nothing but the API."""
    person = Person(7, is_administrator, frozenset(Membership(path, role) for path, role in memberships))
    return Caller(CallerKind.PERSONAL_ACCESS_TOKEN, "alice", 1, scopes=frozenset({TokenScope.READ_API}), person=person)


@given(MEMBERSHIPS, PATHS)
def test_role_is_the_highest_here_and_above(memberships: frozenset[Membership], path: str) -> None:
    """Component by component, memberships at the path and above it count, and the highest of them is the role."""
    parts = path.split("/")
    above = {"/".join(parts[:length]) for length in range(1, len(parts) + 1)}
    counting = [membership.role for membership in memberships if membership.path in above]
    assert role_at(Person(1, memberships=memberships), path) == max(counting, default=None)


@given(MEMBERSHIPS, PATHS)
def test_administrator_is_owner_everywhere(memberships: frozenset[Membership], path: str) -> None:
    """Whatever lower role an administrator was given, being one counts."""
    assert role_at(Person(1, is_administrator=True, memberships=memberships), path) is Role.OWNER


@pytest.mark.parametrize("place", ["g/hx", "g/h-x", "g/i", "g/h/p", "h", "g/h/", "G/H", ""])
def test_similar_names_give_no_role(place: str) -> None:
    """No membership counts at a path that merely begins like it, lies above it, or is written otherwise (S16)."""
    assert role_at(Person(1, memberships=frozenset({Membership(place, Role.OWNER)})), "g/h") is None


# Who sees the group or project `g/h` while it is private, internal, public.
VIEWERS = {
    "anonymous": (ANONYMOUS, (False, False, True)),
    "deploy token": (
        Caller(CallerKind.DEPLOY_TOKEN, "r", 1, frozenset({Owner(NamespaceKind.GROUP, "g")}), frozenset(TokenScope)),
        (False, False, True),
    ),
    "user": (user(), (False, True, True)),
    "guest": (user(("g/h", Role.GUEST)), (True, True, True)),
    "guest of the group above": (user(("g", Role.GUEST)), (True, True, True)),
    "member of a project below": (user(("g/h/p", Role.GUEST)), (True, True, True)),
    "member of a group far below": (user(("g/h/i/j/k", Role.OWNER)), (True, True, True)),
    "owner of a sibling": (user(("g/i", Role.OWNER)), (False, True, True)),
    "owner of a similar name": (user(("g/hx", Role.OWNER)), (False, True, True)),
    "member below a similar name": (user(("g/hx/p", Role.OWNER)), (False, True, True)),
    "administrator": (user(is_administrator=True), (True, True, True)),
}


@pytest.mark.parametrize(("viewer", "sees"), VIEWERS.values(), ids=VIEWERS)
def test_who_sees_what(viewer: Caller, sees: tuple[bool, bool, bool]) -> None:
    """The public is seen by all, the internal by users, the private by members of it, of what is above, and of what is in it (S6)."""
    assert tuple(can_see(viewer, "g/h", visibility) for visibility in Visibility) == sees


@given(MEMBERSHIPS, PATHS, st.sampled_from(Visibility))
def test_who_has_a_role_sees_the_way_to_it(memberships: frozenset[Membership], path: str, visibility: Visibility) -> None:
    """Every member sees what the role counts in, and every group above it."""
    viewer = Caller(CallerKind.PASSWORD, "alice", 1, person=Person(1, memberships=memberships))
    related = any(f"{membership.path}/".startswith(f"{path}/") or membership.covers(path) for membership in memberships)
    assert can_see(viewer, path, visibility) is (related or visibility is not Visibility.PRIVATE)
