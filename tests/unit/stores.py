"""Both kinds of stores, each for one test at a time, and what tests do to a store behind the back of the program."""

import base64
import hashlib
import hmac
import secrets
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed
from sqlalchemy import text
from sqlalchemy.orm import Session

from registry_auth.accounts import models as account_models
from registry_auth.database import Base, Database, Recorded, migrate
from registry_auth.deploy_tokens import models as deploy_token_models
from registry_auth.last_use import models as last_use_models
from registry_auth.namespaces import models as namespace_models
from tests.e2e.peers.postgresql import PostgresCluster, name_of

MODELS = (namespace_models, account_models, deploy_token_models, last_use_models)  # their tables are known once they are imported

SQLITE, POSTGRESQL = "sqlite", "postgresql"

Dump = Mapping[str, Sequence[tuple[Any, ...]]]

# Parents before children.
_TABLES = [table.name for table in Base.metadata.sorted_tables]
_NUMBERED = [table.name for table in Base.metadata.sorted_tables if "id" in table.columns]
_ALL_TABLES = [*_TABLES, *(table.name for table in Recorded.metadata.sorted_tables)]

# What tells a schema that a test has changed: its version, and how many columns and constraints it has.
_SHAPE = """
SELECT (SELECT string_agg(version_num, ' ') FROM alembic_version),
       (SELECT count(*) FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped),
       (SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace)
"""


class TriedStore(ABC):
    """A store: its address, and the `settings` with which the program uses it."""

    kind: str

    def __init__(self, url: str, cache_size: int) -> None:
        self.url = url
        self.settings: Mapping[str, Any] = {"database_url": url, "cache_size": cache_size}

    @cached_property
    def database(self) -> Database:
        """The store as the program opens it."""
        return Database(self.url, cache_size=self.settings["cache_size"])

    @abstractmethod
    def release(self) -> None:
        """End the use by one test."""

    @abstractmethod
    def take_away(self) -> None:
        """Let nobody use the store any more."""

    @abstractmethod
    def without_check(self, session: Session, table: str, name: str) -> AbstractContextManager[None]:
        """Let a transaction store what a check of a table forbids."""

    @abstractmethod
    def content(self) -> bytes:
        """Give all that the store has written to its files."""

    @abstractmethod
    def dump(self) -> Dump:
        """Give all rows of the tables that answers depend on."""

    @abstractmethod
    def save(self) -> None:
        """Remember what the store holds."""

    @abstractmethod
    def restore(self) -> None:
        """Make the store hold what was saved."""


class SqliteFile(TriedStore):
    """A file that belongs to one test."""

    kind = SQLITE

    def __init__(self, file: Path) -> None:
        super().__init__(f"sqlite:///{file}", cache_size=10_000)
        self.file = file

    def release(self) -> None:
        """Close the file."""
        if "database" in vars(self):
            self.database.close()

    def take_away(self) -> None:
        """Overwrite the file."""
        self.database.close()
        for file in self.file.parent.glob(f"{self.file.name}*"):
            file.write_bytes(b"no database " * 1_000)

    @contextmanager
    def without_check(self, session: Session, table: str, name: str) -> Iterator[None]:  # noqa: ARG002 - SQLite knows all or none
        """Switch the checks of the connection off."""
        session.execute(text("PRAGMA ignore_check_constraints=ON"))
        yield
        session.execute(text("PRAGMA ignore_check_constraints=OFF"))

    def content(self) -> bytes:
        """Give the bytes of the file, and of those that SQLite keeps beside it."""
        return b"".join(file.read_bytes() for file in self.file.parent.glob(f"{self.file.stem}*"))

    def dump(self) -> Dump:
        """Give all rows, and which ids were given."""
        with closing(sqlite3.connect(self.file)) as connection:
            return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in (*_TABLES, "sqlite_sequence")}  # noqa: S608 - our own tables

    def save(self) -> None:
        """Copy the file."""
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(self._saved)) as target:
            source.backup(target)

    def restore(self) -> None:
        """Copy it back, into the file that the program has open."""
        with closing(sqlite3.connect(self._saved)) as source, closing(sqlite3.connect(self.file)) as target:
            source.backup(target)

    @property
    def _saved(self) -> Path:
        return self.file.with_name("saved.db")


