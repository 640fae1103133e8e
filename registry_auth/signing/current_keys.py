"""The keys of a running process, as they are in the key directory by now."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from registry_auth.errors import ConfigurationError
from registry_auth.signing.key_directory import KeyDirectory
from registry_auth.signing.key_ring import KeyRing, SigningKey
from registry_auth.signing.key_warnings import key_warnings
from registry_auth.token_secrets import ServerSecret

# How often a process looks into the key directory: for what another one changed there, and for its own turn to renew.
_LOOK_EVERY = timedelta(seconds=5)

# How soon it looks again for a key id that it does not know: another process may have made the key just now, or anybody may have made
# the id up.
_LOOK_FOR_UNKNOWN_EVERY = timedelta(seconds=1)

logger = logging.getLogger(__name__)


class CurrentKeys:
    """Looks into the key directory while the process runs. Safe for several threads; processes that share a directory agree through it."""

    def __init__(self, directory: KeyDirectory, clock: Callable[[], datetime]) -> None:
        self.directory = directory
        self._clock = clock
        self._lock = threading.Lock()
        self._unknown_lock = threading.Lock()
        self._ring = directory.ready(clock())
        self._looked_at = clock()
        self._look_for_unknown_from = clock()
        self._told: tuple[date, tuple[str, ...]] | None = None

    def ring(self) -> KeyRing:
        """Give the key ring as it was in the directory at most five seconds ago."""
        return self.ring_at(self._clock())

    def ring_at(self, now: datetime) -> KeyRing:
        """Give the same to who knows the time: `now` is UTC."""
        if abs(now - self._looked_at) >= _LOOK_EVERY:  # also when the clock was put back
            self._look(now)
        return self._ring

    def published_key(self, kid: str) -> SigningKey | None:
        """Give the published key with this id, also one that no longer signs; None for any other id."""
        key = self.ring().published_key(kid)
        if key is None:
            self._look_for_unknown()
            key = self._ring.published_key(kid)
        return key

    def server_secrets(self) -> Sequence[ServerSecret]:
        """Give the server secrets, first the one that makes digests."""
        ring = self.ring()
        # Asked for with each log-in, and nearly always there is one.
        return ring.server_secrets if len(ring.server_secrets) == 1 else ring.secrets_in_use(self._clock())

    def warnings(self) -> tuple[str, ...]:
        """Give a sentence on each thing that ends soon."""
        return key_warnings(self.ring(), self._clock(), self.directory.header)

    def _look_for_unknown(self) -> None:
        """Read the directory again unless that was just done. Whoever has an unknown key id meanwhile waits for what comes of it."""
        with self._unknown_lock:
            now = self._clock()
            if now >= self._look_for_unknown_from:
                self._look_for_unknown_from = now + _LOOK_FOR_UNKNOWN_EVERY
                self._look(now, wait=True)

    def _look(self, now: datetime, *, wait: bool = False) -> None:
        """Read the directory again. One thread does; the others go on with the keys they have, unless they have to `wait` for its end."""
        if not self._lock.acquire(blocking=wait):
            return
        try:
            self._tell(now, self._problems(now))
        finally:
            self._looked_at = now
            self._lock.release()

    def _problems(self, now: datetime) -> tuple[str, ...]:
        try:
            look = self.directory.renewed(now)
        except ConfigurationError as error:
            return (str(error),)
        self._ring = look.ring
        warnings = key_warnings(look.ring, now, self.directory.header)
        return warnings if look.problem is None else (look.problem, *warnings)

    def _tell(self, now: datetime, problems: tuple[str, ...]) -> None:
        """Log what is wrong, once, and once a day while it lasts."""
        told = (now.date(), problems)
        if problems and told != self._told:
            for problem in problems:
                logger.warning("keys: %s", problem)
        self._told = told
