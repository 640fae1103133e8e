"""Engines and sessions for the store that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Self

from filelock import FileLock
from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from registry_auth.errors import ConfigurationError, UnavailableError

_BUSY_TIMEOUT = 5_000  # milliseconds that SQLite waits for another writer
_MIGRATION_TIMEOUT = 60  # seconds that a second process waits for the first one's migration
_ACCESS_ADVICE = "Check that this user may read and write the file and its directory."
_CONTENT_ADVICE = "Bring it back from a backup, or name another file in REGISTRY_AUTH_DATABASE_URL."


class Database:
    """One store: `reading()` and `reading_session()` for queries, `transaction()` for changes.

    They raise UnavailableError when the store does not answer. As a context manager it closes itself.
    """

    def __init__(self, url: str) -> None:
        self.path = _sqlite_path(url)
        _make_place(self.path)
        # hide_parameters: an error's text ends up in logs, and parameters are digests and names.
        self._writer = create_engine(url, hide_parameters=True)
        # A second engine, because switching to AUTOCOMMIT at each checkout costs more than the statement saves.
        self._reader = create_engine(url, hide_parameters=True, isolation_level="AUTOCOMMIT")
        for engine in (self._writer, self._reader):
            event.listen(engine, "connect", _set_up_connection)
        event.listen(self._writer, "begin", _begin_immediate)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection on which every statement stands for itself."""
        with self._translated_errors(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def reading_session(self) -> Iterator[Session]:
        """Open a session for queries only: it waits for no writer. What it gives stays readable after it is closed."""
        with self.reading() as connection, Session(connection, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session that is committed at the end, or rolled back when an exception leaves it."""
        with self._translated_errors(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def schema_change(self) -> Iterator[Connection]:
        """Open one transaction for a migration, in one process at a time."""
        with self._translated_errors(), FileLock(f"{self.path}.lock", timeout=_MIGRATION_TIMEOUT):
            with self._reader.connect() as connection:
                # A property of the file. Two processes that switch a new file at once fail without waiting, hence the lock.
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            with self._writer.begin() as connection:
                yield connection

    def close(self) -> None:
        """Give up all connections."""
        self._writer.dispose()
        self._reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # what was asked is at fault, not the store
        except DBAPIError as error:
            advice = _ACCESS_ADVICE if isinstance(error, OperationalError) else _CONTENT_ADVICE
            raise UnavailableError(f"The database {self.path} cannot be used: {error.orig}. {advice}") from error
        except (OSError, PoolTimeoutError) as error:
            raise UnavailableError(f"The database {self.path} cannot be used: {error}. {_ACCESS_ADVICE}") from error


def _sqlite_path(url: str) -> Path:
    database = make_url(url).database
    if database is None:
        raise ConfigurationError("REGISTRY_AUTH_DATABASE_URL names no file.")
    return Path(database)


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
    # The driver shall begin no transaction of its own: it would leave DDL outside.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT}")
    # synchronous stays FULL: after a power failure a revocation must not be undone.


def _begin_immediate(connection: Connection) -> None:
    # Taking the write lock at once: two transactions that read first and write later would fail with "database is locked".
    connection.exec_driver_sql("BEGIN IMMEDIATE")
