"""Keys and certificates of other people, and key directories in every state."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from registry_auth.signing import KeyDirectory
from registry_auth.signing.certificates import KeyPair
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

YEAR = timedelta(days=365)


def certificate(key: Key, name: str = "stranger", *, is_authority: bool = False, now: datetime = NOW) -> x509.Certificate:
    """Give a certificate that a key signed for itself, good for a year from `now`."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + YEAR)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key that is no P-256 one, as only imported keys are."""
    return ec.generate_private_key(ec.SECP384R1())


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """Give the PEM text of certificates."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def private_pem(key: Key) -> bytes:
    """Give the PEM text of a private key."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Key) -> bytes:
    """Give the PEM text of the public half alone."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Keys:
    """A key directory and the time, which the tests move."""

    def __init__(self, path: Path, header: TokenHeader = TokenHeader.X5C) -> None:
        self.now = NOW
        self.directory = KeyDirectory(path, header)
        self.directory.ready(self.now)

    @property
    def ring(self) -> KeyRing:
        """The key ring."""
        return self.directory.loaded()

    @property
    def bundle(self) -> bytes:
        """What is published for registries."""
        return self.directory.bundle.read_bytes()

    def change(self, act: Callable[[KeyChanges, datetime], object]) -> None:
        """Let a day and some hours pass, act, and bring the directory up to date."""
        self.now += timedelta(days=1, hours=2)
        act(KeyChanges(self.directory), self.now)
        self.directory.ready(self.now)

    def rotate(self) -> None:
        """Make another signing key."""
        self.change(lambda changes, now: changes.rotate(now))

    def rotate_authority(self) -> None:
        """Publish the next CA."""
        self.change(lambda changes, now: changes.rotate_authority(now))

    def activate(self) -> None:
        """Let what is published come into use."""
        self.change(lambda changes, now: changes.activate(now))

    def import_key(self) -> KeyPair:
        """Publish a key with a certificate of its own, and give both."""
        key = new_key()
        pair = KeyPair(key, certificate(key, "imported", now=self.now - timedelta(days=1)))
        self.change(lambda changes, now: changes.import_key(pair, now))
        return pair
