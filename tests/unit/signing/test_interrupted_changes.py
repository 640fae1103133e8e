"""Changes of the keys whose process is killed, after each of its file operations in turn."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry_auth.errors import ConflictError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_exports import stale_exports
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import own_pair
from tests.unit.signing.registry import Registry

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
LIFETIME = timedelta(minutes=15)
X5C, LIBTRUST, RFC7638 = TokenHeader

Act = Callable[[KeyDirectory, datetime], object]

# Each of these, as far as a killed process came, is on the disk: nothing after it is.
OPERATIONS: list[tuple[Any, str]] = [
    (tempfile, "mkstemp"),
    (os, "fchmod"),
    (os, "fsync"),
    *((Path, name) for name in ("replace", "unlink")),
]


class KilledError(BaseException):
    """Stands in for the end of the process."""


@contextmanager
def killed_after(operations: int) -> Iterator[None]:
    """Let this many file operations happen, and none after them: not even those that would clean up."""
    left = operations

    def limited(operation: Callable[..., object]) -> Callable[..., object]:
        def act(*arguments: object, **options: object) -> object:
            nonlocal left
            if left == 0:
                raise KilledError
            left -= 1
            return operation(*arguments, **options)

        return act

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in OPERATIONS:
            patch.setattr(owner, name, limited(getattr(owner, name)))
        yield


def nothing(directory: KeyDirectory, now: datetime) -> None:
    """Leave the new directory as it is."""
    assert directory.loaded()
    assert now


def rotate(directory: KeyDirectory, now: datetime) -> object:
    """Make or publish a signing key."""
    return KeyChanges(directory).rotate(now)


def rotate_authority(directory: KeyDirectory, now: datetime) -> object:
    """Publish a CA."""
    return KeyChanges(directory).rotate_authority(now)


def rotate_both(directory: KeyDirectory, now: datetime) -> None:
    """Publish a signing key and a CA."""
    rotate(directory, now)
    rotate_authority(directory, now)


def rotate_server_secret(directory: KeyDirectory, now: datetime) -> object:
    """Make a server secret."""
    return KeyChanges(directory).rotate_server_secret(now)


def activate(directory: KeyDirectory, now: datetime) -> object:
    """Activate what is published."""
    return KeyChanges(directory).activate(now)


def activated_authority(directory: KeyDirectory, now: datetime) -> None:
    """Replace the CA."""
    rotate_authority(directory, now)
    activate(directory, now)


def import_key(directory: KeyDirectory, now: datetime) -> object:
    """Publish a key of the operator's."""
    return KeyChanges(directory).import_key(own_pair(), now)


def look(directory: KeyDirectory, now: datetime) -> KeyRing:
    """Look as a running server does."""
    return directory.renewed(now).ring


@dataclass(frozen=True)
class Change:
    """A change, what it begins from, how long after that it is made, and what of the keys is to be true in the end."""

    header: TokenHeader
    before: Act
    after: timedelta
    act: Act
    is_done: Callable[[KeyRing], bool]


def counts(ring: KeyRing) -> tuple[int, int, int]:
    """Give how many signing keys, former CAs and server secrets there are."""
    return len(ring.signing_keys), len(set(ring.former_authorities)), len(ring.server_secrets)


def has_next_key(ring: KeyRing) -> bool:
    """Say whether nothing has come but the next signing key."""
    return ring.next_signing_key is not None and ring.next_authority is None and counts(ring) == (1, 0, 1)


def has_next_authority(ring: KeyRing) -> bool:
    """Say whether nothing has come but the next CA."""
    return ring.next_signing_key is None and ring.next_authority is not None and counts(ring) == (1, 0, 1)


def follows(*expected: int) -> Callable[[KeyRing], bool]:
    """Say whether nothing waits, and as many keys, former CAs and secrets are there as expected."""
    return lambda ring: ring.next_signing_key is None and ring.next_authority is None and counts(ring) == expected


