"""Users: names, addresses, passwords, blocking, deletion, and what is stored."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from registry_auth.accounts.users import UserChange, UserFilter
from registry_auth.database import Paging
from registry_auth.errors import InvalidValueError, NotFoundError, TakenError
from registry_auth.values import NamespaceKind, Role, UserState
from tests.unit.installation import NOW, READ, Installation, secret_of
from tests.unit.stored import traces_of

GOOD, OTHER = "correct horse", "battery staple"
ALL = Paging(1, 100)
PROJECT = (NamespaceKind.PROJECT, "g/p")


def logs_in(installation: Installation, username: str, password: str) -> bool:
    """Say whether this is the user's password."""
    found = installation.accounts.find_password(username)
    return found is not None and installation.authentication.passwords.is_right(SecretStr(password), found.password_hash)


def names(installation: Installation, **wanted: str | UserState) -> list[str]:
    """Give the user names of all users that are wanted."""
    return [user.username for user in installation.users.page(ALL, UserFilter(**wanted)).items]  # type: ignore[arg-type] # by name


def test_created_user_is_what_was_asked(installation: Installation) -> None:
    """All that was given is kept, the case of the user name too; e-mail addresses are kept in lower case."""
    created = installation.users.create(
        "Alice", name="Alice A.", email="Alice@Example.org", password=SecretStr(GOOD), is_administrator=True
    )
    for user in (created, installation.users.get("Alice"), installation.users.get_by_id(created.id)):
        assert (user.username, user.name, user.email) == ("Alice", "Alice A.", "alice@example.org")
        assert (user.is_administrator, user.state, user.blocked_at, user.created_at) == (True, "active", None, NOW)
    assert logs_in(installation, "Alice", GOOD)


def test_user_needs_nothing_but_a_user_name(installation: Installation) -> None:
    """The name is the user name unless given; without a password none works, and nobody is an administrator by default (S18)."""
    user = installation.users.create("bob")
    assert (user.name, user.email, user.password_hash, user.is_administrator) == ("bob", None, None, False)
    assert not logs_in(installation, "bob", GOOD)


@pytest.mark.parametrize("username", ["a", "Z", "7", "_", "_a", "a.b_c-d", "A9.", "a" * 255])
def test_user_name_takes_every_permitted_character(installation: Installation, username: str) -> None:
    """Letters, digits and three signs make a user name, under which the user is found."""
    assert installation.users.create(username).id == installation.users.get(username).id


@pytest.mark.parametrize(
    "username", ["", " ", "-a", ".a", "a b", "a@b", "a:b", "a/b", "a+b", "a$", "é", "a\n", "a\x00", "\udcff", "a" * 256]
)
def test_other_user_names_are_refused(installation: Installation, username: str) -> None:
    """A user name is never an e-mail address, ends at the colon of a Basic log-in, and is no option; nothing odd is ever found."""
    with pytest.raises(InvalidValueError, match="A user name has 1 to 255 letters") as error:
        installation.users.create(username)
    assert error.value.field == "username"
    assert installation.users.list() == []
    with pytest.raises(NotFoundError, match="There is no user '"):
        installation.users.get(username)


@pytest.mark.parametrize("email", ["a@b", "A.b+c@Example.ORG", "ü@bücher.example", "a" * 252 + "@b"])
def test_email_address_is_taken_as_it_is_but_for_its_case(installation: Installation, email: str) -> None:
    """What has one '@' and no spaces may be an address, at creation and later."""
    assert installation.users.create("alice", email=email).email == email.lower()
    bob = installation.users.create("bob")
    assert installation.users.update(bob.id, UserChange(email=f"x{email[1:]}")).email == f"x{email[1:].lower()}"


@pytest.mark.parametrize(
    "email", ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", " a@b", "a@b\n", "a@\x00", "a@\u200b", "\udcff@b", "a" * 253 + "@b"]
)
def test_other_addresses_are_refused(installation: Installation, email: str) -> None:
    """What cannot be an address is refused, at creation and later, and nothing is changed."""
    alice = installation.users.create("alice", email="alice@example.org")
    with pytest.raises(InvalidValueError, match="An e-mail address has one '@'") as error:
        installation.users.create("bob", email=email)
    assert error.value.field == "email"
    with pytest.raises(InvalidValueError, match="An e-mail address has one '@'"):
        installation.users.update(alice.id, UserChange(name="changed", email=email, is_administrator=True))
    assert [(user.name, user.email, user.is_administrator) for user in installation.users.list()] == [("alice", "alice@example.org", False)]


@pytest.mark.parametrize("name", [" ", "a\nb", "\x00", "\udcff", "x" * 256])
def test_name_that_cannot_be_shown_is_refused(installation: Installation, name: str) -> None:
    """Names follow the rules of all names, at creation and later."""
    alice = installation.users.create("alice", name="x" * 255)
    with pytest.raises(InvalidValueError, match="A name"):
        installation.users.create("bob", name=name)
    with pytest.raises(InvalidValueError, match="A name"):
        installation.users.update(alice.id, UserChange(name=name))
    assert [user.name for user in installation.users.list()] == ["x" * 255]


