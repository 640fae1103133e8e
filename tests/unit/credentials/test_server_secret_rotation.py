"""What becomes of log-ins while one server secret after the other is made and taken away."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from registry_auth.credentials.basic import Credential
from registry_auth.database import waiting_writes
from registry_auth.errors import DeadTokenError, TooManyWrongSecretsError, WrongCredentialError
from registry_auth.signing import CurrentKeys, KeyDirectory
from registry_auth.token_secrets import SecretDigester
from registry_auth.values import Caller, CallerKind, CredentialId
from tests.unit.installation import Installation
from tests.unit.namespaces.statements import counted_statements
from tests.unit.server_secrets import add_server_secret, delete_server_secret, known_secrets, replace_server_secret
from tests.unit.token_kinds import PERSONAL_ACCESS_TOKEN, TOKEN_KINDS, USERNAME, TokenKind, furnish

PASSWORD = "correct horse"
HERE = "192.0.2.1"
WRONG = "The user name or the secret is wrong, or the token does not exist any more."
GONE = "The credential that this token was issued for does not exist any more."

both_kinds = pytest.mark.parametrize("kind", TOKEN_KINDS, ids=lambda kind: kind.name)


@pytest.fixture
def served(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Give an installation with somebody to make tokens for, where digests are replaced when the test says so."""
    monkeypatch.setattr(waiting_writes, "_WRITE_EVERY", 60.0)
    return furnish(installation)


def log_in(installation: Installation, secret: str, username: str = USERNAME) -> Caller:
    """Give the caller who logs in so."""
    return installation.authentication.caller(Credential(username, SecretStr(secret)), HERE)


def refusal(refused: Callable[[], object]) -> str:
    """Give the sentence of a refusal."""
    with pytest.raises(WrongCredentialError) as error:
        refused()
    return str(error.value)


def current(installation: Installation) -> str:
    """Give the id of the server secret that makes digests."""
    return installation.digester.key_ids[0]


