"""Reading the private half of the key directory.

    ca.pem                           the CA's key and certificate
    next-ca.pem                      the CA that is to follow it
    former-ca-TIME-ID.crt            the certificate of a CA before it
    signing-TIME-ID.pem              a signing key with the certificate that the CA issued
    imported-TIME-ID.pem             a signing key with a certificate of its own
    next-signing-TIME-ID.pem         the signing key that is to follow; also next-imported-TIME-ID.pem
    server-secret-TIME-ID.key        a key of the token digests

TIME (UTC) says since when it is in use, or published.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from registry_auth.errors import ConfigurationError
from registry_auth.signing.algorithms import NEITHER_KIND, algorithm_of
from registry_auth.signing.certificates import KeyPair
from registry_auth.signing.key_files import read_private
from registry_auth.signing.key_ring import KeyRing, SigningKey, is_issued_by
from registry_auth.token_secrets import ServerSecret

SERVER_SECRET_BYTES = 32

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_TIME = re.compile(r"-([0-9]{8}T[0-9]{6}Z)\b")


class PrivateKeys:
    """The private files in a directory: where each is, and what is in them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = directory / "ca.pem"
        self.next_authority = directory / "next-ca.pem"

    @property
    def signing(self) -> list[Path]:
        """The files of signing keys, the newest first."""
        return _newest_first([*self.directory.glob("signing-*.pem"), *self.directory.glob("imported-*.pem")])

    @property
    def next_signing(self) -> list[Path]:
        """The files of published keys that do not sign yet: none or one."""
        return _newest_first([*self.directory.glob("next-signing-*.pem"), *self.directory.glob("next-imported-*.pem")])

    @property
    def former_authorities(self) -> list[Path]:
        """The certificates of former CAs, the newest first."""
        return _newest_first(self.directory.glob("former-ca-*.crt"))

    @property
    def server_secrets(self) -> list[Path]:
        """The files of server secrets, the newest first."""
        return _newest_first(self.directory.glob("server-secret-*.key"))

    @property
    def is_complete(self) -> bool:
        """Whether there is at least one of everything that is needed."""
        return self.authority.exists() and bool(self.signing) and bool(self.server_secrets)

    def time_of_newer_key(self, now: datetime) -> datetime:
        """Give the time for the name of a signing key that is to be the newest."""
        return _time_after(self.signing, now)

    def time_of_newer_secret(self, now: datetime) -> datetime:
        """Give the time for the name of a server secret that is to be the newest."""
        return _time_after(self.server_secrets, now)

    def load(self) -> KeyRing | None:
        """Give the key ring, or None unless it is complete.

        Raises ConfigurationError for a file that is not usable, FileNotFoundError for one that goes meanwhile, other OSErrors.
        """
        if not self.is_complete:
            return None
        authority = read_pair(self.authority)
        next_authority = read_pair(self.next_authority) if self.next_authority.exists() else None
        former = tuple(_read_certificate(path) for path in self.former_authorities)
        authorities = (authority.certificate, *former)
        next_keys = [_read_signing_key(path, authorities) for path in self.next_signing]
        return KeyRing(
            authority=authority,
            signing_keys=tuple(_read_signing_key(path, authorities) for path in self.signing),
            server_secrets=tuple(_read_server_secret(path) for path in self.server_secrets),
            next_authority=next_authority,
            next_signing_key=next_keys[0] if next_keys else None,
            former_authorities=former,
        )


def signing_key_name(pair: KeyPair, *, is_next: bool = False, is_imported: bool) -> str:
    """Give the name for the file of a signing key, with `TIME` in it."""
    kind = f"{'next-' if is_next else ''}{'imported' if is_imported else 'signing'}"
    return f"{kind}-TIME-{_short_id(pair)}.pem"


def former_authority_name(pair: KeyPair) -> str:
    """Give the name for the file of a former CA's certificate, with `TIME` in it."""
    return f"former-ca-TIME-{_short_id(pair)}.crt"


def dated(name: str, now: datetime) -> str:
    """Give a file name with the time (UTC) in the place of `TIME`."""
    return name.replace("TIME", f"{now.astimezone(UTC):{_TIME_FORMAT}}")


def read_pair(path: Path) -> KeyPair:
    """Read a private key and its certificate. Raises ConfigurationError, FileNotFoundError."""
    content = read_private(path)
    try:
        return parse_pair(content)
    except ValueError as error:
        raise ConfigurationError(f"{path} {error}.") from error


@lru_cache(64)  # a running server reads them every few seconds, and to check an RSA key anew takes milliseconds
def parse_pair(pem: bytes) -> KeyPair:
    """Give the private key and the certificate in a PEM text. Raises ValueError with half a sentence on what is wrong."""
    try:
        key = load_pem_private_key(pem, password=None)
        certificate = x509.load_pem_x509_certificate(pem)
    except UnsupportedAlgorithm as error:  # a curve that nobody uses
        raise ValueError(f"holds a key that {NEITHER_KIND}") from error
    except (ValueError, TypeError) as error:  # TypeError: the key is encrypted
        raise ValueError("does not hold a private key, unencrypted, and its certificate in PEM form") from error
    try:
        algorithm_of(key.public_key())
    except ValueError as error:
        raise ValueError(f"holds a key that {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("holds a key and a certificate that do not belong together")
    return KeyPair(key, certificate)


def _short_id(pair: KeyPair) -> str:
    return pair.kid[:9].replace(":", "").lower()


def _read_signing_key(path: Path, authorities: Iterable[x509.Certificate]) -> SigningKey:
    pair, is_imported = read_pair(path), "imported" in path.name
    if not is_imported and not any(is_issued_by(pair, authority) for authority in authorities):
        raise ConfigurationError(
            f"{path} was not signed by the CA in {path.parent / 'ca.pem'}: move it away. "
            "A key with a certificate of its own comes in with `registry-auth keys import`."
        )
    return SigningKey(path.name, _time(path), pair, is_imported)


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise ConfigurationError(f"{path} does not hold a certificate in PEM form.") from error


def _read_server_secret(path: Path) -> ServerSecret:
    text = read_private(path).decode(errors="replace").strip()
    if re.fullmatch(f"[0-9a-f]{{{2 * SERVER_SECRET_BYTES}}}", text) is None:
        raise ConfigurationError(f"{path} does not hold a server secret ({2 * SERVER_SECRET_BYTES} hexadecimal digits).")
    return ServerSecret(bytes.fromhex(text), _time(path))


def _time_after(newest_first: list[Path], now: datetime) -> datetime:
    """Give `now`, or later if a clock was ahead when the newest was made, or it was made in the same second."""
    return max([now, *(_time(path) + timedelta(seconds=1) for path in newest_first[:1])])


def _time(path: Path) -> datetime:
    found = _TIME.search(path.name)
    try:
        return datetime.strptime(found[1] if found else "", _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise ConfigurationError(f"{path} is not named as this server names its keys: move it away.") from error


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    def time_and_name(path: Path) -> tuple[str, str]:
        found = _TIME.search(path.name)
        return (found[1] if found else "", path.name)

    return sorted(paths, key=time_and_name, reverse=True)