CHANGES: Mapping[str, Change] = {
    "rotate at once": Change(X5C, nothing, HOUR, rotate, follows(2, 0, 1)),
    "rotate, staged": Change(LIBTRUST, nothing, HOUR, rotate, has_next_key),
    "rotate --ca": Change(X5C, nothing, HOUR, rotate_authority, has_next_authority),
    "rotate --server-secret": Change(X5C, nothing, HOUR, rotate_server_secret, follows(1, 0, 2)),
    "import": Change(RFC7638, nothing, HOUR, import_key, has_next_key),
    "activate a key": Change(LIBTRUST, rotate, HOUR, activate, follows(2, 0, 1)),
    "activate an imported key": Change(X5C, import_key, HOUR, activate, follows(2, 0, 1)),
    "activate a CA": Change(X5C, rotate_authority, HOUR, activate, follows(2, 1, 1)),
    "activate both": Change(RFC7638, rotate_both, HOUR, activate, follows(2, 1, 1)),
    "renewal": Change(X5C, nothing, 60 * DAY, look, follows(2, 0, 1)),
    "renewal, staged": Change(LIBTRUST, nothing, 305 * DAY, look, has_next_key),
    "retirement": Change(X5C, rotate, 2 * DAY, look, follows(1, 0, 1)),
    "retirement of a CA": Change(X5C, activated_authority, 2 * DAY, look, follows(1, 0, 1)),
}


@pytest.mark.parametrize("recovery", ["the same again", "a look"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_killed_change_leaves_what_works_and_is_completed(change: Change, recovery: str, tmp_path: Path) -> None:
    """Wherever it ends, registries accept what is signed. A look makes up for what followed from it; so does the same again, once."""
    start, now = KeyDirectory(tmp_path / "start", change.header), NOW + DAY
    start.ready(NOW)
    change.before(start, now)
    running = Registry(start.bundle.read_bytes())
    now += change.after
    for operations in range(100):
        directory = KeyDirectory(Path(shutil.copytree(start.path, tmp_path / str(operations))), change.header)
        try:
            with killed_after(operations):
                change.act(directory, now)
        except KilledError:
            works(directory, now, running)
        else:
            break
        if recovery == "a look":
            look(directory, now)
            works(directory, now, running)
        if recovery == "the same again" or not change.is_done(directory.loaded()):
            with suppress(ConflictError):  # when all was done and nobody had been told
                change.act(directory, now + 4 * SECOND)
        is_whole(directory, change, running, now + 4 * SECOND)
    assert operations > 1
    is_whole(directory, change, running, now)


def works(directory: KeyDirectory, now: datetime, running: Registry) -> None:
    """Assert that the keys can be read, and that a registry accepts what is signed."""
    key = directory.loaded().signing_key(now, LIFETIME)
    assert key is not None
    assert running.accepts(key.token({}, directory.header), now)


def is_whole(directory: KeyDirectory, change: Change, running: Registry, now: datetime) -> None:
    """Assert that the change is complete, that it was made once, and that nothing unfinished is left."""
    ring = directory.loaded()
    assert change.is_done(ring)
    assert stale_exports(ring, directory.public) == {}
    works(directory, now, running)
    works(directory, now, Registry(directory.bundle.read_bytes()))
    assert not [path for path in directory.private.directory.iterdir() if path.name.startswith(".") and path.name != ".lock"]


def test_killed_start_is_completed(tmp_path: Path) -> None:
    """A new directory is made to its end by the next start; no registry has seen a CA that is not the one in the bundle."""
    for operations in range(100):
        directory = KeyDirectory(tmp_path / str(operations))
        with suppress(KilledError), killed_after(operations):
            directory.ready(NOW)
            break
        authority = directory.private.authority.read_bytes() if directory.private.authority.exists() else None
        directory.ready(NOW)
        works(directory, NOW, Registry(directory.bundle.read_bytes()))
        assert authority in {None, directory.private.authority.read_bytes()}
        assert counts(directory.loaded()) == (1, 0, 1)
        assert not list(directory.private.directory.glob(".*.unfinished"))
    assert operations > 10
