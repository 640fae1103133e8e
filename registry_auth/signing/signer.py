"""Signs the claim sets of tokens with the current signing key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry_auth.errors import UnavailableError
from registry_auth.signing.current_keys import CurrentKeys
from registry_auth.signing.key_ring import SigningKey
from registry_auth.values import TokenHeader


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs tokens that live for at most `token_lifetime` and carry `header`. Safe for several threads."""

    keys: CurrentKeys
    header: TokenHeader
    token_lifetime: timedelta
    clock: Callable[[], datetime]

    def sign(self, claims: Mapping[str, object]) -> str:
        """Give the claim set as a JWT. Raises UnavailableError while no key can sign."""
        return self.signing_key().token(claims, self.header)

    def signing_key(self) -> SigningKey:
        """Give the key that signs now. Raises UnavailableError when there is none."""
        now = self.clock()
        key = self.keys.ring_at(now).signing_key(now, self.token_lifetime)
        if key is None:
            raise UnavailableError("No signing certificate lives long enough to sign a token; `registry-auth keys list` shows their dates.")
        return key
