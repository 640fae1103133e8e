"""Reading and writing the files of the key directory."""

import os
import stat
import tempfile
from pathlib import Path

from registry_auth.errors import ConfigurationError

PRIVATE_MODE = 0o600
_PUBLIC_MODE = 0o644
_UNFINISHED = ".unfinished"
_FORBIDDEN = stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def read_private(path: Path) -> bytes:
    """Read a private file.

    Raises FileNotFoundError, and ConfigurationError when it cannot be read, or others can read it or the group can write it. That the
    group can read it is accepted: secret mounts are made so.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigurationError(f"The key file {path} cannot be read ({error.strerror}): give it to this user.") from error
    if mode & _FORBIDDEN:
        raise ConfigurationError(f"The key file {path} is open to others (mode {mode:04o}): run `chmod 600 {path}`.")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read. Raises OSError."""
    write_file(path, content, PRIVATE_MODE)


def write_public(path: Path, content: bytes) -> None:
    """Write a file that everybody may read. Raises OSError."""
    write_file(path, content, _PUBLIC_MODE)


def rename(old: Path, new: Path) -> None:
    """Rename a file within its directory, so that it has one of the names, also after a crash. Raises OSError."""
    old.replace(new)
    _sync_directory(new.parent)


def remove(path: Path) -> None:
    """Remove a file, so that it stays away after a crash too; it may be gone already. Raises OSError."""
    path.unlink(missing_ok=True)
    _sync_directory(path.parent)


def remove_leftovers(directory: Path) -> None:
    """Remove what writers that were killed have left: private keys that nobody uses. Nobody may be writing. Raises OSError."""
    for path in directory.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that it is there whole or not at all, also after a crash. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            give_to_owner_of(path.parent, Path(temporary))
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def give_to_owner_of(directory: Path, file: Path) -> None:
    """Give a file to the owner of its directory, if that is not root, who made it: the server runs as that owner. Raises OSError."""
    owner = directory.stat()
    if os.geteuid() == 0 != owner.st_uid:
        # The owner could have put a link in its place, to a file that belongs to somebody else.
        os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
