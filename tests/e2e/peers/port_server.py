"""Servers on a port of their own, which tests may stop and start again."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from .processes import Command, Server, clean_environment, free_port, wait_for_port


class PortServer(ABC):
    """A server on a free port of 127.0.0.1, which it keeps when it is stopped and started again; `directory` is its own."""

    # Variables of the server's environment besides PATH, HOME and LANG.
    _env: Mapping[str, str] = {}

    def __init__(self, directory: Path, log: str) -> None:
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self._directory = directory
        self._log = directory / log
        self._server: Server | None = None

    @abstractmethod
    def _command(self) -> Command:
        """Write what the server reads at its start, and give its command line."""

    def start(self) -> Self:
        """Start the server and return it once it answers; raise ServerDiedError with its log if it does not."""
        self._server = Server(self._command(), env=clean_environment(self._directory / "home", **self._env), log=self._log)
        try:
            wait_for_port("127.0.0.1", self.port, self._server)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server with all its processes, if it runs. What it stores stays."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def log(self) -> str:
        """Return what the server has written, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
