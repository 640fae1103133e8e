"""Lists of groups and projects: exactly what the decision lets a viewer see, in the order and part that was asked for."""

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_auth.accounts.visible_namespaces import ORDERS, NamespaceFilter, VisibleNamespaces
from registry_auth.authorization import can_see, role_at
from registry_auth.database import Paging
from registry_auth.namespaces.models import Namespace
from registry_auth.values import ANONYMOUS, Caller, CallerKind, NamespaceKind, Person, Role, Visibility
from tests.unit.installation import Installation

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT
PRIVATE, INTERNAL, PUBLIC = Visibility

# Parents before children. The names hold each other's beginnings, and `g_x` would match `gax` and `g-x` as a pattern.
TREE = [
    (GROUP, "g", PRIVATE),
    (GROUP, "g/h", PRIVATE),
    (PROJECT, "g/p", PRIVATE),
    (PROJECT, "g/h/p", PRIVATE),
    (PROJECT, "g/h/px", PRIVATE),
    (GROUP, "g/hx", PRIVATE),
    (PROJECT, "g/hx/p", PRIVATE),
    (GROUP, "g_x", PRIVATE),
    (PROJECT, "g_x/p", PRIVATE),
    (GROUP, "gax", PRIVATE),
    (PROJECT, "gax/p", PRIVATE),
    (PROJECT, "g-x", PRIVATE),
    (GROUP, "i", INTERNAL),
    (GROUP, "i/s", PRIVATE),
    (PROJECT, "i/p", INTERNAL),
    (PROJECT, "i/s/p", PRIVATE),
    (GROUP, "pub", PUBLIC),
    (GROUP, "pub/int", INTERNAL),
    (PROJECT, "pub/p", PUBLIC),
    (PROJECT, "pub/private", PRIVATE),
    (PROJECT, "pub/int/p", INTERNAL),
    (PROJECT, "pub/int/private", PRIVATE),
    (PROJECT, "app", PUBLIC),
]
PATHS = {path: kind for kind, path, _ in TREE}
MEMBERSHIPS = st.dictionaries(st.sampled_from(sorted(PATHS)), st.sampled_from(Role), max_size=4)


@pytest.fixture
def tree(installation: Installation) -> Installation:
    """Make the tree, an hour for each entry."""
    for kind, path, visibility in TREE:
        installation.namespaces.create(kind, path, visibility=visibility, name=f"The {path.rpartition('/')[2]} of {len(path)}%")
        installation.clock.advance(hours=-1)
    return installation


def viewer_with(tree: Installation, memberships: dict[str, Role], *, is_administrator: bool = False) -> Person:
    """Give a new user with these memberships, as a log-in finds them."""
    user = tree.user(f"user{len(tree.users.list())}", is_administrator=is_administrator)
    for path, role in memberships.items():
        tree.member(path, user, role, kind=PATHS[path])
    return Person(user, is_administrator, tree.accounts.memberships(user))


def listed(tree: Installation, kind: NamespaceKind, viewer: Person | None, wanted: NamespaceFilter | None = None) -> list[str]:
    """Give the paths of all that is listed, on one page."""
    page = VisibleNamespaces(tree.database).page(Paging(1, 100), kind, viewer, wanted or NamespaceFilter())
    assert page.total == len(page.items)
    return paths(page.items)


def paths(entries: Iterable[Namespace]) -> list[str]:
    """Give the paths of these."""
    return [entry.path for entry in entries]


def check_agreement(tree: Installation, viewer: Person | None) -> None:
    """Compare every list, and every list by role, with the decision on each entry."""
    caller = ANONYMOUS if viewer is None else Caller(CallerKind.PASSWORD, "somebody", viewer.id, person=viewer)
    for kind in NamespaceKind:
        seen = [entry.path for entry in tree.namespaces.list(kind) if can_see(caller, entry.path, entry.visibility)]
        assert listed(tree, kind, viewer) == seen
        for role in Role:
            held = [path for path in seen if viewer is not None and (role_at(viewer, path) or 0) >= role]
            assert listed(tree, kind, viewer, NamespaceFilter(role=role)) == held


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(memberships=MEMBERSHIPS)
def test_lists_agree_with_the_decision(tree: Installation, memberships: dict[str, Role]) -> None:
    """Whatever somebody is a member of, the lists hold exactly what the decision shows, and by role what the role is held in (S7)."""
    check_agreement(tree, viewer_with(tree, memberships))


def test_lists_of_anonymous_and_of_administrators_agree_with_the_decision(tree: Installation) -> None:
    """Who is nobody sees what is public and has no role; who is an administrator sees all and owns all (S6)."""
    check_agreement(tree, None)
    check_agreement(tree, viewer_with(tree, {}, is_administrator=True))
    check_agreement(tree, viewer_with(tree, {"g/h": Role.GUEST}, is_administrator=True))
    assert listed(tree, PROJECT, None) == ["app", "pub/p"]
    assert listed(tree, PROJECT, None, NamespaceFilter(role=Role.GUEST)) == []


