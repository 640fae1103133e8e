"""The keys of a running process: when it looks into the directory, what it takes up, and what it says about it."""

import logging
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from registry_auth.signing import CurrentKeys, KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_directory import Look
from registry_auth.token_secrets import SecretDigester
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW, Clock

DAY = timedelta(days=1)


class WatchedDirectory(KeyDirectory):
    """A key directory that notes when it was read again."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.read_at: list[datetime] = []

    def renewed(self, now: datetime) -> Look:
        """Give the key ring."""
        self.read_at.append(now)
        return super().renewed(now)


@pytest.fixture
def watched(directory: KeyDirectory) -> WatchedDirectory:
    """Give the key directory, watched."""
    return WatchedDirectory(directory.path)


@pytest.fixture
def keys(watched: WatchedDirectory, clock: Clock) -> CurrentKeys:
    """Give the keys of a process."""
    return CurrentKeys(watched, clock)


def newest(keys: CurrentKeys) -> str:
    """Give the id of the newest signing key."""
    return keys.ring().signing_keys[0].pair.kid


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was logged as warnings."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_directory_is_read_every_five_seconds(keys: CurrentKeys, watched: WatchedDirectory, clock: Clock) -> None:
    """However often the keys are asked for; and also when the clock is put back."""
    for _ in range(100):
        clock.advance(milliseconds=100)
        keys.ring()
    assert watched.read_at == [NOW + timedelta(seconds=5), NOW + timedelta(seconds=10)]
    clock.now = NOW - DAY
    keys.ring()
    keys.ring()
    assert watched.read_at[2:] == [NOW - DAY]


def test_key_of_another_process_is_taken_up_within_five_seconds(keys: CurrentKeys, clock: Clock, directory: KeyDirectory) -> None:
    """When another process makes a key, this one follows at its next look."""
    old = newest(keys)
    clock.advance(seconds=6)
    assert newest(keys) == old
    new = KeyChanges(directory).rotate(clock()).signing_key.pair.kid
    clock.advance(seconds=4)
    assert newest(keys) == old
    clock.advance(seconds=1)
    assert newest(keys) == new != old


def test_one_of_many_threads_looks(keys: CurrentKeys, watched: WatchedDirectory, clock: Clock) -> None:
    """When the time has come for all of them, the directory is read once or twice, and all of them have a ring."""
    clock.advance(seconds=5)
    barrier = threading.Barrier(10)
    rings: list[object] = []

    def ask() -> None:
        barrier.wait()
        rings.extend(keys.ring() for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 200
    assert 1 <= len(watched.read_at) <= 2  # a second thread may have come to the lock when the first had just left it


def test_replaced_key_stays_published_for_a_day(keys: CurrentKeys, clock: Clock) -> None:
    """Tokens of the key that was replaced are verified until they have all ended, and then their key is nobody's."""
    old = newest(keys)
    clock.advance(days=60)
    new = newest(keys)
    assert new != old
    assert keys.published_key(old) is not None
    clock.advance(hours=25)
    assert keys.published_key(old) is None
    assert keys.published_key(new) is not None


def test_key_that_another_process_made_just_now_is_found_at_once(keys: CurrentKeys, watched: WatchedDirectory, clock: Clock) -> None:
    """Its tokens do not have to wait for the next regular look."""
    old = newest(keys)
    clock.advance(days=1)
    newest(keys)
    new = KeyChanges(KeyDirectory(watched.path)).rotate(clock()).signing_key.pair
    clock.advance(seconds=1)
    found = keys.published_key(new.kid)
    assert found is not None
    assert found.public_key == new.key.public_key()
    assert watched.read_at == [NOW + DAY, clock()]
    assert keys.published_key(old) is not None


def test_unknown_ids_make_the_directory_be_read_once_a_second(keys: CurrentKeys, watched: WatchedDirectory, clock: Clock) -> None:
    """However many ids somebody makes up, they cost no more than that; known ids cost nothing."""
    known = newest(keys)
    for step in range(31):
        clock.now = NOW + timedelta(seconds=step / 10)
        for number in range(3):
            assert keys.published_key(f"unknown {step} {number}") is None
            assert keys.published_key(known) is not None
    assert watched.read_at == [NOW + timedelta(seconds=seconds) for seconds in range(4)]


def test_unknown_id_in_a_broken_directory_is_just_unknown(keys: CurrentKeys, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The keys in memory still verify, and the log says once what is wrong."""
    known = newest(keys)
    keys.directory.private.authority.chmod(0o644)
    for _ in range(3):
        clock.advance(seconds=1)
        assert keys.published_key("unknown") is None
        assert keys.published_key(known) is not None
    (message,) = warnings(caplog)
    assert message.startswith("keys: The key file ")


def test_broken_directory_is_logged_once_and_survived(keys: CurrentKeys, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The keys in memory go on; the log says once what is wrong, and again when it broke again after being mended."""
    before = newest(keys)
    for mode, lines in ((0o644, 1), (0o600, 1), (0o644, 2)):
        keys.directory.private.authority.chmod(mode)
        for _ in range(3):
            clock.advance(seconds=10)
            assert newest(keys) == before
        assert len(warnings(caplog)) == lines
    assert "chmod 600" in warnings(caplog)[0]


def test_what_lasts_is_logged_once_a_day(keys: CurrentKeys, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Each day (UTC) on which it is still so has its line."""
    keys.directory.private.authority.chmod(0o644)
    for _ in range(3 * 24):
        clock.advance(hours=1)
        keys.ring()
    assert len(warnings(caplog)) == 4  # from noon to noon


def test_what_ends_soon_is_told_to_the_log_and_to_whoever_asks(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The sentence is the same; when the remedy changes it is logged anew, and when nothing ends soon any more nothing is said."""
    directory = KeyDirectory(tmp_path, TokenHeader.LIBTRUST_KID)
    keys = CurrentKeys(directory, clock)
    clock.advance(days=305)
    (sentence,) = keys.warnings()
    assert sentence == (
        "The signing certificate ends on 2027-07-01. Restart the registries, so that they read the new bundle, "
        "then run `registry-auth keys activate`."
    )
    clock.advance(seconds=10)
    keys.ring()
    assert warnings(caplog) == [f"keys: {sentence}" for sentence in keys.warnings()]
    KeyChanges(directory).activate(clock())
    clock.advance(seconds=10)
    assert keys.warnings() == ()
    assert len(warnings(caplog)) == 1


def test_new_server_secret_is_accepted_at_once_and_makes_digests_after_five_minutes(keys: CurrentKeys, clock: Clock) -> None:
    """By then every server accepts it; the digests of the former one are accepted all the time."""
    digester = SecretDigester(keys.server_secrets)
    old = digester.digest("token")
    clock.advance(hours=1)
    KeyChanges(keys.directory).rotate_server_secret(clock())
    clock.advance(seconds=5)
    assert digester.digest("token") == old
    first, new = digester.all_digests("token")
    assert first == old != new
    clock.advance(minutes=5)
    assert digester.all_digests("token") == [new, old]


def test_first_server_secret_makes_digests_at_once(tmp_path: Path, clock: Clock) -> None:
    """A new installation does not wait for itself."""
    (secret,) = CurrentKeys(KeyDirectory(tmp_path), clock).server_secrets()
    assert secret.created_at == NOW
