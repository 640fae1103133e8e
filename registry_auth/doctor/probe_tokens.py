"""Tokens that grant nothing, with which the doctor finds out what a registry accepts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from registry_auth.signing.certificates import new_signing_pair
from registry_auth.signing.key_ring import KeyRing, SigningKey
from registry_auth.token_endpoint.claims import ClaimSet
from registry_auth.values import ANONYMOUS, TokenHeader

_LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ProbeToken:
    """A token for entering a registry and nothing else, for one minute. `issued_at` is UTC, `padding` the length of a claim nobody reads.

    A forged one has a signature that does not fit.
    """

    key: SigningKey
    header: TokenHeader
    issuer: str
    audience: str
    issued_at: datetime
    lifetime: timedelta = _LIFETIME
    padding: int = 0
    is_forged: bool = False

    def text(self) -> str:
        """Give it signed, as a JWT."""
        claims = ClaimSet(self.issuer, self.audience, ANONYMOUS, (), self.issued_at, self.lifetime, str(uuid4())).as_claims()
        padding = {"padding": "x" * self.padding} if self.padding else {}
        token = self.key.token(claims | padding, self.header)
        return _forged(token) if self.is_forged else token


def renewed_key(ring: KeyRing, now: datetime) -> SigningKey:
    """Give a key as the next renewal makes it, certified by the CA. It is kept nowhere."""
    return SigningKey("renewal", now, new_signing_pair(ring.authority, now))


def next_keys(ring: KeyRing, header: TokenHeader, now: datetime) -> Iterator[tuple[str, SigningKey]]:
    """Give what is published and waits for registries to know it: its name, and a key that a registry then accepts."""
    if ring.next_signing_key is not None:
        yield "next signing key", ring.next_signing_key
    if ring.next_authority is not None and header is TokenHeader.X5C:
        yield "next CA", SigningKey("next CA", now, new_signing_pair(ring.next_authority, now))


def _forged(token: str) -> str:
    content, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    return f"{content}.{signature[:middle]}{'A' if signature[middle] != 'A' else 'B'}{signature[middle + 1 :]}"
