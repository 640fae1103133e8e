"""Personal access tokens: creation, scopes, expiry, lists, rotation, revocation, whose they are, and what is stored."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import text

from registry_auth.accounts.personal_access_tokens import (
    IssuedPersonalAccessToken,
    PersonalAccessTokenFilter,
    PersonalAccessTokens,
    count_by_server_secret,
)
from registry_auth.database import Paging
from registry_auth.errors import ConflictError, InvalidValueError, NotFoundError
from registry_auth.values import PERSONAL_ACCESS_TOKEN_SCOPES, TokenScope
from tests.unit.installation import NOW, READ, READ_WRITE, Installation, secret_of
from tests.unit.server_secrets import digester_with, known_secrets
from tests.unit.stored import traces_of

ALICE, BOB = 1, 2
DAY = date(2026, 7, 2)


@pytest.fixture
def people(installation: Installation) -> Installation:
    """Give an installation with the users alice and bob."""
    assert [installation.user(username) for username in ("alice", "bob")] == [ALICE, BOB]
    return installation


def why_dead(people: Installation, issued: IssuedPersonalAccessToken) -> str | None:
    """Say what becomes of a log-in with this secret now."""
    found = people.accounts.find_token(secret_of(issued))
    assert found is not None
    return found.why_dead(people.clock())


def test_created_token_is_what_was_asked(people: Installation) -> None:
    """All that was given is kept; the secret has GitLab's prefix and form."""
    issued = people.personal_access_tokens.create(ALICE, name="laptop", scopes=READ, expires_at=DAY)
    for token in (issued.token, people.personal_access_tokens.get(issued.token.id)):
        assert (token.user.username, token.name, token.scopes) == ("alice", "laptop", READ)
        assert (token.expires_at, token.revoked_at, token.created_at, token.state(NOW)) == (DAY, None, NOW, "active")
    assert secret_of(issued).startswith("glpat-")
    assert len(secret_of(issued)) == len("glpat-") + 32
    assert secret_of(issued) not in repr(issued)
    assert people.personal_token(ALICE).token.expires_at is None


def test_each_secret_is_another_one(people: Installation) -> None:
    """Neither two tokens nor a rotated one share a secret, and all are found."""
    first, second = people.personal_token(ALICE), people.personal_token(ALICE)
    rotated = people.personal_access_tokens.rotate(first.token.id)
    assert len({secret_of(issued) for issued in (first, second, rotated)}) == 3
    assert [why_dead(people, issued) is None for issued in (first, second, rotated)] == [False, True, True]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (set(PERSONAL_ACCESS_TOKEN_SCOPES), PERSONAL_ACCESS_TOKEN_SCOPES),
        ([TokenScope.WRITE_REGISTRY, *READ, *READ], READ_WRITE),
        ({TokenScope.READ_API}, (TokenScope.READ_API,)),
    ],
)
def test_scopes_are_kept_in_order(people: Installation, asked: set[TokenScope], kept: tuple[TokenScope, ...]) -> None:
    """A token has the scopes that were asked, each once, in GitLab's order, and none besides."""
    token = people.personal_token(ALICE, asked).token
    assert token.scopes == people.personal_access_tokens.get(token.id).scopes == kept


def test_token_that_breaks_a_rule_is_not_made(people: Installation) -> None:
    """Name, scopes, expiry and user are checked, the wrong one is named, and nothing is made."""
    create = people.personal_access_tokens.create
    for name in ("", " ", "a\nb", "x" * 256):
        with pytest.raises(InvalidValueError, match="name"):
            create(ALICE, name=name, scopes=READ)
    with pytest.raises(InvalidValueError, match="at least one scope") as error:
        create(ALICE, name="n", scopes=())
    assert error.value.field == "scopes"
    foreign = [scope for scope in TokenScope if scope not in PERSONAL_ACCESS_TOKEN_SCOPES]
    assert foreign == ["read_repository", "read_package_registry", "write_package_registry"]
    for scope in foreign:
        with pytest.raises(InvalidValueError, match=f"cannot have the scope {scope}") as error:
            create(ALICE, name="n", scopes={TokenScope.API, scope})
        assert error.value.field == "scopes"
    with pytest.raises(InvalidValueError, match=r"2026-07-01 is not in the future: today is 2026-07-01 \(UTC\)") as error:
        create(ALICE, name="n", scopes=READ, expires_at=NOW.date())
    assert error.value.field == "expires_at"
    with pytest.raises(NotFoundError, match="There is no user 99"):
        create(99, name="n", scopes=READ)
    assert people.personal_access_tokens.list() == []


