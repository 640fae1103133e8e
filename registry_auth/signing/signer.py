"""Signs the claim sets of tokens with the current signing key, and keeps that key current."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import jwt

from registry_auth.errors import ConfigurationError, UnavailableError
from registry_auth.signing.key_directory import KeyDirectory
from registry_auth.signing.key_ring import KeyRing, SigningKey

ALGORITHM = "ES256"  # accepted by every registry line, at a tenth of the cost of RSA-2048

# How often a process looks into the key directory: for a key that another process made, and for its own turn to renew.
_LOOK_EVERY = timedelta(seconds=10)

logger = logging.getLogger(__name__)


class Signer:
    """Signs tokens. Safe for several threads; processes that share a key directory agree through it."""

    def __init__(self, directory: KeyDirectory, token_lifetime: timedelta, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._token_lifetime = token_lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._ring = directory.ready(clock())
        self._look_again_at = clock() + _LOOK_EVERY
        self._last_problem: str | None = None

    def sign(self, claims: Mapping[str, object]) -> str:
        """Give the claim set as a JWT with `x5c` and libtrust `kid`. Raises UnavailableError while no key can sign."""
        pair = self.signing_key().pair
        return jwt.encode(dict(claims), pair.key, ALGORITHM, headers={"kid": pair.kid, "x5c": [pair.x5c]})

    def signing_key(self) -> SigningKey:
        """Give the key that signs now. Raises UnavailableError when there is none."""
        key = self.ring().signing_key(self._clock(), self._token_lifetime)
        if key is None:
            raise UnavailableError("No signing certificate lives long enough to sign a token; `registry-auth keys list` shows their dates.")
        return key

    def ring(self) -> KeyRing:
        """Give the key ring as it was in the directory at most ten seconds ago."""
        now = self._clock()
        if now >= self._look_again_at:
            self._look(now)
        return self._ring

    def _look(self, now: datetime) -> None:
        """Read the directory again. One thread does; the others go on with the keys they have."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._ring = self._directory.renewed(now)
            self._last_problem = None
        except ConfigurationError as error:
            self._report(str(error))
        finally:
            self._look_again_at = now + _LOOK_EVERY
            self._lock.release()

    def _report(self, problem: str) -> None:
        if problem != self._last_problem:
            logger.warning("the signing keys could not be renewed: %s", problem)
            self._last_problem = problem
