"""The look-up of users by what they log in with, or by ids."""

from collections.abc import Callable
from datetime import date

import pytest
from pydantic import SecretStr

from registry_auth.accounts.lookup import AccountLookup, FoundPersonalAccessToken, FoundUser
from registry_auth.accounts.users import UserChange
from registry_auth.values import Membership, NamespaceKind, Role, TokenScope
from tests.unit.installation import NOW, READ, Installation, secret_of
from tests.unit.namespaces.statements import counted_statements
from tests.unit.server_secrets import digester_with

ALICE = FoundUser(id=1, username="Alice", email="alice@example.org", is_administrator=True, blocked_at=None)


@pytest.fixture
def people(installation: Installation) -> Installation:
    """Give an installation with a user who has everything, and one who has only a name."""
    installation.users.create("Alice", email="Alice@example.org", password=SecretStr("correct horse"), is_administrator=True)
    installation.users.create("bob")
    return installation


def test_token_is_found_by_its_secret(people: Installation) -> None:
    """What a log-in needs is found with one secret: the user, the scopes and the dates."""
    issued = people.personal_token(1, READ, expires_at=date(2026, 8, 1))
    found = people.accounts.find_token(secret_of(issued))
    assert found == FoundPersonalAccessToken(
        id=issued.token.id,
        user=ALICE,
        scopes=frozenset({TokenScope.READ_REGISTRY}),
        expires_at=date(2026, 8, 1),
        revoked_at=None,
    )
    assert found.why_dead(NOW) is None


def test_token_is_found_by_its_id(people: Installation) -> None:
    """The id that a signed token carries finds what the secret finds, dead or alive, as it is now; other ids find nothing."""
    other, issued = people.personal_token(2), people.personal_token(1, READ, expires_at=date(2026, 8, 1))
    assert issued.token.id != issued.token.user_id
    assert people.accounts.find_token_by_id(issued.token.id) == people.accounts.find_token(secret_of(issued))
    people.personal_access_tokens.revoke(issued.token.id)
    people.users.block(1)
    found = people.accounts.find_token_by_id(issued.token.id)
    assert found is not None
    assert (found.revoked_at, found.user.blocked_at) == (NOW, NOW)
    assert found.why_dead(NOW) == "This personal access token was revoked on 2026-07-01."
    people.users.delete(1)
    numbers = (-1, 0, issued.token.id, other.token.id, 99)
    assert [number for number in numbers if people.accounts.find_token_by_id(number) is not None] == [other.token.id]


def test_user_is_found_by_id(people: Installation) -> None:
    """The user is found as the log-in finds it, also when blocked, and until it is deleted; other ids find nobody."""
    assert people.accounts.find_password_by_id(1) == people.accounts.find_password("alice")
    people.users.block(2)
    bob = people.accounts.find_password_by_id(2)
    assert bob is not None
    assert bob.user == FoundUser(2, "bob", None, is_administrator=False, blocked_at=NOW)
    people.users.delete(1)
    assert [number for number in (-1, 0, 1, 2, 99) if people.accounts.find_password_by_id(number) is not None] == [2]


def test_each_password_has_an_id_of_its_own(people: Installation) -> None:
    """Another password, the same one set again and that of another installation have other ids; what else changes of a user does not."""

    def password_id(accounts: AccountLookup = people.accounts) -> int:
        found = accounts.find_password_by_id(1)
        assert found is not None
        number = accounts.password_id(found)
        assert accounts.is_password_id(number, found)
        assert not [each for each in (*seen, None, 0, -1, number + 1) if accounts.is_password_id(each, found)]
        return number

    seen: set[int] = set()
    before = password_id()
    people.users.update(1, UserChange(is_administrator=False, email="other@example.org"))
    assert password_id() == before < 2**48
    seen.add(before)
    for _ in range(2):
        people.users.update(1, UserChange(password=SecretStr("correct horse")))
        seen.add(password_id())
    seen.add(password_id(AccountLookup(people.database, digester_with(b"another server secret"), people.upgrades)))
    assert len(seen) == 4


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda secret: secret[:-1], lambda secret: secret + "a", lambda _: ""])
def test_similar_secret_finds_nothing(people: Installation, change: Callable[[str], str]) -> None:
    """Only the whole secret, character by character, finds the token."""
    assert people.accounts.find_token(change(secret_of(people.personal_token(1)))) is None