def test_token_ends_at_midnight_utc(people: Installation) -> None:
    """The last second before its date is good; from then on it is expired for log-ins and lists alike (D8, T7)."""
    issued = people.personal_token(ALICE, expires_at=DAY)
    active = PersonalAccessTokenFilter(active=True)
    people.clock.now = datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)
    assert why_dead(people, issued) is None
    assert people.personal_access_tokens.page(Paging(1, 1), active).total == 1
    people.clock.advance(seconds=1)
    assert why_dead(people, issued) == "This personal access token expired on 2026-07-02 at 00:00 UTC."
    assert people.personal_access_tokens.page(Paging(1, 1), active).total == 0
    assert people.personal_access_tokens.get(issued.token.id).state(people.clock()) == "expired"


def test_rotation_makes_another_token(people: Installation) -> None:
    """The old token is revoked at once; the new one has its user, name, scopes and expiry, and an id and secret of its own (T11)."""
    old = people.personal_access_tokens.create(ALICE, name="laptop", scopes=READ_WRITE, expires_at=DAY)
    people.clock.advance(hours=1)
    new = people.personal_access_tokens.rotate(old.token.id)
    assert new.token.id > old.token.id
    assert (new.token.user_id, new.token.name, new.token.scopes, new.token.expires_at) == (ALICE, "laptop", READ_WRITE, DAY)
    assert (new.token.created_at, new.token.revoked_at) == (people.clock(), None)
    assert people.personal_access_tokens.get(old.token.id).revoked_at == people.clock()
    assert (why_dead(people, old), why_dead(people, new)) == ("This personal access token was revoked on 2026-07-01.", None)


@pytest.mark.parametrize("before", [None, DAY])
def test_rotation_may_give_another_date(people: Installation, before: date | None) -> None:
    """A date that is given counts for the new token; one that has passed is refused and the old token stays good."""
    old = people.personal_token(ALICE, expires_at=before)
    with pytest.raises(InvalidValueError, match="2026-07-01 is not in the future"):
        people.personal_access_tokens.rotate(old.token.id, expires_at=date(2026, 7, 1))
    assert why_dead(people, old) is None
    assert people.personal_access_tokens.rotate(old.token.id, expires_at=date(2027, 1, 1)).token.expires_at == date(2027, 1, 1)


def test_dead_token_is_not_revived_by_rotation(people: Installation) -> None:
    """Revoked, rotated and expired tokens stay so, whatever date is asked (T11)."""
    revoked, rotated, expired = people.personal_token(ALICE), people.personal_token(ALICE), people.personal_token(ALICE, expires_at=DAY)
    people.personal_access_tokens.revoke(revoked.token.id)
    people.personal_access_tokens.rotate(rotated.token.id)
    people.clock.advance(days=1)
    for issued, state in ((revoked, "revoked"), (rotated, "revoked"), (expired, "expired")):
        with pytest.raises(ConflictError, match=f"Personal access token {issued.token.id} is {state}: make a new one"):
            people.personal_access_tokens.rotate(issued.token.id, expires_at=date(2027, 1, 1))
    assert len(people.personal_access_tokens.list()) == 4


def test_revoking_twice_keeps_the_first_date(people: Installation) -> None:
    """A revoked token says since when, and a second revocation changes nothing."""
    issued = people.personal_token(ALICE)
    people.personal_access_tokens.revoke(issued.token.id)
    people.clock.advance(days=3)
    assert people.personal_access_tokens.revoke(issued.token.id, user_id=ALICE).revoked_at == NOW
    assert why_dead(people, issued) == "This personal access token was revoked on 2026-07-01."


@pytest.mark.parametrize("verb", ["get", "rotate", "revoke"])
def test_tokens_of_others_are_not_found(people: Installation, verb: str) -> None:
    """Within the bounds of one user the tokens of another do not exist, and nothing happens to them (S8)."""
    issued = people.personal_token(ALICE)
    act = getattr(people.personal_access_tokens, verb)
    for token_id, user_id in ((issued.token.id, BOB), (issued.token.id, 99), (99, None), (99, ALICE)):
        with pytest.raises(NotFoundError, match=f"There is no personal access token {token_id}"):
            act(token_id, user_id=user_id)
    assert why_dead(people, issued) is None
    assert len(people.personal_access_tokens.list()) == 1
    assert act(issued.token.id, user_id=ALICE)


