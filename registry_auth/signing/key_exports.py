"""What registries are given of the keys: the public half of the key directory, made from the private one."""

from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from registry_auth.signing.jwks import key_set
from registry_auth.signing.key_files import write_public
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader

AUTHORITY_BUNDLE = "ca.crt"
SIGNING_BUNDLE = "signing.crt"
JWKS = "jwks.json"


def bundle_name(header: TokenHeader) -> str:
    """Give the name of the file that is the `rootcertbundle` of registries which get tokens with this header."""
    return AUTHORITY_BUNDLE if header is TokenHeader.X5C else SIGNING_BUNDLE


def exports(ring: KeyRing) -> Mapping[str, bytes]:
    """Give the contents of the public files by name. Which of them a registry needs depends on the header of its tokens."""
    return {AUTHORITY_BUNDLE: _authority_bundle(ring), SIGNING_BUNDLE: _signing_bundle(ring), JWKS: key_set(ring.public_keys())}


def stale_exports(ring: KeyRing, directory: Path) -> Mapping[Path, bytes]:
    """Give the public files that are missing or differ from the keys, with what belongs into them."""
    wanted = {directory / name: content for name, content in exports(ring).items()}
    return {path: content for path, content in wanted.items() if not path.exists() or path.read_bytes() != content}


def write_exports(ring: KeyRing, directory: Path) -> None:
    """Write those that are missing or differ. Raises OSError."""
    for path, content in stale_exports(ring, directory).items():
        directory.mkdir(exist_ok=True)
        write_public(path, content)


def _authority_bundle(ring: KeyRing) -> bytes:
    """Every certificate of a CA that may sign, has signed or will, and the imported ones, of which no CA belongs here."""
    following = () if ring.next_authority is None else (ring.next_authority.certificate,)
    imported = [key.pair.certificate for key in ring.published_keys if key.is_imported]
    return _pem((ring.authority.certificate, *following, *ring.former_authorities, *imported))


def _signing_bundle(ring: KeyRing) -> bytes:
    return _pem(tuple(key.pair.certificate for key in ring.published_keys))


def _pem(certificates: tuple[x509.Certificate, ...]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in dict.fromkeys(certificates))