@pytest.mark.parametrize("password", ["", "x" * 7, "x" * 129, "gldt-" + "x" * 32, "glpat-" + "x" * 32])
def test_password_that_breaks_a_rule_changes_nothing(installation: Installation, password: str) -> None:
    """Neither a new user nor a known one gets a password that could not log in (D31)."""
    alice = installation.user("alice", password=GOOD)
    with pytest.raises(InvalidValueError, match="A password"):
        installation.user("bob", password=password)
    with pytest.raises(InvalidValueError, match="A password"):
        installation.users.update(alice, UserChange(name="changed", password=SecretStr(password)))
    assert [user.name for user in installation.users.list()] == ["alice"]
    assert logs_in(installation, "alice", GOOD)


def test_user_names_and_addresses_differ_in_more_than_case(installation: Installation) -> None:
    """Whoever is called like somebody else in other letters is refused, in every way; several users may have no address."""
    installation.users.create("Alice", email="alice@example.org")
    bob = installation.users.create("bob")
    installation.users.create("carol")
    for username in ("Alice", "alice", "ALICE"):
        with pytest.raises(TakenError, match=f"The user name '{username}' is taken") as error:
            installation.users.create(username)
        assert error.value.field == "username"
    for change in ("alice@example.org", "ALICE@example.ORG"):
        with pytest.raises(TakenError, match="Another user has this e-mail address") as error:
            installation.users.create("dave", email=change)
        assert error.value.field == "email"
        with pytest.raises(TakenError, match="Another user has this e-mail address"):
            installation.users.update(bob.id, UserChange(email=change))
    assert [(user.username, user.email) for user in installation.users.list()] == [
        ("Alice", "alice@example.org"),
        ("bob", None),
        ("carol", None),
    ]


def test_own_address_is_not_taken(installation: Installation) -> None:
    """Somebody may be given the same address again, in other letters too."""
    alice = installation.users.create("alice", email="alice@example.org")
    assert installation.users.update(alice.id, UserChange(email="ALICE@example.org")).email == "alice@example.org"


@pytest.mark.parametrize("column", ["username_key", "email"])
def test_database_keeps_names_and_addresses_unique_itself(installation: Installation, column: str) -> None:
    """Even a statement that goes around the service cannot take what somebody has."""
    installation.users.create("alice", email="alice@example.org")
    installation.users.create("bob", email="bob@example.org")
    with pytest.raises(IntegrityError, match=f"(?i)unique.*{column}"), installation.database.transaction() as session:
        session.execute(text(f"UPDATE users SET {column} = (SELECT {column} FROM users WHERE id = 1) WHERE id = 2"))  # noqa: S608


def test_one_of_many_gets_a_name(installation: Installation) -> None:
    """When several people take one user name at once, one has it and the others are told that it is taken (S24)."""

    def take(number: int) -> str:
        try:
            return installation.users.create("Alice" if number % 2 else "alice", email=f"{number}@example.org").username
        except TakenError:
            return "taken"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(take, range(8)))
    assert outcomes.count("taken") == 7
    assert len(installation.users.list()) == 1


def test_user_is_found_by_name_in_any_case(installation: Installation) -> None:
    """Look-ups by user name know no case; an unknown user is not found by any verb."""
    alice = installation.user("Alice")
    assert {installation.users.get(username).id for username in ("Alice", "alice", "ALICE")} == {alice}
    for username in ("alic", "alice_", "a%", "%", "_____"):
        with pytest.raises(NotFoundError, match=re.escape(f"There is no user '{username}'.")):
            installation.users.get(username)
    users = installation.users
    for act in (users.get_by_id, lambda user_id: users.update(user_id, UserChange()), users.block, users.unblock, users.delete):
        with pytest.raises(NotFoundError, match="There is no user 99"):
            act(99)


def test_change_touches_only_what_is_named(installation: Installation) -> None:
    """Each part changes alone, and without any change nothing does."""
    user = installation.users.create("alice", name="A", email="a@example.org", password=SecretStr(GOOD))
    seen = []
    for change in (
        UserChange(),
        UserChange(name="B"),
        UserChange(email="B@example.org"),
        UserChange(is_administrator=True),
        UserChange(password=SecretStr(OTHER)),
        UserChange(is_administrator=False),
    ):
        changed = installation.users.update(user.id, change)
        seen.append((changed.name, changed.email, changed.is_administrator, logs_in(installation, "alice", GOOD)))
    assert seen == [
        ("A", "a@example.org", False, True),
        ("B", "a@example.org", False, True),
        ("B", "b@example.org", False, True),
        ("B", "b@example.org", True, True),
        ("B", "b@example.org", True, False),
        ("B", "b@example.org", False, False),
    ]
    assert logs_in(installation, "alice", OTHER)
    assert installation.users.get("alice").username == "alice"


