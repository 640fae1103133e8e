"""Reading a file that is a registry's `rootcertbundle`, or was taken for one."""

import base64
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from registry_auth.signing.algorithms import algorithm_of
from registry_auth.signing.certificates import may_certify
from registry_auth.signing.key_ids import libtrust_kid

_MOST_BYTES = 4 * 1024 * 1024  # the bundle of all public CAs has 0.2 MiB
_MOST_NAMES = 3
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATE = b"CERTIFICATE"
_PRIVATE_KEY = b"PRIVATE KEY"
_DER = b"\x30"  # how the binary form begins: a sequence


@dataclass(frozen=True, slots=True)
class BundleFile:
    """What a file holds: certificates, how many blocks are called so and are none, and other kinds of blocks, as PEM calls them.

    `private_keys` are the public halves of those private keys that can be read.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    broken_certificates: int = 0
    other_kinds: tuple[str, ...] = ()
    private_keys: tuple[PublicKeyTypes, ...] = ()
    is_binary: bool = False

    @property
    def has_private_key(self) -> bool:
        """Whether a private key is in it, readable or not."""
        return any(kind.endswith(_PRIVATE_KEY.decode()) for kind in self.other_kinds)

    @property
    def has_public_key(self) -> bool:
        """Whether a public key without a certificate is in it."""
        return any(kind.endswith("PUBLIC KEY") for kind in self.other_kinds)


def read_bundle(path: Path) -> BundleFile:
    """Read a file. Raises OSError."""
    with path.open("rb") as file:
        return parse_bundle(file.read(_MOST_BYTES))


def parse_bundle(content: bytes) -> BundleFile:
    """Give what the PEM blocks of a text are. As registries do, it passes over what stands between them."""
    blocks = list(_BLOCK.finditer(content))
    certificates = [_certificate(block[2]) for block in blocks if block[1] == _CERTIFICATE]
    private_keys = [_public_half(block[0]) for block in blocks if block[1].endswith(_PRIVATE_KEY)]
    return BundleFile(
        certificates=tuple(each for each in certificates if each is not None),
        broken_certificates=certificates.count(None),
        other_kinds=tuple(block[1].decode() for block in blocks if block[1] != _CERTIFICATE),
        private_keys=tuple(each for each in private_keys if each is not None),
        is_binary=not blocks and content.startswith(_DER),
    )


def public_key_of(certificate: x509.Certificate) -> PublicKeyTypes | None:
    """Give the key of a certificate; None for a kind that cannot be read here."""
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def described(certificate: x509.Certificate) -> str:
    """Name a certificate in a sentence. All signing certificates are called the same, so they are told apart by their key ids."""
    name = _name(certificate)
    if _is_authority(certificate):
        return f"the CA {name}"
    key = public_key_of(certificate)
    try:
        return f"the certificate {name}" if key is None else f"the certificate {name} of the key {_short_id(key)}"
    except ValueError:
        return f"the certificate {name}"


def listed(certificates: Sequence[x509.Certificate]) -> str:
    """Name the first of several certificates, and say how many more there are."""
    names = ", ".join(map(described, certificates[:_MOST_NAMES]))
    more = len(certificates) - _MOST_NAMES
    return names if more <= 0 else f"{names} and {more} more"


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return may_certify(certificate)
    except ValueError:
        return False  # a registry may hold anything


def _short_id(key: PublicKeyTypes) -> str:
    """Give the beginning of the libtrust id, as in the names of key files. Raises ValueError for a key that has none."""
    algorithm_of(key)
    return f"{libtrust_kid(key)[:9]}…"


def _name(certificate: x509.Certificate) -> str:
    """Give what a certificate is called, without anything that a terminal would act on."""
    try:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        text = str(names[0].value) if names else certificate.subject.rfc4514_string()
    except ValueError:
        text = "?"
    return "'" + "".join(letter for letter in text if letter.isprintable())[:60] + "'"


def _certificate(body: bytes) -> x509.Certificate | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old CAs in the bundle of a vendor break newer rules
            return x509.load_der_x509_certificate(base64.b64decode(body))
    except ValueError:
        return None


def _public_half(block: bytes) -> PublicKeyTypes | None:
    try:
        return load_pem_private_key(block, password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        return None
