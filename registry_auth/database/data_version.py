"""Changes of an SQLite file, seen by every process that has it open (SQLite documentation: PRAGMA data_version)."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Lock


class DataVersion:
    """Asks SQLite for the version of a file: 2 microseconds, so every look-up can afford it.

    The number changes with the commits of all other connections, but not with those of the connection that asks. So it is asked on a
    connection of its own that never writes. Numbers of different connections have nothing to do with each other.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None

    def version(self) -> int | None:
        """Give the number of the file's state; None when the file cannot be read."""
        with self._lock:
            try:
                return self._ask()
            except sqlite3.Error:
                self._drop()
                return None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._drop()

    def _ask(self) -> int:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA query_only=ON")
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
