"""Files of the key directory: modes, and that they are there whole or not at all."""

import os
from pathlib import Path

import pytest

from registry_auth.errors import ConfigurationError
from registry_auth.signing.key_files import give_to_owner_of, read_private, remove_leftovers, rename, write_file


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


def test_renamed_file_has_the_new_name_alone(tmp_path: Path) -> None:
    """What was there under the new name is gone."""
    for name in ("old", "new"):
        write_file(tmp_path / name, name.encode(), 0o600)
    rename(tmp_path / "old", tmp_path / "new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"new": b"old"}


def test_leftovers_of_a_killed_writer_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private key that was not finished does not stay; every other file does."""
    (tmp_path / ".lock").touch()
    write_file(tmp_path / "key", b"content", 0o600)
    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", _fail)
        killed.setattr(Path, "unlink", _fail)
        with pytest.raises(KeyboardInterrupt):
            write_file(tmp_path / "next", b"secret", 0o600)
    assert len(list(tmp_path.iterdir())) == 3
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "key"]


def _fail(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("user", "owner", "given"),
    [(0, 1_234, True), (0, 0, False), (1_234, 1_234, False), (5_678, 1_234, False)],
)
def test_file_of_root_is_given_to_the_owner_of_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, owner: int, given: bool
) -> None:
    """A command that runs as root makes keys for the server that runs as somebody else."""
    changed: list[tuple[object, ...]] = []
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "chown", lambda path, *ids, follow_symlinks: changed.append((path, *ids, follow_symlinks)))
    monkeypatch.setattr(Path, "stat", lambda _path: os.stat_result((0o40700, 1, 1, 1, owner, owner + 1, 0, 0, 0, 0)))
    give_to_owner_of(tmp_path, tmp_path / "key")
    assert changed == ([(tmp_path / "key", owner, owner + 1, False)] if given else [])
