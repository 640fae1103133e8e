"""The keys of an installation, as read from the key directory at one moment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import orjson
from cryptography import x509
from jwt.utils import base64url_encode

from registry_auth.signing.algorithms import algorithm_of, signs_with
from registry_auth.signing.certificates import KeyPair, Term
from registry_auth.signing.key_ids import PublicKey, distribution_3_1_kid, key_ids, libtrust_kid
from registry_auth.token_secrets import ServerSecret
from registry_auth.values import TokenHeader

# A key that a newer one replaced is of no use once no token signed by it can live: the longest token life, and an hour for the changeover.
RETIRE_AFTER = timedelta(days=1, hours=1)

# What registries still accept after a token's end; the certificate has to outlive that too.
EXPIRY_LEEWAY = timedelta(seconds=60)

# A new server secret only accepts until every server has it, also one whose secret mount is brought up to date every minute or two.
SERVER_SECRET_USED_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class SigningKey:
    """A key pair for tokens, the name of its file, and since when it signs, or is published if it is the next one (UTC).

    An imported key has a certificate of its own; every other one was certified by the CA.
    """

    name: str
    created_at: datetime
    pair: KeyPair
    is_imported: bool = False

    @cached_property
    def public_key(self) -> PublicKey:
        """The public half."""
        return self.pair.key.public_key()

    @cached_property
    def algorithm(self) -> str:
        """The algorithm of its signatures."""
        return algorithm_of(self.public_key)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Every id that a token signed by it may carry, and some."""
        return key_ids(self.public_key)

    def token(self, claims: Mapping[str, object], header: TokenHeader) -> str:
        """Give the claim set as a JWT signed by this key."""
        # Put together here, for jwt.encode encodes header and certificate for each token, and takes twice as long.
        content = self._encoded_headers[header] + b"." + base64url_encode(orjson.dumps(dict(claims)))
        return (content + b"." + base64url_encode(self._sign(content))).decode()

    def can_sign(self, now: datetime, token_lifetime: timedelta) -> bool:
        """Say whether a token signed now would be good to its last second."""
        return self.pair.not_before <= now <= self.pair.not_after - token_lifetime - EXPIRY_LEEWAY

    @cached_property
    def _sign(self) -> Callable[[bytes], bytes]:
        return signs_with(self.pair.key)

    @cached_property
    def _encoded_headers(self) -> Mapping[TokenHeader, bytes]:
        """The JOSE headers as they stand in tokens, in Base64url (RFC 7515 section 4.1).

        Every token of a key has the same one, and to encode it for each would take as long as to sign.
        """
        libtrust = {"kid": libtrust_kid(self.public_key)}
        named: Mapping[TokenHeader, Mapping[str, object]] = {
            TokenHeader.X5C: {**libtrust, "x5c": [self.pair.x5c]},
            TokenHeader.LIBTRUST_KID: libtrust,
            # The id of Distribution 3.1, which differs from the RFC's for a few keys. A JWKS has both.
            TokenHeader.RFC7638_KID: {"kid": distribution_3_1_kid(self.public_key)},
        }
        return {header: base64url_encode(orjson.dumps({"alg": self.algorithm, "typ": "JWT", **key})) for header, key in named.items()}


@dataclass(frozen=True)
class KeyRing:
    """All keys; `signing_keys` and `server_secrets` have the newest first.

    What is `next` is published and does nothing yet. Of former CAs, keys may still sign or tokens live.
    """

    authority: KeyPair
    signing_keys: tuple[SigningKey, ...]
    server_secrets: tuple[ServerSecret, ...]
    next_authority: KeyPair | None = None
    next_signing_key: SigningKey | None = None
    former_authorities: tuple[x509.Certificate, ...] = ()

    def signing_key(self, now: datetime, token_lifetime: timedelta) -> SigningKey | None:
        """Give the newest key that can sign a token of this lifetime, or None."""
        return next((key for key in self.signing_keys if key.can_sign(now, token_lifetime)), None)

    @property
    def published_keys(self) -> tuple[SigningKey, ...]:
        """The keys that tokens may be signed with, newest first, beginning with the next one."""
        return ((self.next_signing_key,) if self.next_signing_key else ()) + self.signing_keys

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Give the public halves of the published keys."""
        return tuple(key.public_key for key in self.published_keys)

    def published_key(self, kid: str) -> SigningKey | None:
        """Give the key with this id, in whatever spelling, or None."""
        return next((key for key in self.published_keys if kid in key.ids), None)

    def secrets_in_use(self, now: datetime) -> tuple[ServerSecret, ...]:
        """Give all server secrets, first the one that makes digests: the newest that every server has by now."""
        settled = now - SERVER_SECRET_USED_AFTER
        current = next((each for each in self.server_secrets if each.created_at <= settled), self.server_secrets[-1])
        return (current, *(each for each in self.server_secrets if each is not current))

    def is_staged(self, header: TokenHeader) -> bool:
        """Say whether registries have to be given the next signing certificate before it signs.

        They accept every certificate of the CA that a token carries with it, and nothing else that they have not been given.
        """
        return header is not TokenHeader.X5C or self.signing_keys[0].is_imported

    def renewal_due(self, now: datetime, header: TokenHeader) -> bool:
        """Say whether it is time for another signing key, which is the next one where rotation is staged.

        Imported keys are renewed by whoever imports them. Near the end of the CA, when none would live longer, nothing is due.
        """
        is_staged = self.is_staged(header)
        if self.signing_keys[0].is_imported or (is_staged and self.next_signing_key is not None):
            return False
        valid = [key.pair for key in self.signing_keys if key.pair.not_before <= now]
        if not valid or not (is_staged or self._was_issued_here(self.signing_keys[0])):
            return True
        end = max(pair.not_after for pair in valid)
        return now >= end - Term.of(header).renew_before_end and end < self.authority.not_after

    def retired(self, now: datetime) -> tuple[SigningKey, ...]:
        """Give the keys that can go: replaced so long ago that no token of theirs lives."""
        replacements = zip(self.signing_keys[1:], self.signing_keys, strict=False)
        return tuple(older for older, newer in replacements if now >= newer.created_at + RETIRE_AFTER)

    def obsolete_authorities(self) -> tuple[x509.Certificate, ...]:
        """Give the former CAs that can go: none of the keys was certified by them."""
        return tuple(each for each in self.former_authorities if not any(is_issued_by(key.pair, each) for key in self.published_keys))

    def _was_issued_here(self, key: SigningKey) -> bool:
        return is_issued_by(key.pair, self.authority.certificate)


def is_issued_by(pair: KeyPair, authority: x509.Certificate) -> bool:
    """Say whether a CA certified a key."""
    try:
        pair.certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - cryptography raises ValueError, TypeError and InvalidSignature
        return False
    return True
