"""Keys that an operator brings along: read from PEM files, and refused unless every registry accepts what they sign."""

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from registry_auth.errors import InvalidValueError
from registry_auth.signing.certificates import KeyPair, may_certify
from registry_auth.signing.private_keys import parse_pair

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PUBLIC_KEY = b"PUBLIC KEY-----"

# Makes a certificate for the same key that is good for this: OpenSSL's own default is a CA.
_OPENSSL = "openssl req -x509 -key KEY -subj /CN=registry-auth -days 365 -addext basicConstraints=critical,CA:FALSE -out CERTIFICATE"


def read_importable(pem: bytes) -> KeyPair:
    """Give the private key in a PEM text, and the first certificate. Raises InvalidValueError with what is wrong and what would do."""
    if _CERTIFICATE not in pem:
        found = "a bare public key, which no registry accepts in its bundle" if _PUBLIC_KEY in pem else "no certificate in PEM form"
        raise InvalidValueError(f"There is {found}. This makes a certificate: {_OPENSSL}")
    _check_not_edwards(pem)
    try:
        return parse_pair(pem)
    except ValueError as error:
        raise InvalidValueError(f"What is given {error}.") from error


def check_importable(pair: KeyPair, now: datetime) -> None:
    """Raise InvalidValueError for a certificate that registries would refuse, or that would let others mint tokens.

    A registry accepts every certificate that a CA in its bundle has issued, so a CA does not belong there (see `docs/keys.md`).
    """
    if pair.not_after <= now:
        raise InvalidValueError(f"The certificate ended on {pair.not_after:%Y-%m-%d}.")
    usual_form = pair.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if usual_form not in pair.certificate.public_bytes(Encoding.DER):
        raise InvalidValueError(
            "The certificate writes its key in a form that registries do not read: as an RSA-PSS key, or with the curve's parameters in "
            "the place of its name. Make another key."
        )
    if _is_authority(pair.certificate):
        raise InvalidValueError(
            "The certificate is that of a CA, or of version 1, which counts as one: a registry that has it in its bundle accepts tokens "
            f"from everybody to whom that CA issues a certificate. This makes another one for the same key: {_OPENSSL}"
        )


def _check_not_edwards(pem: bytes) -> None:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return  # said better by whoever needs it
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        raise InvalidValueError("The key is an Edwards key (Ed25519): a registry 2 with its certificate in the bundle ends at its start.")


def _is_authority(certificate: x509.Certificate) -> bool:
    """Say whether registries would accept what its key certifies. In version 1 there was no word for a CA, and each counts as one."""
    return certificate.version is not x509.Version.v3 or may_certify(certificate)
