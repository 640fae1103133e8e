"""Reading and writing the files of the key directory."""

import os
import stat
import tempfile
from pathlib import Path

from registry_auth.errors import ConfigurationError

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


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that it is there whole or not at all, also after a crash. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
