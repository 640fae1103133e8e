"""Connections of their own for the threads that look up."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local

from sqlalchemy import Connection, Engine


class _Kept(local):
    connection: Connection | None = None


class KeptConnections:
    """Gives each thread one connection of an engine and keeps it: to take one from a pool and bring it back costs as much as to look up.

    For files, where a connection is cheap. A server that counts its connections has a pool.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept = _Kept()
        self._lock = Lock()
        self._all: list[Connection] = []

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Give the connection of this thread."""
        connection = self._kept.connection
        if connection is None or connection.closed:
            connection = self._kept.connection = self._engine.connect()
            with self._lock:
                self._all.append(connection)
        yield connection

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