def test_secret_of_another_installation_or_kind_finds_nothing(people: Installation) -> None:
    """The digest is keyed, and the secret of a deploy token is nobody's."""
    secret = secret_of(people.personal_token(1))
    assert AccountLookup(people.database, digester_with(b"x" * 32), people.upgrades).find_token(secret) is None
    people.project("app")
    assert people.accounts.find_token(secret_of(people.token("app"))) is None
    assert people.lookup.find(secret) is None


@pytest.mark.parametrize(
    ("login", "user_id"),
    [
        ("Alice", 1),
        ("alice", 1),
        ("ALICE", 1),
        ("alice@example.org", 1),
        ("ALICE@Example.Org", 1),
        ("bob", 2),
        ("", None),
        ("alic", None),
        ("alice ", None),
        ("alice@example", None),
        ("example.org", None),
        ("%", None),
        ("_ob", None),
        ("bob\x00", None),
        ("\udcff", None),
        ("\udcff@b", None),
        ("None", None),
        ("x" * 100_000, None),
        ("x" * 100_000 + "@b", None),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_user_is_found_by_user_name_or_address(people: Installation, login: str, user_id: int | None) -> None:
    """Whole names in any case find their user, and nothing else does, however odd."""
    found = people.accounts.find_password(login)
    assert (None if found is None else found.user.id) == user_id


def test_hash_comes_with_the_user(people: Installation) -> None:
    """A user without a password is found without a hash, and never by the lack of an address."""
    alice, bob = people.accounts.find_password("alice"), people.accounts.find_password("bob")
    assert alice is not None
    assert bob is not None
    assert alice.user == ALICE
    assert alice.password_hash == people.users.get("alice").password_hash
    assert (bob.user.email, bob.password_hash) == (None, None)


@pytest.mark.parametrize(
    ("login", "is_alice"),
    [("Alice", True), ("aLICE", True), ("Alice@Example.org", True), ("", False), ("alice@", False), ("bob", False), ("Alice\n", False)],
)
def test_names_of_a_user(login: str, is_alice: bool) -> None:
    """A user is called by user name or address, in any case."""
    assert ALICE.is_called(login) is is_alice


def test_user_without_address_has_one_name() -> None:
    """Nobody is called by an address that does not exist."""
    bob = FoundUser(2, "bob", None, is_administrator=False, blocked_at=None)
    assert [login for login in ("bob", "None", "none", "", "@") if bob.is_called(login)] == ["bob"]


def test_memberships_are_the_users_own(people: Installation) -> None:
    """A user's roles come with the paths they were given at, fresh at each call (S20)."""
    people.project("g/p")
    assert people.accounts.memberships(1) == frozenset()
    people.member("g", 1, Role.REPORTER, kind=NamespaceKind.GROUP)
    people.member("g/p", 1, Role.OWNER)
    people.member("g/p", 2, Role.GUEST)
    assert people.accounts.memberships(1) == {Membership("g", Role.REPORTER), Membership("g/p", Role.OWNER)}
    people.memberships.update(NamespaceKind.PROJECT, "g/p", 1, Role.GUEST)
    people.memberships.remove(NamespaceKind.GROUP, "g", 1)
    assert people.accounts.memberships(1) == {Membership("g/p", Role.GUEST)}
    assert people.accounts.memberships(99) == frozenset()


def test_each_look_up_is_one_statement(people: Installation) -> None:
    """A log-in asks the database no more often than it has questions."""
    issued = people.personal_token(1)
    with counted_statements(people.database) as statements:
        people.accounts.find_token(secret_of(issued))
        people.accounts.find_token_by_id(issued.token.id)
        people.accounts.find_password_by_id(1)
        people.accounts.find_password("alice")
        people.accounts.memberships(1)
        people.accounts.find_password("not a user name")
    assert len(statements) == 5