def test_filters_of_lists(people: Installation) -> None:
    """Lists are bounded by user, state and a part of the name in any case, all at once; wildcards stand for themselves."""
    for user, name in ((ALICE, "Laptop"), (ALICE, "lap_top"), (BOB, "laptop"), (ALICE, "ci")):
        people.personal_access_tokens.create(user, name=name, scopes=READ, expires_at=DAY if name == "ci" else None)
    people.personal_access_tokens.revoke(2)
    people.clock.advance(days=1)

    def ids(**wanted: int | str | bool) -> list[int]:
        page = people.personal_access_tokens.page(Paging(1, 100), PersonalAccessTokenFilter(**wanted))  # type: ignore[arg-type] # by name
        assert page.total == len(page.items)
        return [token.id for token in page.items]

    assert ids() == [1, 2, 3, 4]
    assert ids(user_id=ALICE) == [1, 2, 4]
    assert ids(user_id=99) == []
    assert ids(search="LAPTOP") == [1, 3]
    assert ids(search="p_t") == [2]
    assert ids(search="%") == []
    assert ids(active=True) == [1, 3]
    assert ids(active=False) == [2, 4]
    assert ids(revoked=True) == [2]
    assert ids(revoked=False) == [1, 3, 4]
    assert ids(revoked=False, active=False, user_id=ALICE) == [4]
    assert ids(user_id=BOB, search="lap", active=True) == [3]
    assert [token.id for token in people.personal_access_tokens.list(ALICE)] == [1, 2, 4]
    assert [token.id for token in people.personal_access_tokens.list()] == [1, 2, 3, 4]


def test_pages_of_tokens(people: Installation) -> None:
    """Pages follow each other, oldest first, and each tells how many there are on all."""
    for _ in range(5):
        people.personal_token(ALICE)
    pages = [people.personal_access_tokens.page(Paging(number, 2), PersonalAccessTokenFilter(user_id=ALICE)) for number in (1, 2, 3, 4)]
    assert [[token.id for token in page.items] for page in pages] == [[1, 2], [3, 4], [5], []]
    assert {page.total for page in pages} == {5}


def test_no_secret_is_in_the_database_files(people: Installation) -> None:
    """What is stored is a digest keyed with the server secret, which is not stored: no file holds a secret in any form (S4, T4)."""
    first = people.personal_access_tokens.create(ALICE, name="shown-in-files", scopes=READ)
    issued = [first, people.personal_token(BOB), people.personal_access_tokens.rotate(first.token.id)]
    people.personal_access_tokens.revoke(issued[1].token.id)
    with people.database.reading() as connection:
        rows = connection.execute(text("SELECT digest, digest_key_id FROM personal_access_tokens")).all()
    assert {tuple(row) for row in rows} == {people.digester.digests(secret_of(one))[0] for one in issued}
    assert traces_of("shown-in-files", people) != []
    for secret in map(secret_of, issued):
        assert traces_of(secret, people) == []
    stored = people.store.content()
    (server_secret,) = known_secrets(people)
    assert server_secret.value not in stored
    assert server_secret.value.hex().encode() not in stored


def test_living_tokens_are_counted_by_server_secret(people: Installation) -> None:
    """It can be told how many tokens hang on each server secret: those that have ended do not."""
    mine, other = people.digester, digester_with(b"x" * 32)
    issued = [people.personal_token(user, expires_at=end) for user, end in ((ALICE, None), (ALICE, None), (BOB, DAY))]
    PersonalAccessTokens(people.database, other, people.clock).create(BOB, name="n", scopes=READ)

    def counted() -> Mapping[str, int]:
        return count_by_server_secret(people.database, people.clock())

    assert counted() == {mine.key_ids[0]: 3, other.key_ids[0]: 1}
    people.personal_access_tokens.revoke(issued[0].token.id)
    assert counted() == {mine.key_ids[0]: 2, other.key_ids[0]: 1}
    people.clock.now = datetime.combine(DAY, time(), UTC)
    assert counted() == {mine.key_ids[0]: 1, other.key_ids[0]: 1}
    people.users.delete(BOB)
    assert counted() == {mine.key_ids[0]: 1}
