"""Secrets of tokens: how they look, and the keyed digest that stands for them in the database."""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from pydantic import SecretStr

# GitLab's prefixes: secret scanners know them.
DEPLOY_TOKEN_PREFIX = "gldt-"  # noqa: S105
PERSONAL_ACCESS_TOKEN_PREFIX = "glpat-"  # noqa: S105

_ALPHABET = string.ascii_letters + string.digits + "_-"
_LENGTH = 32  # characters of 6 bits each: 192 bits
_SHAPE = re.compile(rf"[a-z]+-[A-Za-z0-9_-]{{{_LENGTH}}}")


def new_secret(prefix: str) -> SecretStr:
    """Make a secret: the prefix and 192 random bits, in the alphabet of GitLab's tokens."""
    return SecretStr(prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)))


def has_token_shape(secret: str, prefix: str) -> bool:
    """Say whether the text could be a secret that new_secret made with this prefix.

    Everything else can be refused without a digest or a look-up, however long it is.
    """
    return secret.startswith(prefix) and _SHAPE.fullmatch(secret) is not None


def looks_like_token(secret: str) -> bool:
    """Say whether the text begins like a token: then it is never taken for a password."""
    return secret.startswith((DEPLOY_TOKEN_PREFIX, PERSONAL_ACCESS_TOKEN_PREFIX))


class Digest(NamedTuple):
    """What stands for a secret in the store: the HMAC-SHA-256, and the id of the server secret that keyed it."""

    value: bytes
    key_id: str

    def __repr__(self) -> str:
        return f"Digest(key_id={self.key_id!r})"


@dataclass(frozen=True)
class ServerSecret:
    """The secret that keys the digests of token secrets, and the instant (UTC) at which it was made."""

    value: bytes = field(repr=False)
    created_at: datetime

    @cached_property
    def id(self) -> str:
        """Names the secret without telling it. It is stored beside each digest that the secret has made."""
        return hashlib.sha256(b"registry-auth server secret id\0" + self.value).hexdigest()[:16]

    def digest(self, text: str) -> bytes:
        """Give the HMAC-SHA-256 of a text: 32 bytes."""
        return hmac.digest(self.value, text.encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class SecretDigester:
    """Turns secrets into digests with the server secrets of now: the first one makes digests, the others are accepted as well.

    `server_secrets` is asked each time, because a server secret can be replaced while the server runs.
    """

    server_secrets: Callable[[], Sequence[ServerSecret]]

    def digest(self, text: str) -> bytes:
        """Give 32 bytes that nobody can tell without the server secret."""
        return self.server_secrets()[0].digest(text)

    def all_digests(self, text: str) -> list[bytes]:
        """Give those that any of the server secrets would give for a text."""
        return [each.digest(text) for each in self.server_secrets()]

    def digests(self, secret: str) -> tuple[Digest, ...]:
        """Give all digests under which a secret may be stored: first the one under which a new secret is stored."""
        return tuple([Digest(each.digest(secret), each.id) for each in self.server_secrets()])

    @property
    def key_ids(self) -> list[str]:
        """The ids of all server secrets."""
        return [each.id for each in self.server_secrets()]
