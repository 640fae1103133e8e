"""Servers that refuse to run as root: where the tests run as root, `nobody` runs them."""

import os
import pwd
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from .port_server import PortServer
from .processes import Command

_USER = "nobody"


class UnprivilegedServer(PortServer):
    """A server whose files are in a directory of its own, `place`, which goes at the end of the `with` block; its log stays in `directory`.

    The directories that pytest makes are out of reach for any other user than that of the tests.
    """

    def __init__(self, directory: Path, log: str) -> None:
        super().__init__(directory, log)
        self._temporary: TemporaryDirectory[str] | None = None

    @property
    def place(self) -> Path:
        """The server's own directory, short enough for sockets' paths."""
        if self._temporary is None:
            self._temporary = TemporaryDirectory(prefix="ra-")
            give_away(Path(self._temporary.name))
        return Path(self._temporary.name)

    def write(self, name: str, text: str) -> Path:
        """Write a file that only the server's user may read, and return its path."""
        path = self.place / name
        path.touch(mode=0o600)
        path.write_text(text)
        give_away(path)
        return path

    def close(self) -> None:
        """End the server and remove what it stores."""
        self.stop()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_exc: object) -> None:
        self.close()


def as_unprivileged(command: Command) -> Command:
    """Return the command line that runs a program as the server's user."""
    if os.geteuid() != 0:
        return command
    user = pwd.getpwnam(_USER)
    # The user may not be able to reach the current directory.
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "env", "--chdir=/", *command]


def give_away(path: Path) -> None:
    """Make a file or directory the server's user's."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(_USER)
        os.chown(path, user.pw_uid, user.pw_gid)
