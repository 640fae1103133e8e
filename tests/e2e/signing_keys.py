"""Signing keys as an operator brings them along, and which key signed a token."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from registry_auth.signing import KeyDirectory
from registry_auth.signing.algorithms import PrivateKey
from registry_auth.signing.certificates import KeyPair
from registry_auth.signing.key_ring import KeyRing

from .http_calls import header

TAKEN_UP_WITHIN = 10  # seconds: a worker looks into the key directory every five

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def self_signed(key: PrivateKey) -> KeyPair:
    """Give the key with a certificate that it signed itself, as OpenSSL makes one that is not a CA's."""
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry-auth")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=365))
    return KeyPair(key, builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True).sign(key, hashes.SHA256()))


def new_rsa_pair() -> KeyPair:
    """Make an RSA key of the usual size, with its certificate."""
    return self_signed(rsa.generate_private_key(65537, 2048))


def new_short_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key of which a coordinate begins with a zero byte, as of one in 128."""
    while True:
        key = ec.generate_private_key(ec.SECP256R1())
        point = key.public_key().public_numbers()
        if not min(point.x, point.y) >> 248:
            return key


def write_key_file(path: Path, pair: KeyPair) -> Path:
    """Write key and certificate into the file that `keys import` is given; return its path."""
    path.write_bytes(pair.private_pem())
    return path


def ring_of(keys: Path) -> KeyRing:
    """Give the key ring as it is in a directory."""
    return KeyDirectory(keys).loaded()


def key_id(token: str) -> str:
    """Give the id of the key that signed a token."""
    return str(header(token)["kid"])


def let_pass(duration: timedelta, keys: Path) -> None:
    """Let the keys in a directory be older than they are, by their files' names."""

    def earlier(found: re.Match[str]) -> str:
        made = datetime.strptime(found[0], _TIME_FORMAT).replace(tzinfo=UTC)
        return f"{made - duration:{_TIME_FORMAT}}"

    for path in sorted((keys / "private").glob("*-*-*.*")):
        path.rename(path.with_name(_TIME.sub(earlier, path.name)))