def test_memberships_of_others_show_nothing(tree: Installation) -> None:
    """A list is bounded by the viewer's own memberships."""
    viewer_with(tree, {"g": Role.OWNER, "gax": Role.OWNER})
    assert listed(tree, PROJECT, viewer_with(tree, {"g_x": Role.GUEST})) == ["app", "g_x/p", "i/p", "pub/int/p", "pub/p"]


def test_what_is_taken_away_is_gone_from_the_next_list(tree: Installation) -> None:
    """Lists follow memberships and visibility at once (S20)."""
    viewer = viewer_with(tree, {"g/h": Role.GUEST})
    assert listed(tree, GROUP, viewer) == ["g", "g/h", "i", "pub", "pub/int"]
    tree.memberships.remove(GROUP, "g/h", viewer.id)
    tree.namespaces.update(PROJECT, "app", visibility=PRIVATE)
    assert listed(tree, GROUP, viewer) == ["i", "pub", "pub/int"]
    assert listed(tree, PROJECT, viewer) == ["i/p", "pub/int/p", "pub/p"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (NamespaceFilter(below="g"), ["g/h/p", "g/h/px", "g/hx/p", "g/p"]),
        (NamespaceFilter(below="g/h"), ["g/h/p", "g/h/px"]),
        (NamespaceFilter(below="g_x"), ["g_x/p"]),
        (NamespaceFilter(below="%"), []),
        (NamespaceFilter(below=""), []),
        (NamespaceFilter(search="g_x"), ["g_x/p"]),
        (NamespaceFilter(search="HX"), ["g/hx/p"]),
        (NamespaceFilter(search="/PX"), ["g/h/px"]),
        (NamespaceFilter(search="the PX"), ["g/h/px"]),
        (NamespaceFilter(search="of 3%"), ["app", "g-x", "g/p", "i/p"]),
        (NamespaceFilter(search="%/%"), []),
        (NamespaceFilter(search="\\"), []),
        (NamespaceFilter(search="'"), []),
        (NamespaceFilter(visibility=INTERNAL), ["i/p", "pub/int/p"]),
        (NamespaceFilter(visibility=PRIVATE, below="pub"), ["pub/int/private", "pub/private"]),
        (NamespaceFilter(top_level=True), ["app", "g-x"]),
        (NamespaceFilter(top_level=True, visibility=PUBLIC), ["app"]),
        (NamespaceFilter(below="g", search="hx", visibility=PRIVATE, role=Role.OWNER), ["g/hx/p"]),
    ],
    ids=str,
)
def test_filters_of_lists(tree: Installation, wanted: NamespaceFilter, found: list[str]) -> None:
    """Filters bound the list together, by whole components, and wildcards of the database stand for themselves."""
    assert listed(tree, PROJECT, viewer_with(tree, {}, is_administrator=True), wanted) == found


@pytest.mark.parametrize("role", [None, Role.GUEST])
def test_filters_never_widen_what_is_seen(tree: Installation, role: Role | None) -> None:
    """No filter shows a user what the plain list does not."""
    viewer = viewer_with(tree, {"g/h": Role.REPORTER})
    for wanted in (NamespaceFilter(below="g", role=role), NamespaceFilter(search="p", below="g", visibility=PRIVATE, role=role)):
        assert listed(tree, PROJECT, viewer, wanted) == ["g/h/p", "g/h/px"]


def test_children_of_one_group(tree: Installation) -> None:
    """By the id of a parent only what is directly in it is listed."""
    viewer = viewer_with(tree, {"g": Role.REPORTER})
    g = tree.namespaces.get(GROUP, "g").id
    assert listed(tree, PROJECT, viewer, NamespaceFilter(parent_id=g)) == ["g/p"]
    assert listed(tree, GROUP, viewer, NamespaceFilter(parent_id=g)) == ["g/h", "g/hx"]
    assert listed(tree, GROUP, None, NamespaceFilter(parent_id=g)) == []
    assert listed(tree, GROUP, viewer, NamespaceFilter(parent_id=99)) == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order_by", ORDERS)
def test_pages_follow_each_other_in_every_order(tree: Installation, order_by: str, descending: bool) -> None:
    """Each entry is on exactly one page, in the order that was asked for; equal ones by id, so that pages never overlap."""
    viewer = viewer_with(tree, {}, is_administrator=True)
    wanted = NamespaceFilter(order_by=order_by, descending=descending)
    pages = [VisibleNamespaces(tree.database).page(Paging(number, 5), PROJECT, viewer, wanted) for number in range(1, 5)]
    entries = [entry for page in pages for entry in page.items]
    assert [len(page.items) for page in pages] == [5, 5, 4, 0]
    assert {page.total for page in pages} == {14}
    expected = sorted(tree.namespaces.list(PROJECT), key=lambda entry: entry.id)
    expected.sort(key=lambda entry: getattr(entry, order_by), reverse=descending)
    assert paths(entries) == paths(expected)
