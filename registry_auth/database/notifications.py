"""Changes of a PostgreSQL database, heard by every server that listens (PostgreSQL documentation: LISTEN, NOTIFY)."""

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from registry_auth.database.error_texts import first_line

# Triggers of migration 0004 notify this channel within the transactions that change something.
CHANNEL = "registry_auth"

_BEAT_EVERY = 1.0  # seconds
# Two heartbeats were missed, and half an interval has passed for the third to come.
_TRUST = 2.5 * _BEAT_EVERY
_SILENCE = 5.0  # seconds without a heartbeat after which another connection is tried
_RETRY_AFTER = 1.0  # seconds

_UNHEARD = (
    f"nothing was heard for {_SILENCE:.0f} seconds: PostgreSQL hangs, or listening goes to another database or through a pooler; "
    "REGISTRY_AUTH_DATABASE_LISTEN_URL names the database at PostgreSQL itself"
)

logger = logging.getLogger(__name__)


class NotificationWatch:
    """Counts the changes that it hears of, in threads of its own that start with the first question.

    `connect` opens a connection to listen on. `beat` notifies the channel, on the way that changes take. PostgreSQL delivers
    notifications in the order of the commits: when a heartbeat is heard, every change before it has been heard too. When none is, because
    a connection is lost, hangs, or leads to another server than the changes go to, there is no version.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], beat: Callable[[str], None]) -> None:
        self._connect = connect
        self._beat = beat
        self._name = uuid4().hex
        self._version = 0
        self._trusted_until = 0.0
        self._starting = Lock()
        self._threads: tuple[Thread, ...] = ()
        self._closed = Event()
        self._beat_now = Event()
        self._problem: str | None = None

    def version(self) -> int | None:
        """Give the number of changes heard of; None unless a heartbeat of the last seconds was heard."""
        if not self._threads:
            self._start()
        return self._version if monotonic() < self._trusted_until else None

    def close(self) -> None:
        """End the threads."""
        self._closed.set()
        self._beat_now.set()
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        with self._starting:
            if not self._threads and not self._closed.is_set():
                self._threads = tuple(Thread(target=run, daemon=True) for run in (self._keep_listening, self._keep_beating))
                for thread in self._threads:
                    thread.start()

    def _keep_beating(self) -> None:
        """Send the time of sending: the answer vouches for everything up to then."""
        while not self._closed.is_set():
            self._beat_now.wait(_BEAT_EVERY)
            self._beat_now.clear()
            try:
                self._beat(f"{self._name} {monotonic()}")
            except (SQLAlchemyError, OSError) as error:
                self._report(error)

    def _keep_listening(self) -> None:
        while not self._closed.is_set():
            try:
                with self._connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._listen(connection)
                    self._report(_UNHEARD)
            except (psycopg.Error, OSError) as error:
                self._report(error)
            self._trusted_until = 0.0
            self._closed.wait(_RETRY_AFTER)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        # Of what changed before, nothing was heard.
        self._version += 1
        self._beat_now.set()
        silent_until = monotonic() + _SILENCE
        while not self._closed.is_set() and monotonic() < max(silent_until, self._trusted_until + _SILENCE):
            for notification in connection.notifies(timeout=_BEAT_EVERY / 4):
                if self._closed.is_set():
                    return
                self._hear(notification.payload)

    def _hear(self, payload: str) -> None:
        name, _, sent_at = payload.partition(" ")
        if not sent_at:
            self._version += 1
        elif name == self._name:
            if self._problem is not None:
                logger.info("changes in the database are seen again")
            self._problem = None
            self._trusted_until = float(sent_at) + _TRUST

    def _report(self, error: Exception | str) -> None:
        """Tell the operator once, until it works again."""
        if self._closed.is_set():
            return
        problem = first_line(error.orig if isinstance(error, DBAPIError) else error)
        if problem != self._problem:
            logger.warning("changes in the database cannot be seen, so nothing is remembered: %s", problem)
        self._problem = problem