def without_digest(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give all that is in rows besides the digest and what made it."""
    return [{name: value for name, value in row.items() if not name.startswith("digest")} for row in rows]


@both_kinds
def test_token_logs_in_before_during_and_after(served: Installation, kind: TokenKind) -> None:
    """The caller is the same at every moment; the digest changes in its row with the first use after the five minutes, and nothing else."""
    secret = kind.make(served)
    old, rows = current(served), kind.rows(served)
    caller = log_in(served, secret)

    add_server_secret(served)
    for passing in (timedelta(0), timedelta(minutes=4)):
        served.clock.now += passing
        assert log_in(served, secret) == caller
        served.upgrades.write()
        assert kind.rows(served) == rows
    assert current(served) == old

    served.clock.advance(minutes=1)
    assert current(served) != old
    for _ in range(2):
        assert log_in(served, secret) == caller
        assert kind.rows(served) == rows
    served.upgrades.write()
    assert log_in(served, secret) == caller
    assert kind.key_ids(served) == [current(served)]
    assert kind.rows(served)[0]["digest"] == served.digester.digest(secret)
    assert without_digest(kind.rows(served)) == without_digest(rows)


@both_kinds
def test_token_that_slept_through_two_changes(served: Installation, kind: TokenKind) -> None:
    """A token of the first of three server secrets goes straight to the third; one of the second as well."""
    first = kind.make(served)
    replace_server_secret(served)
    second = kind.make(served)
    third_id = replace_server_secret(served).id
    assert len(served.digester.key_ids) == 3
    for secret in (first, second):
        log_in(served, secret)
    served.upgrades.write()
    assert kind.key_ids(served) == [third_id] * 2
    assert [log_in(served, secret).name for secret in (first, second)] == [USERNAME] * 2


@both_kinds
def test_new_token_comes_under_the_secret_that_every_server_has(served: Installation, kind: TokenKind) -> None:
    """During the five minutes that is the old one, so that servers which have only that know the token; afterwards it is the new one."""
    old = served.keys.ring().server_secrets
    behind = SecretDigester(lambda: old)
    new = add_server_secret(served)
    during = kind.make(served)
    served.clock.advance(minutes=5)
    after = kind.make(served)
    assert kind.key_ids(served) == [old[0].id, new.id]
    assert kind.finder(served, behind)(during) is not None
    assert kind.finder(served, behind)(after) is None
    assert [log_in(served, secret).name for secret in (during, after)] == [USERNAME] * 2


@both_kinds
def test_rotation_comes_under_the_new_secret(served: Installation, kind: TokenKind) -> None:
    """A token that is rotated after the change has its new secret under the new server secret; what ended with it is replaced on use."""
    secret = kind.make(served)
    old = current(served)
    new = replace_server_secret(served)
    kind.endings["rotated"](served)
    assert kind.key_ids(served) == [old, new.id]
    with pytest.raises(DeadTokenError):
        log_in(served, secret)
    served.upgrades.write()
    assert kind.key_ids(served) == [new.id, new.id]
    with pytest.raises(DeadTokenError):
        log_in(served, secret)


@both_kinds
def test_deleted_server_secret_takes_along_what_hangs_on_it(served: Installation, kind: TokenKind) -> None:
    """Tokens that were used since log in as ever; the others are refused as any wrong secret is, and counted as one."""
    used, unused, by_id = kind.make(served), kind.make(served), log_in(served, kind.make(served)).credential
    old = current(served)
    replace_server_secret(served)
    caller = log_in(served, used)
    served.upgrades.write()
    delete_server_secret(served, old)
    assert log_in(served, used) == caller
    assert refusal(lambda: log_in(served, unused)) == WRONG
    assert by_id is not None
    assert served.authentication.caller_by_id(by_id).credential == by_id  # ids are no matter of secrets
    invented = [f"{unused[:-8]}{number:08}" for number in range(10)]
    for secret in invented[1:]:
        assert refusal(lambda secret=secret: log_in(served, secret)) == WRONG  # type: ignore[misc] # bound in the loop
    with pytest.raises(TooManyWrongSecretsError):
        log_in(served, invented[0])
    served.upgrades.write()
    assert kind.key_ids(served) == [current(served), old, old]


@both_kinds
@pytest.mark.parametrize("count", [1, 2, 3])
def test_wrong_secret_costs_one_statement(served: Installation, kind: TokenKind, count: int) -> None:
    """However many server secrets there are; and so does a good one, of whichever they are."""
    secrets = [kind.make(served)]
    for _ in range(count - 1):
        replace_server_secret(served)
        secrets.append(kind.make(served))
    assert len(served.digester.key_ids) == count
    find = kind.finder(served, served.digester)
    wrong = [secrets[0][:-1], secrets[0].swapcase(), secrets[0] + "a", ""]
    for secret, is_known in (*((secret, True) for secret in secrets), *((secret, False) for secret in wrong)):
        with counted_statements(served.database) as statements:
            assert (find(secret) is not None) is is_known
        assert len([each for each in statements if each.startswith("SELECT")]) == 1


@both_kinds
@pytest.mark.parametrize("is_changed", [False, True], ids=["before", "after"])
def test_revocation_counts_at_once(served: Installation, kind: TokenKind, is_changed: bool) -> None:
    """A token that was remembered under either server secret is refused as soon as it is revoked, and stays refused when it is replaced."""
    secret = kind.make(served)
    find = kind.finder(served, served.digester)
    assert find(secret).revoked_at is None
    if is_changed:
        replace_server_secret(served)
        assert find(secret).revoked_at is None
    kind.endings["revoked"](served)
    assert find(secret).revoked_at is not None
    replace_server_secret(served)
    assert find(secret).revoked_at is not None
    served.upgrades.write()
    assert find(secret).revoked_at is not None
    assert kind.key_ids(served) == [current(served)]


@pytest.mark.one_store("of PostgreSQL the tests remember nothing")
@both_kinds
def test_remembered_token_is_replaced_at_its_next_use(served: Installation, kind: TokenKind) -> None:
    """What is remembered under the former digest does not hide that the row needs another; afterwards it is remembered again."""
    secret = kind.make(served)
    find = kind.finder(served, served.digester)

    def statements_of_use() -> int:
        with counted_statements(served.database) as statements:
            assert find(secret) is not None
        return len(statements)

    assert [statements_of_use() for _ in range(2)] == [1, 0]
    replace_server_secret(served)
    assert [statements_of_use() for _ in range(2)] == [1, 0]
    served.upgrades.write()
    assert kind.key_ids(served) == [current(served)]
    assert [statements_of_use() for _ in range(2)] == [1, 0]


@pytest.mark.one_store("of PostgreSQL the tests remember nothing")
@both_kinds
def test_remembered_token_ends_with_its_server_secret(served: Installation, kind: TokenKind) -> None:
    """Also when its digest could not be replaced, and nothing else has changed since."""
    secret, old = kind.make(served), current(served)
    find = kind.finder(served, served.digester)
    replace_server_secret(served)
    assert find(secret) is not None
    delete_server_secret(served, old)
    assert find(secret) is None


def test_signed_token_of_a_password_outlives_the_change(served: Installation) -> None:
    """The password's id that it carries counts as long as the server secret is there that made it, and then no longer."""
    user = served.user("alice", password=PASSWORD)
    old = current(served)

    def credential() -> CredentialId:
        named = log_in(served, PASSWORD, "alice").credential
        assert named is not None
        return named

    before = credential()
    add_server_secret(served)
    assert credential() == before
    served.clock.advance(minutes=5)
    after = credential()
    assert before.secret_id != after.secret_id
    for named in (before, after):
        assert served.authentication.caller_by_id(named).kind is CallerKind.PASSWORD
    delete_server_secret(served, old)
    assert served.authentication.caller_by_id(after).person is not None
    for secret_id in (before.secret_id, None, 0, -1):
        named = CredentialId(CallerKind.PASSWORD, user, secret_id)
        assert refusal(lambda named=named: served.authentication.caller_by_id(named)) == GONE  # type: ignore[misc] # bound in the loop


def test_servers_that_see_it_at_different_times_agree(served: Installation) -> None:
    """A server that looked into the key directory just before the change knows all tokens that the others make meanwhile, and they its."""
    early = SecretDigester(CurrentKeys(KeyDirectory(served.keys_dir), served.clock).server_secrets)
    add_server_secret(served)
    late = SecretDigester(CurrentKeys(KeyDirectory(served.keys_dir), served.clock).server_secrets)
    for _ in range(8):
        stored = {digester.digests("x")[0] for digester in (early, late)}
        for digester in (early, late):
            assert stored <= set(digester.digests("x"))
        served.clock.advance(minutes=1)
    assert early.digests("x") == late.digests("x")
    assert early.key_ids[0] == known_secrets(served)[0].id


def test_log_tells_neither_secrets_nor_digests(served: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is logged in all of it."""
    with caplog.at_level(logging.DEBUG):
        secret = PERSONAL_ACCESS_TOKEN.make(served)
        old = current(served)
        digests = [served.digester.digest(secret)]
        replace_server_secret(served)
        log_in(served, secret)
        served.upgrades.write()
        digests.append(served.digester.digest(secret))
        server_secrets = [each.value for each in known_secrets(served)]
        delete_server_secret(served, old)
        log_in(served, secret)
        refusal(lambda: log_in(served, secret[:-8] + "x" * 8))
    hidden = [form for value in (*digests, *server_secrets) for form in (value.hex(), repr(value)[2:-1])]
    assert not [form for form in (secret, secret[6:22], *hidden) if form in caplog.text]