def test_blocking_twice_keeps_the_first_date(installation: Installation) -> None:
    """A blocked user stays so until unblocked; either may be said twice."""
    alice = installation.user("alice")
    assert installation.users.block(alice).state is UserState.BLOCKED
    installation.clock.advance(days=3)
    assert installation.users.block(alice).blocked_at == NOW
    assert [installation.users.unblock(alice).state for _ in range(2)] == [UserState.ACTIVE] * 2
    assert installation.users.get("alice").blocked_at is None


def test_filters_of_lists(installation: Installation) -> None:
    """A search is for a part of the user name or name in any case, a user name is whole, and wildcards stand for themselves."""
    for username, name in (("Alice", "Alice Adams"), ("al_ce", "100%"), ("bob", "Bob Malice"), ("carol", "Carol C.")):
        installation.users.create(username, name=name, email=f"{username}@secret.example")
    installation.users.block(3)
    assert names(installation) == ["Alice", "al_ce", "bob", "carol"]
    assert names(installation, search="ALICE") == ["Alice", "bob"]
    assert names(installation, search="l_c") == ["al_ce"]
    assert names(installation, search="%") == ["al_ce"]
    assert names(installation, search="secret.example") == []
    assert names(installation, search="\\") == []
    assert names(installation, username="alice") == ["Alice"]
    assert names(installation, username="AL_CE") == ["al_ce"]
    assert names(installation, username="al") == []
    assert names(installation, state=UserState.ACTIVE) == ["Alice", "al_ce", "carol"]
    assert names(installation, state=UserState.BLOCKED, search="b") == ["bob"]


def test_pages_of_users(installation: Installation) -> None:
    """Pages follow each other, oldest first, and each tells how many there are on all."""
    for number in range(5):
        installation.users.create(f"user{number}")
    pages = [installation.users.page(Paging(number, 2), UserFilter(search="user")) for number in (1, 2, 3, 4)]
    assert [[user.username for user in page.items] for page in pages] == [["user0", "user1"], ["user2", "user3"], ["user4"], []]
    assert {page.total for page in pages} == {5}


def test_deletion_takes_what_belongs_to_the_user(installation: Installation) -> None:
    """Memberships and personal access tokens go with their user; deploy tokens that the user made work on, made by nobody."""
    installation.project("g/p")
    alice, bob = installation.user("alice", password=GOOD), installation.user("bob")
    for user in (alice, bob):
        installation.member("g/p", user, Role.MAINTAINER)
    lost, kept = installation.personal_token(alice), installation.personal_token(bob)
    made = installation.deploy_tokens.create(*PROJECT, name="n", scopes=READ, created_by=alice).token
    assert made.created_by == alice
    assert installation.users.delete(alice).username == "alice"
    with pytest.raises(NotFoundError):
        installation.users.get("alice")
    assert [member.user_id for member in installation.memberships.list(*PROJECT)] == [bob]
    assert installation.accounts.find_token(secret_of(lost)) is None
    assert installation.accounts.find_token(secret_of(kept)) is not None
    left = installation.deploy_tokens.get(made.id)
    assert (left.created_by, left.creator, left.revoked_at) == (None, None, None)


def test_ids_are_never_reused(installation: Installation) -> None:
    """Whoever takes the name of a deleted user is somebody else, with none of the rights (S9)."""
    installation.project("g/p")
    first = installation.user("alice")
    installation.member("g/p", first, Role.OWNER)
    token = installation.personal_token(first).token.id
    installation.users.delete(first)
    second = installation.user("alice")
    assert second > first
    assert installation.accounts.memberships(second) == frozenset()
    assert installation.personal_token(second).token.id > token


def test_no_password_is_in_the_database_files(installation: Installation) -> None:
    """What is stored is a salted, slow hash: no file holds a password, half of one, or a hash that is quick to check a guess with (T4)."""
    alice = installation.user("alice", password="Tr0ub4dor and three")
    installation.users.update(alice, UserChange(password=SecretStr("c0rrect h0rse battery")))
    assert traces_of("alice", installation) != []
    for password in ("Tr0ub4dor and three", "c0rrect h0rse battery"):
        assert traces_of(password, installation) == []


@pytest.mark.parametrize("search", ["ÉTÉ", "été", "d'É"])
def test_search_finds_names_beyond_ascii(installation: Installation, search: str) -> None:
    """A text is found as it is written; letters of other alphabets need not match in another case (SQLite)."""
    installation.users.create("summer", name="L'ÉTÉ d'Été d'été")
    assert [user.username for user in installation.users.page(Paging(1, 20), UserFilter(search=search)).items] == ["summer"]
