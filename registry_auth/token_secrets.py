"""Secrets of tokens: how they look, and the keyed digest that stands for them in the database."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class SecretDigester:
    """Turns secrets into HMAC-SHA-256 digests with the server secret.

    `key_id` is stored beside each digest, so that it stays known which server secret made it.
    """

    key_id: str
    key: bytes = field(repr=False)

    def digest(self, secret: str) -> bytes:
        """Give the 32 bytes under which the secret is stored and found."""
        return hmac.digest(self.key, secret.encode(), hashlib.sha256)
