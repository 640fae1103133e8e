"""Connections, sessions and transactions in the store that the settings name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Self

from sqlalchemy import Connection, Row, Select, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from registry_auth.database.error_texts import first_line
from registry_auth.database.row_cache import RowCache
from registry_auth.database.sqlite import SqliteStore
from registry_auth.database.store import Store
from registry_auth.errors import UnavailableError
from registry_auth.settings import DEFAULT_CACHE_SIZE, DEFAULT_POOL_SIZE

_LOST_AT_ONCE = 1.0  # seconds; what took longer was no lost connection but a store that hangs


class Database:
    """One store: `rows()` for a look-up, `reading_session()` for queries, `transaction()` for changes.

    They raise UnavailableError when the store does not answer. `cache` is for rows that look-ups have found. As a context manager it
    closes itself.
    """

    def __init__(
        self, url: str, *, listen_url: str | None = None, pool_size: int = DEFAULT_POOL_SIZE, cache_size: int = DEFAULT_CACHE_SIZE
    ) -> None:
        self._store = _store(url, listen_url, pool_size)
        self.cache = RowCache(self._store.changes, cache_size)

    @property
    def dialect(self) -> str:
        """The kind of store, in SQLAlchemy's words: `sqlite` or `postgresql`."""
        return self._store.reader.dialect.name

    @property
    def label(self) -> str:
        """What names the store in a sentence."""
        return self._store.label

    def rows(self, statement: Select[*tuple[Any, ...]], parameters: Mapping[str, object]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Give what one query finds. It is asked again, once, when the connection turns out to be lost."""
        with self._translated_errors(self.label):
            began = monotonic()
            try:
                return self._ask(statement, parameters)
            except DBAPIError as error:
                if not error.connection_invalidated or monotonic() - began > _LOST_AT_ONCE:
                    raise
                return self._ask(statement, parameters)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection on which every statement stands for itself."""
        with self._translated_errors(self.label), self._store.reader.connect() as connection:
            yield connection

    @contextmanager
    def reading_session(self) -> Iterator[Session]:
        """Open a session for queries only: it waits for no writer. What it gives stays readable after it is closed."""
        with self.reading() as connection, Session(connection, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session that is committed at the end, or rolled back when an exception leaves it. Transactions follow each other."""
        with self._translated_errors(self.label), Session(self._store.writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def recording(self) -> Iterator[Connection]:
        """Open a transaction on the tables of `Recorded`, which waits for no other and of which the caches take no notice."""
        with self._translated_errors(self._store.records_label), self._store.recorder.begin() as connection:
            yield connection

    @contextmanager
    def schema_change(self) -> Iterator[Connection]:
        """Open one transaction for a migration, in one process at a time."""
        with self._translated_errors(self.label), self._store.schema_change() as connection:
            yield connection

    def close(self) -> None:
        """Give up all connections."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _ask(self, statement: Select[*tuple[Any, ...]], parameters: Mapping[str, object]) -> Sequence[Row[*tuple[Any, ...]]]:
        with self._store.look_up() as connection:
            return connection.execute(statement, parameters).all()

    @contextmanager
    def _translated_errors(self, label: str) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise _without_values(error) from None  # what was asked is at fault, not the store
        except DBAPIError as error:
            raise self._unavailable(label, error.orig, error) from error
        except PoolTimeoutError as error:
            raise self._unavailable(label, error, None) from error
        except OSError as error:
            raise self._unavailable(label, error, error) from error

    def _unavailable(self, label: str, reason: BaseException | None, error: DBAPIError | OSError | None) -> UnavailableError:
        said = first_line(reason).removesuffix(".")
        return UnavailableError(f"The database {label} cannot be used: {said}. {self._store.advice(error, label)}")


def _without_values(error: IntegrityError) -> IntegrityError:
    """Give the error without what PostgreSQL tells of the row in further lines."""
    return IntegrityError(error.statement, None, Exception(first_line(error.orig)), hide_parameters=True)


def _store(url: str, listen_url: str | None, pool_size: int) -> Store:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return SqliteStore(address)
    # Not imported without need: psycopg takes memory of each process.
    from registry_auth.database.postgresql import PostgresStore  # noqa: PLC0415

    return PostgresStore(address, None if listen_url is None else make_url(listen_url), pool_size)
