"""What the private daemons share: a directory of their own, and an end that leaves nothing behind."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from .processes import Server


class Daemon(ABC):
    """A daemon in a new directory, which is removed with all that it holds when the daemon is stopped."""

    def __init__(self) -> None:
        self._cleanup = ExitStack()

    def start(self) -> Self:
        """Start the daemon and return it once it answers; whatever fails, nothing is left behind."""
        with ExitStack() as stack:
            self._directory = Path(tempfile.mkdtemp(prefix="ra-"))  # short: sockets' paths end at 107 characters
            stack.callback(shutil.rmtree, self._directory, ignore_errors=True)
            self._server = self._run(stack)
            self._cleanup = stack.pop_all()
        return self

    @abstractmethod
    def _run(self, stack: ExitStack) -> Server:
        """Start it in `_directory`; on the stack goes what undoes each step."""

    def stop(self) -> None:
        """End the daemon with all that it started, and remove all that it stored."""
        self._cleanup.close()

    def log(self) -> str:
        """Return what the daemon has written."""
        return self._server.log_text()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
