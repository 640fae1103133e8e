"""A key directory that is mounted read-only: it serves, and what is there is used."""

import errno
import logging
import os
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from registry_auth.errors import ConfigurationError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import own_pair

DAY = timedelta(days=1)
LIFETIME = timedelta(minutes=15)


@pytest.fixture
def read_only(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> KeyDirectory:
    """Give a complete key directory on a file system that is mounted read-only."""
    KeyChanges(directory).rotate(NOW + DAY)
    real_open = os.open

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    def open_to_read(path: str, flags: int, *more: int, **options: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            refuse()
        return real_open(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", open_to_read)
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    return directory


MOUNTED = "is mounted read-only, so keys can only be changed where the mount is made: run the command there"


def test_read_only_directory_serves(read_only: KeyDirectory, caplog: pytest.LogCaptureFixture) -> None:
    """What would only have to be removed stays without a word; when a key is due the log says why there is none."""
    assert len(read_only.ready(NOW + 10 * DAY).signing_keys) == 2
    assert caplog.records == []
    ring = read_only.ready(NOW + 62 * DAY)
    assert ring.signing_key(NOW + 62 * DAY, LIFETIME) is not None
    assert [(record.levelno, MOUNTED in record.getMessage()) for record in caplog.records] == [(logging.WARNING, True)]
    look = read_only.renewed(NOW + 62 * DAY)
    assert look.ring == ring
    assert MOUNTED in str(look.problem)


def test_every_command_explains_a_read_only_directory(read_only: KeyDirectory) -> None:
    """It says where the command has to be run instead."""
    changes = KeyChanges(read_only)
    for act in (changes.rotate, changes.rotate_authority, changes.rotate_server_secret, changes.activate):
        with pytest.raises(ConfigurationError, match=MOUNTED):
            act(NOW + 2 * DAY)
    with pytest.raises(ConfigurationError, match=MOUNTED):
        changes.import_key(own_pair(), NOW + 2 * DAY)
    with pytest.raises(ConfigurationError, match=MOUNTED):
        changes.delete_server_secret(read_only.loaded().server_secrets[0].id, NOW)


def test_keys_that_somebody_put_there_are_used_all_the_same(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the public files cannot be written the fresh keys count, and the look says what is not up to date."""
    KeyChanges(directory).rotate(NOW + DAY)
    (directory.public / "jwks.json").write_bytes(b"of before")

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    look = directory.renewed(NOW + DAY)
    assert len(look.ring.signing_keys) == 2
    assert look.problem == (
        f"The files for registries in {directory.public} are not up to date and cannot be written (Read-only file system)."
    )
