"""Files of the key directory: modes, and that they are there whole or not at all."""

from pathlib import Path

import pytest

from registry_auth.errors import ConfigurationError
from registry_auth.signing.key_files import read_private, write_file


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o440])
def test_closed_file_is_read(tmp_path: Path, mode: int) -> None:
    """A file of this user's is fine, and so is one that the group can read: secret mounts are made so."""
    file = tmp_path / "key"
    write_file(file, b"content", mode)
    assert file.stat().st_mode & 0o7777 == mode
    assert read_private(file) == b"content"


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o602, 0o620, 0o666, 0o777])
def test_open_file_is_refused(tmp_path: Path, mode: int) -> None:
    """What others can read, or the group can write, is refused with the command that mends it."""
    file = tmp_path / "key"
    write_file(file, b"content", mode)
    with pytest.raises(ConfigurationError, match=rf"key is open to others \(mode {mode:04o}\): run `chmod 600 .*/key`"):
        read_private(file)


def test_missing_file_is_left_to_the_caller(tmp_path: Path) -> None:
    """That a file is not there is no fault in itself: another process may just have retired it."""
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "key")


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """What cannot be read is named with the reason."""
    with pytest.raises(ConfigurationError, match=r"The key file .* cannot be read \(Is a directory\): give it to this user"):
        read_private(tmp_path)


def test_existing_file_is_replaced_whole(tmp_path: Path) -> None:
    """A new content takes the place of the old one with the new mode, and nothing else is left."""
    file = tmp_path / "key"
    write_file(file, b"old", 0o644)
    write_file(file, b"new", 0o600)
    assert (file.read_bytes(), file.stat().st_mode & 0o777, list(tmp_path.iterdir())) == (b"new", 0o600, [file])


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """When the content cannot take its place, no part of it stays on the disk."""
    (tmp_path / "key").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        write_file(tmp_path / "key", b"secret", 0o600)
    assert list(tmp_path.iterdir()) == [tmp_path / "key"]
