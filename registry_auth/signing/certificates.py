"""The CA of this installation and the signing certificates it issues.

The registry trusts the CA for ten years; tokens carry a signing certificate that lives 90 days. So renewing it needs nothing from the
registry, which reads its trust bundle only at start. Where tokens carry a key id alone, the registry has to be given each certificate:
those live a year.
"""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from registry_auth.signing.algorithms import PrivateKey
from registry_auth.signing.key_ids import libtrust_kid
from registry_auth.values import TokenHeader

CA_LIFETIME = timedelta(days=3650)

# Registries allow no leeway on the dates of a certificate (tested), so a registry whose clock is behind would refuse a fresh one.
BACKDATE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Term:
    """How long signing certificates live, and how long before their end the next one is made."""

    lifetime: timedelta
    renew_before_end: timedelta

    @classmethod
    def of(cls, header: TokenHeader) -> "Term":
        """Give the one for tokens with this header."""
        return _RENEWED_ALONE if header is TokenHeader.X5C else _RENEWED_BY_HAND


_RENEWED_ALONE = Term(timedelta(days=90), timedelta(days=30))
_RENEWED_BY_HAND = Term(timedelta(days=365), timedelta(days=60))


@dataclass(frozen=True)
class KeyPair:
    """A private key and the certificate of its public key."""

    key: PrivateKey
    certificate: x509.Certificate

    @cached_property
    def kid(self) -> str:
        """The libtrust key id, which stands beside `x5c` in the header of tokens."""
        return libtrust_kid(self.key.public_key())

    @cached_property
    def x5c(self) -> str:
        """The certificate as an element of the header `x5c` (RFC 7515 section 4.1.6)."""
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()

    @cached_property
    def not_before(self) -> datetime:
        """The first instant of the certificate, UTC."""
        return self.certificate.not_valid_before_utc  # made anew by each access, which for each token would take 2 µs

    @cached_property
    def not_after(self) -> datetime:
        """The last instant of the certificate, UTC."""
        return self.certificate.not_valid_after_utc

    def private_pem(self) -> bytes:
        """Give key and certificate as one PEM text, so that they can only be replaced together."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)


def may_certify(certificate: x509.Certificate) -> bool:
    """Say whether a certificate names itself that of a CA (RFC 5280 section 4.2.1.9). Raises ValueError for one that cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def new_authority(now: datetime) -> KeyPair:
    """Make a CA that can issue signing certificates and no further CA."""
    key = _new_key()
    subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # The name carries the key's id, so that two installations in one bundle can be told apart.
    name = _name(f"registry-auth CA {subject.digest.hex()[:8]}")
    builder = (
        _builder(name, name, key, now, now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
        .add_extension(subject, critical=False)
    )
    return KeyPair(key, builder.sign(key, hashes.SHA256()))


def new_signing_pair(authority: KeyPair, now: datetime, lifetime: timedelta = _RENEWED_ALONE.lifetime) -> KeyPair:
    """Make a P-256 key for tokens and have the CA certify it, for no longer than the CA itself lives."""
    key = _new_key()
    end = min(now + lifetime, authority.not_after)
    builder = (
        _builder(_name("registry-auth token signing"), authority.certificate.subject, key, now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return KeyPair(key, builder.sign(authority.key, hashes.SHA256()))


def _new_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key whose coordinates have full length: Distribution 3.1 misspells the key id of any other."""
    while True:
        key = ec.generate_private_key(ec.SECP256R1())
        point = key.public_key().public_numbers()
        if min(point.x, point.y) >> 248:
            return key


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, end: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(end)
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
