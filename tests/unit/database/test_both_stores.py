"""What a database may do in its own way, and both of ours do alike."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select, text

from registry_auth.accounts.models import User
from registry_auth.accounts.users import UserChange, UserFilter
from registry_auth.accounts.visible_namespaces import NamespaceFilter, VisibleNamespaces
from registry_auth.database import Paging
from registry_auth.errors import ConflictError, InvalidValueError, NotFoundError, RegistryAuthError, TakenError
from registry_auth.namespaces.models import ReservedPath
from registry_auth.values import NamespaceKind, Person, Role
from tests.unit.installation import READ, Installation

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT
EVERYBODY = Person(0, is_administrator=True)

# Letters of which languages sort and ignore some, and the characters between components.
PATHS = ["a", "a-b", "a-b/c", "a.b", "a/b", "a/b-c", "a/b/c", "a0", "a_b", "a__b", "aa", "ab", "b", "b/a"]

# Ids that nobody has: the first is too large for 32 bits.
UNKNOWN_IDS = [2**31, 2**63 - 1]

# Text that databases or drivers cannot take.
IMPOSSIBLE = ["\0", "a\0b", "\ud800", "a\udfff", "\x1b"]


def alphabetical(installation: Installation) -> list[str]:
    """Give all groups by path."""
    return [entry.path for entry in installation.namespaces.list(GROUP)]


def test_paths_are_sorted_by_their_characters(installation: Installation) -> None:
    """Lists come in one order, with parents before what is in them, whatever language the database was set up for."""
    for path in reversed(PATHS):
        if path not in alphabetical(installation):
            installation.group(path)
    assert alphabetical(installation) == sorted(PATHS)
    page = VisibleNamespaces(installation.database).page(Paging(1, 100), GROUP, EVERYBODY, NamespaceFilter(descending=True))
    assert [entry.path for entry in page.items] == sorted(PATHS, reverse=True)


@pytest.mark.parametrize("unknown", UNKNOWN_IDS)
def test_ids_that_no_row_has_are_unknown(installation: Installation, unknown: int) -> None:
    """An id that somebody invents names nothing, however large it is."""
    new, ada = installation, installation.user("ada")
    new.project("p")
    asked: list[Callable[[], object]] = [
        lambda: new.namespaces.get_by_id(PROJECT, unknown),
        lambda: new.users.get_by_id(unknown),
        lambda: new.users.delete(unknown),
        lambda: new.memberships.add(PROJECT, "p", unknown, Role.GUEST),
        lambda: new.memberships.get(PROJECT, "p", unknown),
        lambda: new.memberships.remove(PROJECT, "p", unknown),
        lambda: new.deploy_tokens.get(unknown),
        lambda: new.deploy_tokens.rotate(unknown),
        lambda: new.deploy_tokens.get(1, owner_id=unknown),
        lambda: new.personal_access_tokens.get(unknown, user_id=ada),
        lambda: new.personal_access_tokens.revoke(unknown),
        lambda: new.personal_access_tokens.create(unknown, name="n", scopes=READ),
    ]
    for ask in asked:
        with pytest.raises(NotFoundError):
            ask()
    assert new.personal_access_tokens.list(unknown) == []
    assert new.deploy_tokens.page(Paging(1, 10), owner_id=unknown).items == []
    assert VisibleNamespaces(new.database).page(Paging(1, 10), GROUP, EVERYBODY, NamespaceFilter(parent_id=unknown)).items == []
    assert new.lookup.find_by_id(unknown, unknown) is None
    assert new.accounts.find_token_by_id(unknown) is None
    assert new.accounts.find_password_by_id(unknown) is None
    assert new.accounts.memberships(unknown) == frozenset()


def test_page_beyond_all_pages_is_empty(installation: Installation) -> None:
    """Also the last page that can be asked for."""
    installation.user("ada")
    page = installation.users.page(Paging(2**31 - 1, 100), UserFilter())
    assert (list(page.items), page.total) == ([], 1)


@pytest.mark.parametrize("impossible", IMPOSSIBLE)
def test_text_that_cannot_be_stored_is_refused_or_found_nowhere(installation: Installation, impossible: str) -> None:
    """It is never an outage: what is named so does not exist, and nothing can be called so."""
    new, ada = installation, installation.user("ada")
    new.project("p")
    refused: list[Callable[[], object]] = [
        lambda: new.namespaces.create(PROJECT, impossible),
        lambda: new.namespaces.create(PROJECT, "q", name=impossible),
        lambda: new.namespaces.update(PROJECT, "p", name=impossible),
        lambda: new.users.create(impossible),
        lambda: new.users.create("bob", name=impossible),
        lambda: new.users.create("bob", email=f"{impossible}@example.org"),
        lambda: new.users.update(ada, UserChange(name=impossible)),
        lambda: new.deploy_tokens.create(PROJECT, "p", name=impossible, scopes=READ),
        lambda: new.deploy_tokens.create(PROJECT, "p", name="n", username=impossible, scopes=READ),
        lambda: new.personal_access_tokens.create(ada, name=impossible, scopes=READ),
    ]
    for ask in refused:
        with pytest.raises(InvalidValueError):
            ask()
    with pytest.raises(NotFoundError):
        new.namespaces.get(PROJECT, impossible)
    with pytest.raises(NotFoundError):
        new.users.get(impossible)
    assert new.accounts.find_password(impossible) is None
    assert new.projects.owners([]) == {}


@pytest.mark.parametrize("character", ["İ", "ẞ", "é", "😀"])
def test_longest_texts_fit(installation: Installation, character: str) -> None:
    """What the rules allow can be stored, also where a letter has more bytes than one, or becomes two in lower case."""
    name, email = character * 255, f"{character * 242}@example.org"
    if len(email.lower()) > len(email):
        with pytest.raises(InvalidValueError, match="An e-mail address"):
            installation.users.create("u" * 255, name=name, email=email)
        email = "x@example.org"
    user = installation.users.create("u" * 255, name=name, email=email)
    assert installation.users.get_by_id(user.id).name == name
    installation.project("p" * 255)
    assert installation.deploy_tokens.create(PROJECT, "p" * 255, name=name, username="+" * 255, scopes=READ).token.name == name


@pytest.mark.parametrize("text_", ["%", "_", "\\", "/", "'", '"', ";--", "%%", "a%b"])
def test_search_is_for_the_text_itself(installation: Installation, text_: str) -> None:
    """Wildcards and quotes of the database stand for themselves."""
    named = installation.users.create("one", name=f"x{text_}y").id
    installation.users.create("two", name="xzy")
    page = installation.users.page(Paging(1, 10), UserFilter(search=text_))
    assert [user.id for user in page.items] == [named]


def test_search_takes_no_notice_of_case(installation: Installation) -> None:
    """At least for the letters that user names and paths have."""
    installation.users.create("Ada", name="Countess LOVELACE")
    for search in ("ADA", "lovelace", "Love", "COUNT"):
        assert installation.users.page(Paging(1, 10), UserFilter(search=search)).total == 1


def test_instants_keep_microseconds_and_are_utc(installation: Installation) -> None:
    """An instant of any zone comes back as the same instant, in UTC, to the microsecond; comparing and sorting follow the time."""
    instants = [
        datetime(2026, 7, 1, 1, 2, 3, 4, timezone(timedelta(hours=14))),
        datetime(2026, 6, 30, 12, 0, 0, 0, UTC),
        datetime(2026, 6, 30, 12, 0, 0, 1, UTC),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 30, 23, 59, 59, 999_999, UTC),
    ]
    with installation.database.transaction() as session:
        session.add_all(ReservedPath(path=f"p{number}", kind=GROUP, deleted_at=at) for number, at in enumerate(instants))
    with installation.database.reading() as connection:
        found: list[Any] = list(connection.scalars(select(ReservedPath.deleted_at).order_by(ReservedPath.deleted_at)))
    assert found == sorted(instants)
    assert {each.tzinfo for each in found} == {UTC}


def test_dates_are_dates(installation: Installation) -> None:
    """From the first that a token may have to the last that there is."""
    installation.project("p")
    for day in (date(2026, 7, 2), date(9999, 12, 31)):
        token = installation.token("p", expires_at=day).token
        assert installation.deploy_tokens.get(token.id).expires_at == day


def test_booleans_are_booleans(installation: Installation) -> None:
    """Not numbers that count as one."""
    installation.user("ada", is_administrator=True)
    with installation.database.reading() as connection:
        assert connection.scalars(select(User.is_administrator)).all() == [True]
        assert connection.scalars(select(User.id).where(~User.is_administrator)).all() == []


def test_ids_are_never_given_again(installation: Installation) -> None:
    """Neither those of deleted rows, nor, once they were seen, those of a transaction that was undone."""
    first = installation.user("a")
    installation.users.delete(first)
    second = installation.user("b")
    with pytest.raises(TakenError):
        installation.user("B")
    assert first < second < installation.user("c")


def test_undone_transaction_leaves_nothing(installation: Installation) -> None:
    """Parents that were made on the way are not there when the rest fails."""

    def fail(*_arguments: object) -> None:
        raise ConflictError("in the middle")

    with pytest.raises(ConflictError):
        installation.namespaces.create(PROJECT, "a/b/c", and_then=fail)
    assert alphabetical(installation) == []
    installation.project("a/b/c")


def test_query_session_sees_what_is_committed_meanwhile(installation: Installation) -> None:
    """Each of its statements stands for itself: it keeps no older state, and nobody waiting."""
    with installation.database.reading_session() as session:
        assert session.scalars(select(ReservedPath.path)).all() == []
        with installation.database.transaction() as other:
            other.add(ReservedPath(path="p", kind=GROUP, deleted_at=datetime(2026, 7, 1, tzinfo=UTC)))
        assert session.scalars(select(ReservedPath.path)).all() == ["p"]


def at_once(number: int, act: Callable[[int], object]) -> list[str]:
    """Do something in several threads at once, and give what each was told."""
    said: list[str] = []
    together = threading.Barrier(number)

    def run(each: int) -> None:
        together.wait()
        try:
            act(each)
            said.append("done")
        except RegistryAuthError as error:
            said.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=(each,)) for each in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


def test_one_of_many_makes_a_path(installation: Installation) -> None:
    """The others are told that it is taken; the groups above, which all of them lack, are made once."""
    assert at_once(5, lambda _number: installation.project("a/b/p")) == ["TakenError"] * 4 + ["done"]
    assert at_once(5, lambda number: installation.project(f"c/d/p{number}")) == ["done"] * 5
    assert alphabetical(installation) == ["a", "a/b", "c", "c/d"]


def test_one_of_many_makes_a_member(installation: Installation) -> None:
    """The others are told that the user is one."""
    installation.project("p")
    ada = installation.user("ada")
    assert at_once(5, lambda _number: installation.member("p", ada, Role.GUEST)) == ["ConflictError"] * 4 + ["done"]
    assert [member.user_id for member in installation.memberships.list(PROJECT, "p")] == [ada]


def test_nothing_is_made_in_what_goes(installation: Installation) -> None:
    """Of deleting a group and making something in it at once, the later one finds what the earlier one left."""
    for number in range(5):
        group = f"g{number}"
        installation.group(group)
        said = at_once(
            2,
            lambda each, group=group: installation.namespaces.delete(GROUP, group) if each else installation.project(f"{group}/p"),  # type: ignore[misc]
        )
        assert said in (["ConflictError", "done"], ["TakenError", "done"])


def test_one_of_many_rotates_first(installation: Installation) -> None:
    """Each rotation ends the secrets before it: of many at once, one secret works in the end."""
    installation.project("p")
    token = installation.token("p").token
    assert at_once(4, lambda _number: installation.deploy_tokens.rotate(token.id)) == ["done"] * 4
    with installation.database.reading() as connection:
        ends = connection.scalars(text("SELECT count(*) FROM deploy_token_secrets WHERE expires_at IS NULL")).all()
    assert ends == [1]
