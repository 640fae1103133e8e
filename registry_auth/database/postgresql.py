"""PostgreSQL, by psycopg 3: one database for any number of servers."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from registry_auth.database.notifications import CHANNEL, NotificationWatch
from registry_auth.database.postgresql_connections import ANSWER_TIMEOUT, Connector
from registry_auth.database.store import Store

# How long a request waits for a free connection, for a new one, and for the write lock.
_POOL_TIMEOUT = 3  # seconds
_CONNECT_TIMEOUT = 3  # seconds, for each host of the address
_LOCK_TIMEOUT = 4_000  # milliseconds
_MIGRATION_TIMEOUT = 60_000  # milliseconds that a second process waits for the first one's migration

_WRITE_LOCK = 0x7265_6761  # the number of an advisory lock: any will do that nobody else takes in this database

_CONNECT_ARGUMENTS: Mapping[str, object] = {
    "connect_timeout": _CONNECT_TIMEOUT,
    # After a failover nobody may be answered from the old primary, or from a standby that is behind.
    "target_session_attrs": "read-write",
    "application_name": "registry-auth",
    # A host that has vanished says nothing: these end connections to it.
    "tcp_user_timeout": int(ANSWER_TIMEOUT * 1000),
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}

_SERVER_ADVICE = "Check that PostgreSQL runs there, that REGISTRY_AUTH_DATABASE_URL is right, and that PostgreSQL lets this user in."
_RIGHTS_ADVICE = "Give the user of REGISTRY_AUTH_DATABASE_URL the right to it, best as the owner of the database."
_POOL_ADVICE = "All connections are in use: PostgreSQL is slow, or REGISTRY_AUTH_DATABASE_POOL_SIZE is too small."
_SCHEMA_ADVICE = "`registry-auth database check` tells whether the tables are those of this version."


class PostgresStore(Store):
    """A database of a PostgreSQL server.

    `listen_url` leads to the server itself where `url` leads to a pooler such as pgbouncer, through which notifications do not come.
    """

    def __init__(self, url: URL, listen_url: URL | None, pool_size: int) -> None:
        self.label = self.records_label = f"{url.database} at {_hosts(url)}"
        self.reader = _engine(url, _CONNECT_ARGUMENTS, pool_size=pool_size, max_overflow=0, pool_timeout=_POOL_TIMEOUT)
        event.listen(self.reader, "do_connect", Connector())
        self.writer = self.reader.execution_options()
        event.listen(self.writer, "begin", _begin_locked)
        self.recorder = self.reader.execution_options()
        event.listen(self.recorder, "begin", _begin)
        # A migration may take its time, and needs no prepared statements.
        self._migrator = _engine(url, {**_CONNECT_ARGUMENTS, "prepare_threshold": None}, poolclass=NullPool)
        event.listen(self._migrator, "begin", _begin_migration)
        self._listen_url = listen_url or url
        self.changes = NotificationWatch(self._listening_connection, self._beat)

    def look_up(self) -> AbstractContextManager[Connection]:
        """Take a connection from the pool."""
        return self.reader.connect()

    @contextmanager
    def schema_change(self) -> Iterator[Connection]:
        """Open a transaction that may wait longer for the write lock."""
        with self._migrator.begin() as connection:
            yield connection

    def advice(self, error: DBAPIError | OSError | None, label: str) -> str:  # noqa: ARG002 - all is in one database
        """Tell a server that cannot be reached from rights that are missing, and from tables that are."""
        if error is None:
            return _POOL_ADVICE
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, psycopg.errors.InsufficientPrivilege | psycopg.errors.ReadOnlySqlTransaction):
            return _RIGHTS_ADVICE
        return _SERVER_ADVICE if isinstance(error, OperationalError | OSError) else _SCHEMA_ADVICE

    def close(self) -> None:
        """Close all connections."""
        self.changes.close()
        self.reader.dispose()

    def _listening_connection(self) -> psycopg.Connection[Any]:
        arguments = self._listen_url.get_dialect()().create_connect_args(self._listen_url)[1]
        return psycopg.connect(**{**_CONNECT_ARGUMENTS, **arguments}, autocommit=True)

    def _beat(self, payload: str) -> None:
        with self.reader.connect() as connection:
            connection.exec_driver_sql("SELECT pg_notify(%s, %s)", (CHANNEL, payload))


def _engine(url: URL, arguments: Mapping[str, object], **options: Any) -> Engine:
    # hide_parameters: an error's text ends up in logs, and parameters are digests and names. What the address says of a connection counts.
    ours = {name: value for name, value in arguments.items() if name not in url.query}
    return create_engine(url, connect_args=ours, hide_parameters=True, isolation_level="AUTOCOMMIT", **options)


def _hosts(url: URL) -> str:
    """Give the servers of an address, which can name several as `host` of its query."""
    named = url.query.get("host", ()) if url.host is None else f"{url.host}:{url.port or 5432}"
    return named if isinstance(named, str) else ", ".join(named)


def _begin_locked(connection: Connection) -> None:
    _take_lock(connection, _LOCK_TIMEOUT)


def _begin_migration(connection: Connection) -> None:
    _take_lock(connection, _MIGRATION_TIMEOUT)


def _take_lock(connection: Connection, timeout: int) -> None:
    # One transaction at a time, migrations among them, as on SQLite: what one has checked cannot be changed before it is written.
    connection.exec_driver_sql(f"BEGIN; SET LOCAL lock_timeout = {timeout}; SELECT pg_advisory_xact_lock({_WRITE_LOCK})")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
