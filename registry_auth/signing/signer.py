"""Signs the claim sets of tokens with the current signing key, and keeps that key current."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.utils import base64url_encode

from registry_auth.errors import ConfigurationError, UnavailableError
from registry_auth.signing.key_directory import KeyDirectory
from registry_auth.signing.key_ring import KeyRing, SigningKey

_ES256 = ec.ECDSA(SHA256())
_HALF = 32  # bytes of each of the two numbers that a signature is

# How often a process looks into the key directory: for a key that another process made, and for its own turn to renew.
_LOOK_EVERY = timedelta(seconds=10)

# How soon it looks again for a key id that it does not know: another process may have made the key just now, or anybody may have made
# the id up.
_LOOK_FOR_UNKNOWN_EVERY = timedelta(seconds=1)

logger = logging.getLogger(__name__)


class Signer:
    """Signs tokens. Safe for several threads; processes that share a key directory agree through it."""

    def __init__(self, directory: KeyDirectory, token_lifetime: timedelta, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._token_lifetime = token_lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._unknown_lock = threading.Lock()
        self._ring = directory.ready(clock())
        self._looked_at = clock()
        self._look_for_unknown_from = clock()
        self._last_problem: str | None = None

    def sign(self, claims: Mapping[str, object]) -> str:
        """Give the claim set as a JWT with `x5c` and libtrust `kid`. Raises UnavailableError while no key can sign."""
        key = self.signing_key()
        # Put together here, for jwt.encode encodes header and certificate for each token, and takes twice as long.
        content = key.jose_header + b"." + base64url_encode(orjson.dumps(dict(claims)))
        return (content + b"." + base64url_encode(_signature(content, key.pair.key))).decode()

    def signing_key(self) -> SigningKey:
        """Give the key that signs now. Raises UnavailableError when there is none."""
        now = self._clock()
        key = self._ring_at(now).signing_key(now, self._token_lifetime)
        if key is None:
            raise UnavailableError("No signing certificate lives long enough to sign a token; `registry-auth keys list` shows their dates.")
        return key

    def ring(self) -> KeyRing:
        """Give the key ring as it was in the directory at most ten seconds ago."""
        return self._ring_at(self._clock())

    def _ring_at(self, now: datetime) -> KeyRing:
        if now >= self._looked_at + _LOOK_EVERY:
            self._look(now)
        return self._ring

    def public_key(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """Give the public half of the signing key of this libtrust key id, also of one that no longer signs; None for any other id."""
        key = self.ring().public_key(kid)
        if key is None:
            self._look_for_unknown()
            key = self._ring.public_key(kid)
        return key

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
            self._ring = self._directory.renewed(now)
            self._last_problem = None
        except ConfigurationError as error:
            self._report(str(error))
        finally:
            self._looked_at = now
            self._lock.release()

    def _report(self, problem: str) -> None:
        if problem != self._last_problem:
            logger.warning("the signing keys could not be renewed: %s", problem)
            self._last_problem = problem


def _signature(content: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Sign as ES256 does: the signature's two numbers, one after the other (RFC 7518 section 3.4)."""
    r, s = decode_dss_signature(key.sign(content, _ES256))
    return r.to_bytes(_HALF) + s.to_bytes(_HALF)
