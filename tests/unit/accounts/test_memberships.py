"""Memberships: who has which role where, inherited ones included."""

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from registry_auth.accounts.memberships import Memberships
from registry_auth.accounts.models import Membership
from registry_auth.database import Paging
from registry_auth.errors import ConflictError, NotFoundError
from registry_auth.values import NamespaceKind, Role
from tests.unit.installation import NOW, Installation

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT
ALL = Paging(1, 100)


@pytest.fixture
def people(installation: Installation) -> Installation:
    """Give an installation with a project in a subgroup, groups of similar names, and the users alice (1), bob (2) and carol (3)."""
    for path in ("g/h/p", "g/hx/p", "g/h-x/p", "gg/p"):
        installation.project(path)
    for username in ("alice", "bob", "carol"):
        installation.user(username)
    return installation


def roles(people: Installation, kind: NamespaceKind, path: str, *, inherited: bool) -> dict[str, tuple[Role, str]]:
    """Give each member's role, and the path it was given at."""
    page = people.memberships.page(ALL, kind, path, inherited=inherited)
    assert page.total == len(page.items)
    return {member.user.username: (member.role, member.namespace.path) for member in page.items}


def test_member_has_the_role_that_was_given(people: Installation) -> None:
    """A membership names user, place, role and instant."""
    added = people.memberships.add(PROJECT, "g/h/p", 1, Role.DEVELOPER)
    for member in (added, people.memberships.get(PROJECT, "g/h/p", 1), *people.memberships.list(PROJECT, "g/h/p")):
        assert (member.user.username, member.namespace.path, member.role, member.created_at) == ("alice", "g/h/p", Role.DEVELOPER, NOW)


def test_nobody_is_a_member_twice(people: Installation) -> None:
    """A second role in the same place is refused and the first one stays; elsewhere another one is given."""
    people.member("g/h/p", 1, Role.GUEST)
    with pytest.raises(ConflictError, match="The user 'alice' is a member of the project 'g/h/p' already"):
        people.member("g/h/p", 1, Role.OWNER)
    people.member("g/h", 1, Role.OWNER, kind=GROUP)
    assert people.memberships.get(PROJECT, "g/h/p", 1).role is Role.GUEST


def test_role_changes_and_nothing_else(people: Installation) -> None:
    """Of all memberships exactly the named one gets another role, higher or lower."""
    people.member("g/h/p", 1, Role.GUEST)
    people.member("g/h", 1, Role.REPORTER, kind=GROUP)
    people.member("g/h/p", 2, Role.REPORTER)
    for role in (Role.OWNER, Role.GUEST, Role.GUEST):
        people.clock.advance(days=1)
        assert people.memberships.update(PROJECT, "g/h/p", 1, role).role is role
        assert roles(people, PROJECT, "g/h/p", inherited=False) == {"alice": (role, "g/h/p"), "bob": (Role.REPORTER, "g/h/p")}
    assert people.memberships.get(GROUP, "g/h", 1).role is Role.REPORTER
    assert people.memberships.get(PROJECT, "g/h/p", 1).created_at == NOW


def test_removed_member_is_told_once(people: Installation) -> None:
    """The membership that ends is given as it was; others of the user or the place stay."""
    people.member("g/h/p", 1, Role.GUEST)
    people.member("g/h", 1, Role.REPORTER, kind=GROUP)
    people.member("g/h/p", 2, Role.REPORTER)
    removed = people.memberships.remove(PROJECT, "g/h/p", 1)
    assert (removed.user.username, removed.namespace.path, removed.role) == ("alice", "g/h/p", Role.GUEST)
    with pytest.raises(NotFoundError):
        people.memberships.remove(PROJECT, "g/h/p", 1)
    assert roles(people, PROJECT, "g/h/p", inherited=True) == {"alice": (Role.REPORTER, "g/h"), "bob": (Role.REPORTER, "g/h/p")}
    people.member("g/h/p", 1, Role.OWNER)


VERBS: dict[str, Callable[[Memberships, NamespaceKind, str, int], object]] = {
    "get": lambda memberships, kind, path, user: memberships.get(kind, path, user),
    "get inherited": lambda memberships, kind, path, user: memberships.get(kind, path, user, inherited=True),
    "add": lambda memberships, kind, path, user: memberships.add(kind, path, user, Role.OWNER),
    "update": lambda memberships, kind, path, user: memberships.update(kind, path, user, Role.OWNER),
    "remove": lambda memberships, kind, path, user: memberships.remove(kind, path, user),
    "list": lambda memberships, kind, path, _user: memberships.list(kind, path),
    "page": lambda memberships, kind, path, _user: memberships.page(ALL, kind, path, inherited=True),
}