class PostgresDatabase(TriedStore):
    """A database that one test after the other finds empty, which is many times quicker than to make one for each.

    Nothing is remembered of its rows: of a change the program hears some milliseconds later, for which tests would have to wait.
    The tests of the caches have databases of their own.
    """

    kind = POSTGRESQL

    def __init__(self, cluster: PostgresCluster) -> None:
        super().__init__(cluster.create_database(), cache_size=0)
        self._cluster = cluster
        self._is_away = False
        self._shape: tuple[Any, ...] | None = None
        self._saved: list[str | Composed] = []

    def clear(self) -> None:
        """Empty the migrated tables, and count ids from 1 again. What a test did to the schema is undone."""
        with suppress(psycopg.errors.UndefinedTable):
            if self._shape is not None and self._rows(_SHAPE) == [self._shape]:
                self._run(*_deletions(), *(f"SELECT setval('{table}_id_seq', 1, false)" for table in _NUMBERED))
                return
        self.wipe()
        migrate(self.database)
        (self._shape,) = self._rows(_SHAPE)

    def wipe(self) -> None:
        """Remove the tables."""
        self._run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")

    def release(self) -> None:
        """Let it be used again where a test took it away. Connections stay open for the next test."""
        if self._is_away:
            self._cluster.run_sql(f"ALTER DATABASE {name_of(self.url)} ALLOW_CONNECTIONS true")
            self._is_away = False

    def close(self) -> None:
        """Give up all connections."""
        self.database.close()
        if "_connection" in vars(self):
            self._connection.close()
            del self._connection

    def take_away(self) -> None:
        """Let the server refuse and end all connections to the database."""
        self._cluster.run_sql(f"ALTER DATABASE {name_of(self.url)} ALLOW_CONNECTIONS false")
        self._is_away = True
        self.end_connections()

    def end_connections(self) -> None:
        """Let the server end all connections to the database."""
        self.close()
        self._cluster.terminate_connections(self.url)

    @contextmanager
    def without_check(self, session: Session, table: str, name: str) -> Iterator[None]:
        """Remove the constraint."""
        session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}"))
        yield

    def content(self) -> bytes:
        """Give the bytes of the files of the database, and of the one that the server's journal is at."""
        self._cluster.run_sql("CHECKPOINT")
        where = "SELECT oid::text, pg_walfile_name(pg_current_wal_lsn()) FROM pg_database WHERE datname = current_database()"
        ((directory, journal),) = self._rows(where)
        files = [*(self._cluster.place / "data" / "base" / directory).iterdir(), self._cluster.place / "data" / "pg_wal" / journal]
        return b"".join(file.read_bytes() for file in files)

    def dump(self) -> Dump:
        """Give all rows."""
        return {table: self._rows(f"SELECT * FROM {table} ORDER BY 1") for table in _TABLES}  # noqa: S608 - our own tables

    def save(self) -> None:
        """Copy the tables into another schema, and note which ids were given."""
        self._run("CREATE SCHEMA saved", *(f"CREATE TABLE saved.{table} AS TABLE {table}" for table in _TABLES))
        sequences = {table: self._rows(f"SELECT last_value, is_called FROM {table}_id_seq")[0] for table in _NUMBERED}  # noqa: S608 - our own tables
        self._saved = [
            *(f"INSERT INTO {table} TABLE saved.{table}" for table in _TABLES),
            *(SQL("SELECT setval({}, {}, {})").format(f"{table}_id_seq", *sequence) for table, sequence in sequences.items()),
        ]

    def restore(self) -> None:
        """Put the copy in the place of all rows."""
        self._run(*_deletions(), *self._saved)

    @cached_property
    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True, options="-c lock_timeout=10s")

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode()).fetchall()

    def _run(self, *statements: str | Composed) -> None:
        texts = [each.encode() if isinstance(each, str) else each.as_bytes(self._connection) for each in statements]
        self._connection.execute(b"; ".join(texts))


def make_logins_cheap(cluster: PostgresCluster) -> None:
    """Let a log-in cost one round of hashing instead of 4096; passwords are stored as pg_authid has them (documentation of PostgreSQL)."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", cluster.password.encode(), salt, 1)
    client_key, server_key = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    salt_, stored_, server_ = (base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client_key).digest(), server_key))
    for role in ("postgres", cluster.user):
        cluster.run_sql(f"ALTER ROLE {role} PASSWORD 'SCRAM-SHA-256$1:{salt_}${stored_}:{server_}'")


def _deletions() -> Sequence[str]:
    return [f"DELETE FROM {table}" for table in reversed(_ALL_TABLES)]  # noqa: S608 - our own tables
