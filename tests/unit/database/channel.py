"""A stand-in for PostgreSQL's notifications: what is sent is heard on every connection that listens, in order."""

from collections.abc import Callable, Iterator
from queue import Empty, Queue
from threading import Lock
from types import SimpleNamespace
from typing import Any, Self

import psycopg

_PATIENCE = 0.01  # seconds that a connection waits for the next notification


class Line:
    """One connection that listens."""

    def __init__(self, forget: Callable[["Line"], None]) -> None:
        self.heard: Queue[str | Exception] = Queue()
        self.statements: list[str] = []
        self._forget = forget

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._forget(self)

    def execute(self, statement: str) -> None:
        """Note what is asked for."""
        self.statements.append(statement)

    def notifies(self, *, timeout: float) -> Iterator[Any]:
        """Give what comes, until nothing does for a moment."""
        assert timeout > 0
        while True:
            try:
                heard = self.heard.get(timeout=_PATIENCE)
            except Empty:
                return
            if isinstance(heard, Exception):
                raise heard
            yield SimpleNamespace(payload=heard)


class Channel:
    """Connects listeners and passes on what is sent.

    `is_open` says whether anybody can connect, `takes` whether anybody can send, `is_heard` whether what is sent arrives.
    """

    def __init__(self) -> None:
        self.is_open = self.is_heard = self.takes = True
        self.lines: list[Line] = []
        self.connections = 0
        self._lock = Lock()

    def connect(self) -> Any:
        """Open a connection."""
        if not self.is_open:
            raise psycopg.OperationalError("connection refused")
        with self._lock:
            self.connections += 1
            self.lines.append(Line(self._forget))
            return self.lines[-1]

    def notify(self, payload: str) -> None:
        """Send a notification, as a transaction does that is committed."""
        if not self.takes:
            raise OSError("nobody takes it")
        if self.is_heard:
            with self._lock:
                for line in self.lines:
                    line.heard.put(payload)

    def end_connections(self) -> None:
        """End all connections."""
        with self._lock:
            for line in self.lines:
                line.heard.put(psycopg.OperationalError("terminating connection\nSSL connection has been closed unexpectedly"))

    def _forget(self, line: Line) -> None:
        with self._lock:
            self.lines.remove(line)