@pytest.mark.parametrize("act", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize(("kind", "path"), [(PROJECT, "g"), (GROUP, "g/h/p"), (GROUP, "missing"), (PROJECT, "\udcff"), (GROUP, "%")])
def test_unknown_place_is_not_found(
    people: Installation, act: Callable[[Memberships, NamespaceKind, str, int], object], kind: NamespaceKind, path: str
) -> None:
    """A group is no project and a project no group, for every verb."""
    with pytest.raises(NotFoundError, match=f"There is no {kind}"):
        act(people.memberships, kind, path, 1)


@pytest.mark.parametrize(("user_id", "sentence"), [(2, "The user 'bob' is not a member of the group 'g/h'"), (99, "There is no user 99")])
@pytest.mark.parametrize("verb", ["get", "get inherited", "update", "remove"])
def test_who_is_no_member_is_not_found(people: Installation, verb: str, user_id: int, sentence: str) -> None:
    """A user without a role there is no member of it; a role below or beside does not count."""
    people.member("g/h/p", 1, Role.OWNER)
    people.member("g/hx", 2, Role.OWNER, kind=GROUP)
    people.member("g/h/p", 2, Role.OWNER)
    with pytest.raises(NotFoundError, match=sentence):
        VERBS[verb](people.memberships, GROUP, "g/h", user_id)


def test_unknown_user_becomes_no_member(people: Installation) -> None:
    """Only somebody who exists gets a role."""
    with pytest.raises(NotFoundError, match="There is no user 99"):
        people.member("g/h/p", 99, Role.GUEST)


def test_inherited_roles_are_the_highest_on_the_way(people: Installation) -> None:
    """Everybody with a role here or above is a member, each once, with the highest role; similar names and what is below do not count."""
    for path, user, role in (
        ("g", 1, Role.MAINTAINER),
        ("g/h", 1, Role.GUEST),
        ("g", 2, Role.REPORTER),
        ("g/h", 2, Role.DEVELOPER),
        ("g/hx", 3, Role.OWNER),
        ("g/h-x", 3, Role.OWNER),
        ("gg", 3, Role.OWNER),
    ):
        people.member(path, user, role, kind=GROUP)
    people.member("g/h/p", 2, Role.GUEST)
    here = {"alice": (Role.MAINTAINER, "g"), "bob": (Role.DEVELOPER, "g/h")}
    assert roles(people, PROJECT, "g/h/p", inherited=True) == here
    assert roles(people, GROUP, "g/h", inherited=True) == here
    assert roles(people, GROUP, "g", inherited=True) == {"alice": (Role.MAINTAINER, "g"), "bob": (Role.REPORTER, "g")}
    assert roles(people, PROJECT, "g/h/p", inherited=False) == {"bob": (Role.GUEST, "g/h/p")}
    assert people.memberships.get(PROJECT, "g/h/p", 1, inherited=True).role is Role.MAINTAINER
    assert people.memberships.get(PROJECT, "g/h/p", 2, inherited=True).role is Role.DEVELOPER
    assert people.memberships.get(PROJECT, "g/h/p", 2).role is Role.GUEST


def test_equal_roles_count_once(people: Installation) -> None:
    """Who has the same role in several places is one member, by the newest of them."""
    for path in ("g", "g/h"):
        people.member(path, 1, Role.DEVELOPER, kind=GROUP)
    assert roles(people, PROJECT, "g/h/p", inherited=True) == {"alice": (Role.DEVELOPER, "g/h")}


def test_pages_and_searches(people: Installation) -> None:
    """Pages follow each other by user id with the total of all; a search is for a part of the user name or name, without wildcards."""
    people.users.create("d_ve", name="The Bobby")
    for user in (4, 2, 1):
        people.member("g", user, Role.REPORTER, kind=GROUP)
    people.member("g/h/p", 3, Role.GUEST)

    def page(number: int, search: str | None = None) -> tuple[list[str], int]:
        found = people.memberships.page(Paging(number, 2), PROJECT, "g/h/p", inherited=True, search=search)
        return [member.user.username for member in found.items], found.total

    assert [page(1), page(2), page(3)] == [(["alice", "bob"], 4), (["carol", "d_ve"], 4), ([], 4)]
    assert page(1, "BOB") == (["bob", "d_ve"], 2)
    assert page(1, "_") == (["d_ve"], 1)
    assert page(1, "%") == ([], 0)


def test_memberships_go_with_their_place(people: Installation) -> None:
    """Under the same path made again nobody has a role (S9)."""
    people.member("g/h/p", 1, Role.OWNER)
    people.member("g", 2, Role.OWNER, kind=GROUP)
    people.namespaces.delete(GROUP, "g", recursive=True)
    people.namespaces.create(PROJECT, "g/h/p", reuse_path=True)
    assert roles(people, PROJECT, "g/h/p", inherited=True) == {}
    assert people.accounts.memberships(1) == people.accounts.memberships(2) == frozenset()


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE memberships SET role = 60", "CHECK"),
        ("UPDATE memberships SET role = 0", "CHECK"),
        (
            "INSERT INTO memberships (role, user_id, namespace_id, created_at) SELECT 50, user_id, 3, created_at FROM memberships",
            "UNIQUE",
        ),
        ("UPDATE memberships SET user_id = 99", "FOREIGN KEY"),
    ],
)
def test_database_keeps_the_rules_itself(people: Installation, statement: str, constraint: str) -> None:
    """Even a statement that goes around the service makes no unknown role, second membership or member who does not exist."""
    people.member("g/h/p", 1, Role.GUEST)
    with pytest.raises(IntegrityError, match=f"(?i){constraint} constraint"), people.database.transaction() as session:
        session.execute(text(statement))


def test_unknown_role_is_an_error(people: Installation) -> None:
    """A number that this version does not know is never read as a right."""
    people.member("g/h/p", 1, Role.GUEST)
    with people.database.transaction() as session, people.store.without_check(session, "memberships", "role"):
        session.execute(text("UPDATE memberships SET role = 60"))
    with pytest.raises(ValueError, match="60"):
        people.memberships.list(PROJECT, "g/h/p")
    with pytest.raises(ValueError, match="60"):
        people.accounts.memberships(1)


def test_model_is_what_is_listed(people: Installation) -> None:
    """What a list gives can be read after its session is closed, user and place included."""
    people.member("g/h/p", 1, Role.GUEST)
    (member,) = people.memberships.list(PROJECT, "g/h/p")
    assert isinstance(member, Membership)
    assert (member.user.state, member.namespace.kind) == ("active", PROJECT)
