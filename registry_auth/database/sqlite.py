"""SQLite: a file in WAL mode, and beside it one for what is recorded at requests."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.schema import CreateTable

from registry_auth.database.base import Recorded
from registry_auth.database.data_version import DataVersion
from registry_auth.database.kept_connections import KeptConnections
from registry_auth.database.store import Store
from registry_auth.errors import ConfigurationError

_BUSY_TIMEOUT = 5_000  # milliseconds that SQLite waits for another writer
_MIGRATION_TIMEOUT = 60  # seconds that a second process waits for the first one's migration
_ACCESS_ADVICE = "Check that this user may read and write the file and its directory."
_CONTENT_ADVICE = "Bring it back from a backup, or name another file in REGISTRY_AUTH_DATABASE_URL."
_RECORDS_ADVICE = "It holds the last uses of tokens and nothing else: delete it, and it is made anew."


class SqliteStore(Store):
    """A database in a file."""

    def __init__(self, url: URL) -> None:
        if url.database is None:
            raise ConfigurationError("REGISTRY_AUTH_DATABASE_URL names no file.")
        path = Path(url.database)
        records = path.with_name(f"{path.stem}-last-use{path.suffix}")
        self.label, self.records_label = str(path), str(records)
        _make_place(path)
        self.reader = _engine(path)
        # The same connections, but switching one to AUTOCOMMIT at each checkout would cost more than a statement does.
        self.writer = self.reader.execution_options()
        event.listen(self.writer, "begin", _begin_immediate)
        # Writes to the file itself would change its data version, so that every request would flush every cache.
        self.recorder = _engine(records, poolclass=NullPool)  # so that the file may go at any time
        event.listen(self.recorder, "do_connect", lambda *_: _make_place(records))
        event.listen(self.recorder, "connect", _create_recorded_tables)
        event.listen(self.recorder, "begin", _begin)
        self.changes = DataVersion(path)
        self._kept = KeptConnections(self.reader)

    def look_up(self) -> AbstractContextManager[Connection]:
        """Give this thread's own connection."""
        return self._kept.connect()

    @contextmanager
    def schema_change(self) -> Iterator[Connection]:
        """Open a transaction. Two processes that switch a new file to WAL at once fail without waiting, hence the lock."""
        with FileLock(f"{self.label}.lock", timeout=_MIGRATION_TIMEOUT):
            with self.reader.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # a property of the file
            with self.writer.begin() as connection:
                yield connection

    def advice(self, error: DBAPIError | OSError | None, label: str) -> str:
        """Tell a file that cannot be reached from one that is no usable database."""
        if isinstance(error, OperationalError | OSError | None):
            return _ACCESS_ADVICE
        return _RECORDS_ADVICE if label == self.records_label else _CONTENT_ADVICE

    def close(self) -> None:
        """Close the files."""
        self.changes.close()
        self._kept.close()
        self.reader.dispose()
        self.recorder.dispose()


def _engine(path: Path, **options: Any) -> Engine:
    # hide_parameters: an error's text ends up in logs, and parameters are digests and names.
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True, isolation_level="AUTOCOMMIT", **options)
    event.listen(engine, "connect", _set_up_connection)
    return engine


def _make_place(path: Path) -> None:
    """Make directory and file for their owner alone; SQLite gives its other files the mode of the first."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The database {path} cannot be made ({error.strerror}): "
            "make its directory writable for this user, or name another file in REGISTRY_AUTH_DATABASE_URL."
        ) from error


def _set_up_connection(connection: SqliteConnection, _record: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT}")
    # synchronous stays FULL: after a power failure a revocation must not be undone.


def _create_recorded_tables(connection: SqliteConnection, _record: ConnectionPoolEntry) -> None:
    """Make what is missing at each connection: the file can be lost, or left out of a backup, without harm."""
    for table in Recorded.metadata.sorted_tables:
        connection.execute(str(CreateTable(table, if_not_exists=True).compile(dialect=sqlite.dialect())))


def _begin_immediate(connection: Connection) -> None:
    # Taking the write lock at once: two transactions that read first and write later would fail with "database is locked".
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
