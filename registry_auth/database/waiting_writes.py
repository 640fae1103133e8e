"""What is to be written waits in memory for some seconds, so that no request writes to the store."""

import logging
from collections.abc import Callable, Mapping
from threading import Event, Lock, Thread, main_thread
from typing import Generic, TypeVar

from registry_auth.errors import UnavailableError

# A write for each request costs a quarter more on SQLite and half more on PostgreSQL; one every few seconds costs nothing to speak of.
_WRITE_EVERY = 5.0  # seconds; what a process that is killed loses
_MOST_WAITING = 50_000  # when the store cannot be written to; at about 500 bytes each

Key = TypeVar("Key")
Value = TypeVar("Value")

logger = logging.getLogger(__name__)


class WaitingWrites(Generic[Key, Value]):
    """Values that wait to be written, the newest for each key. A thread of its own, which starts with the first one, writes them.

    `write_all` writes to the store; `what` names the values in the log. Safe for several threads. The thread outlives the main one by a
    last write: so a worker that is told to end loses nothing.
    """

    def __init__(self, what: str, write_all: Callable[[Mapping[Key, Value]], None]) -> None:
        self._what = what
        self._write_all = write_all
        self._lock = Lock()
        self._waiting: dict[Key, Value] = {}
        self._thread: Thread | None = None
        self._closed = Event()
        self._is_failing = False

    def put(self, key: Key, value: Value) -> None:
        """Let a value wait, in the place of an older one for the key."""
        with self._lock:
            self._waiting[key] = value
            if self._thread is None and not self._closed.is_set():
                # Said, for it would be as the thread that starts it: those of the web server are daemons, which end without a last write.
                self._thread = Thread(target=self._keep_writing, daemon=False)
                self._thread.start()

    def write(self) -> None:
        """Write down what is waiting. When the store does not take it, it goes on waiting."""
        with self._lock:
            values, self._waiting = self._waiting, {}
        try:
            self._write_all(values)
            self._is_failing = False
        except UnavailableError as error:
            if not self._is_failing:
                logger.warning("%s cannot be written now: %s", self._what, error)
            self._is_failing = True
            with self._lock:
                merged = values | self._waiting
                self._waiting = dict(list(merged.items())[-_MOST_WAITING:])
        except Exception:
            # Were they kept, they would hold back all that come after them; did the thread end, nothing would be written any more.
            logger.exception("%s are lost: %d", self._what, len(values))

    def close(self) -> None:
        """Write down what is waiting. The thread ends by itself."""
        self._closed.set()
        self.write()

    def _keep_writing(self) -> None:
        main = main_thread()
        while main.is_alive() and not self._closed.is_set():
            main.join(_WRITE_EVERY)
            self.write()
