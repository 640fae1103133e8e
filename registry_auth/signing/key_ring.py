"""The keys of an installation, as read from the key directory at one moment."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import base64url_encode

from registry_auth.signing.certificates import RENEW_BEFORE_END, KeyPair

ALGORITHM = "ES256"  # accepted by every registry line, at a tenth of the cost of RSA-2048

# A key that a newer one replaced is of no use once no token signed by it can live: the longest token life, and an hour for the changeover.
RETIRE_AFTER = timedelta(days=1, hours=1)

# What registries still accept after a token's end; the certificate has to outlive that too.
EXPIRY_LEEWAY = timedelta(seconds=60)


@dataclass(frozen=True)
class SigningKey:
    """A key pair for tokens, the name of its file and the time when it was made (UTC)."""

    name: str
    created_at: datetime
    pair: KeyPair

    @cached_property
    def jose_header(self) -> bytes:
        """The header of its tokens as it stands in them, in Base64url: with the certificate (RFC 7515 section 4.1.6) and the libtrust id.

        Every token of a key has the same one, and to encode it for each would take as long as to sign.
        """
        return base64url_encode(orjson.dumps({"alg": ALGORITHM, "kid": self.pair.kid, "typ": "JWT", "x5c": [self.pair.x5c]}))

    def can_sign(self, now: datetime, token_lifetime: timedelta) -> bool:
        """Say whether a token signed now would be good to its last second."""
        first, last = self._validity
        return first <= now <= last - token_lifetime - EXPIRY_LEEWAY

    @cached_property
    def _validity(self) -> tuple[datetime, datetime]:
        return self.pair.not_before, self.pair.not_after  # made anew by each access, which for each token would take 2 µs


@dataclass(frozen=True, slots=True)
class ServerSecret:
    """The secret that keys the digests of token secrets: 32 bytes."""

    value: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Names the secret without telling it."""
        return hashlib.sha256(b"registry-auth server secret id\0" + self.value).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys; `signing_keys` has the newest first."""

    authority: KeyPair
    signing_keys: tuple[SigningKey, ...]
    server_secret: ServerSecret

    def signing_key(self, now: datetime, token_lifetime: timedelta) -> SigningKey | None:
        """Give the newest key that can sign a token of this lifetime, or None."""
        return next((key for key in self.signing_keys if key.can_sign(now, token_lifetime)), None)

    def public_keys(self) -> tuple[ec.EllipticCurvePublicKey, ...]:
        """Give the public halves of the signing keys, newest first."""
        return tuple(key.pair.key.public_key() for key in self.signing_keys)

    def public_key(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """Give the public half of the signing key with this libtrust key id, or None."""
        return next((key.pair.key.public_key() for key in self.signing_keys if key.pair.kid == kid), None)

    def renewal_due(self, now: datetime) -> bool:
        """Say whether it is time for a new signing key. Near the end of the CA, when none would live longer, it is not."""
        if not any(key.pair.not_before <= now for key in self.signing_keys):
            return True
        end = max(key.pair.not_after for key in self.signing_keys)
        return now >= end - RENEW_BEFORE_END and end < self.authority.not_after

    def retired(self, now: datetime) -> tuple[SigningKey, ...]:
        """Give the keys that can go: replaced so long ago that no token of theirs lives."""
        replacements = zip(self.signing_keys[1:], self.signing_keys, strict=False)
        return tuple(older for older, newer in replacements if now >= newer.created_at + RETIRE_AFTER)
