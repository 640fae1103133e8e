"""Connections to PostgreSQL that nobody waits for without end."""

from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

ANSWER_TIMEOUT = 5.0  # seconds that a statement may take
_CANCEL_TIMEOUT = 1.0  # seconds
_PAUSE = 1.0  # seconds after a connection that took its time to fail, in which nobody waits for another

Result = TypeVar("Result")


class Connector:
    """Connects. While the server hangs, most are refused at once: if each waited, those behind them would wait for all of them."""

    def __init__(self) -> None:
        self._paused_until = 0.0

    def __call__(
        self, _dialect: Dialect, _record: ConnectionPoolEntry, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> psycopg.Connection[Any]:
        """Connect as SQLAlchemy asks (event `do_connect`). Raises psycopg.OperationalError."""
        began = monotonic()
        if began < self._paused_until:
            raise psycopg.OperationalError("no connection could be made a moment ago")
        try:
            return _without_preparing_at_a_pooler(BoundedConnection.connect(*arguments, **keywords, autocommit=True))
        except psycopg.OperationalError:
            if monotonic() - began > _PAUSE:
                self._paused_until = monotonic() + _PAUSE
            raise


def _without_preparing_at_a_pooler(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Let no statement be prepared where each may meet another server process: that may know another statement by the same name."""
    try:
        (process,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (None,)
    except psycopg.Error:
        connection.close()
        raise
    if process != connection.info.backend_pid:
        connection.prepare_threshold = None
    return connection


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is given up when a statement is not answered in time.

    PostgreSQL's own limits do not help when PostgreSQL hangs, nor those of TCP while its host goes on acknowledging.
    """

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        """Wait for a step of psycopg's. Raises psycopg.OperationalError when it takes too long."""
        end = monotonic() + ANSWER_TIMEOUT
        try:
            return super().wait(gen, interval, ANSWER_TIMEOUT if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if monotonic() < end:
                raise
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_CANCEL_TIMEOUT)  # PostgreSQL would go on with it, also when nobody is there any more
            self.close()  # sends nothing
            raise psycopg.OperationalError(f"no answer within {ANSWER_TIMEOUT:.0f} seconds") from error
