"""Keeps the last uses of tokens in memory for some seconds, so that no request writes to the store."""

import logging
from datetime import datetime
from threading import Event, Lock, Thread, main_thread

from registry_auth.errors import UnavailableError
from registry_auth.last_use.service import LastUse, LastUses, TokenKey
from registry_auth.values import Caller, CallerKind

# A write for each request costs a quarter more on SQLite and half more on PostgreSQL; one every few seconds costs nothing to speak of.
_WRITE_EVERY = 5.0  # seconds; what a process that is killed loses
_MOST_WAITING = 50_000  # tokens, at about 500 bytes, when the store cannot be written to

_TOKENS = frozenset({CallerKind.DEPLOY_TOKEN, CallerKind.PERSONAL_ACCESS_TOKEN})

REST_API = "rest_api"  # beside the kinds of services that tokens are issued for

logger = logging.getLogger(__name__)


class LastUseRecorder:
    """Records uses. A thread of its own, which starts with the first one, writes them down. Safe for several threads.

    The thread outlives the main one by a last write: so a worker that is told to end loses nothing.
    """

    def __init__(self, last_uses: LastUses) -> None:
        self._last_uses = last_uses
        self._lock = Lock()
        self._waiting: dict[TokenKey, LastUse] = {}
        self._thread: Thread | None = None
        self._closed = Event()
        self._is_failing = False

    def record(self, caller: Caller, service: str, address: str, used_at: datetime) -> None:
        """Note that the caller's token was used at `used_at` (UTC) for a service; what is no token is left out."""
        if caller.kind not in _TOKENS or caller.credential_id is None:
            return
        with self._lock:
            self._waiting[caller.kind, caller.credential_id] = LastUse(used_at, address, service)
            if self._thread is None and not self._closed.is_set():
                # Said, for it would be as the thread that starts it: those of the web server are daemons, which end without a last write.
                self._thread = Thread(target=self._keep_writing, daemon=False)
                self._thread.start()

    def write(self) -> None:
        """Write down what is waiting. When the store does not take it, it goes on waiting."""
        with self._lock:
            uses, self._waiting = self._waiting, {}
        try:
            self._last_uses.write(uses)
            self._is_failing = False
        except UnavailableError as error:
            if not self._is_failing:
                logger.warning("the last uses of tokens cannot be written now: %s", error)
            self._is_failing = True
            with self._lock:
                merged = uses | self._waiting
                self._waiting = dict(list(merged.items())[-_MOST_WAITING:])
        except Exception:
            # Were they kept, they would hold back all that come after them; did the thread end, nothing would be recorded any more.
            logger.exception("the last uses of %d tokens are lost", len(uses))

    def close(self) -> None:
        """Write down what is waiting. The thread ends by itself."""
        self._closed.set()
        self.write()

    def _keep_writing(self) -> None:
        main = main_thread()
        while main.is_alive() and not self._closed.is_set():
            main.join(_WRITE_EVERY)
            self.write()
