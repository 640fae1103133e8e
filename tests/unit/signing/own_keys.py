"""Keys that an operator brings along, each kind made once, and certificates for them."""

from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from registry_auth.signing.algorithms import PrivateKey
from registry_auth.signing.certificates import KeyPair
from tests.unit.installation import NOW

DAY = timedelta(days=1)

ALGORITHMS = {"RSA-2048": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}

_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(), "secp256k1": ec.SECP256K1()}


@cache
def own_key(kind: str) -> PrivateKey:
    """Give the key of a kind, such as `P-384`, or `RSA-2048` with its bits; none is one of the rare keys with an id of their own."""
    if kind in _CURVES:
        return next(key for key in iter(lambda: ec.generate_private_key(_CURVES[kind]), None) if not _is_short(key))
    if kind == "RSA-4096":
        return _long_rsa_key()
    return rsa.generate_private_key(65_537, int(kind.removeprefix("RSA-")))


def certified(
    key: PrivateKey, *, start: datetime = NOW - DAY, end: datetime = NOW + 365 * DAY, is_authority: bool | None = False
) -> KeyPair:
    """Give a key with a certificate that it signed for itself; with `is_authority` None it does not say what it may be used for."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry.example.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end)
    if is_authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    return KeyPair(key, builder.sign(key, hashes.SHA256()))


@cache
def own_pair(kind: str = "P-384") -> KeyPair:
    """Give a key of a kind with a certificate that is good for a year."""
    return certified(own_key(kind))


def short_pair() -> KeyPair:
    """Give a P-256 key of which a coordinate begins with a zero byte, so that Distribution 3.1 computes an id of its own."""
    for number in range(1, 10_000):
        key = ec.derive_private_key(number, ec.SECP256R1())
        if _is_short(key):
            return certified(key)
    raise AssertionError


def _is_short(key: ec.EllipticCurvePrivateKey) -> bool:
    point, size = key.public_key().public_numbers(), (key.key_size + 7) // 8
    return 0 in {point.x.to_bytes(size)[0], point.y.to_bytes(size)[0]}


def key_pem(key: PrivateKey) -> bytes:
    """Give the PEM text of a private key."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_pem(pair: KeyPair) -> bytes:
    """Give the PEM text of a certificate."""
    return pair.certificate.public_bytes(Encoding.PEM)


def _long_rsa_key() -> rsa.RSAPrivateKey:
    """Give a key of 4096 bits, of two primes that everybody knows: to look for others would take seconds."""
    p, q, e = 2**2048 - 1_557, 3 * 2**2046 + 439, 65_537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    private = rsa.RSAPrivateNumbers(p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public)
    return private.private_key(unsafe_skip_rsa_key_validation=True)
