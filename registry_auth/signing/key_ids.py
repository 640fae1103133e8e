"""The ids by which registries know a public key: each generation of Distribution computes another one."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}  # RFC 7518 section 6.2.1.1


def libtrust_kid(key: PublicKeyTypes) -> str:
    """Give the key id of Distribution 2.x: 240 bits of the SHA-256 of the SubjectPublicKeyInfo, base32, in groups of four."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(spki).digest()[:30]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def rfc7638_kid(key: PublicKey) -> str:
    """Give the JWK thumbprint of RFC 7638: the key id of Distribution 3.x."""
    return _thumbprint(required_members(key))


def distribution_3_1_kid(key: PublicKey) -> str:
    """Give the thumbprint as Distribution 3.1 computes it, which drops the leading zero bytes of an elliptic point's coordinates."""
    members = required_members(key)
    if isinstance(key, ec.EllipticCurvePublicKey):
        numbers = key.public_numbers()
        members |= {"x": _base64url(_minimal_bytes(numbers.x)), "y": _base64url(_minimal_bytes(numbers.y))}
    return _thumbprint(members)


def key_ids(key: PublicKey) -> tuple[str, ...]:
    """Give every id by which some registry knows the key, each once: the libtrust id, then the thumbprints."""
    return tuple(dict.fromkeys((libtrust_kid(key), rfc7638_kid(key), distribution_3_1_kid(key))))


def required_members(key: PublicKey) -> dict[str, str]:
    """Give the members of the key's JWK that its thumbprint is made of (RFC 7638 section 3.2, RFC 8037 section 2)."""
    if isinstance(key, rsa.RSAPublicKey):
        rsa_numbers = key.public_numbers()
        return {
            "e": _base64url(_minimal_bytes(rsa_numbers.e)),
            "kty": "RSA",
            "n": _base64url(_minimal_bytes(rsa_numbers.n)),
        }
    if isinstance(key, ec.EllipticCurvePublicKey):
        size = (key.key_size + 7) // 8
        point = key.public_numbers()
        x, y = (_base64url(coordinate.to_bytes(size)) for coordinate in (point.x, point.y))
        return {"crv": _CURVE_NAMES[key.curve.name], "kty": "EC", "x": x, "y": y}
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}


def _thumbprint(members: dict[str, str]) -> str:
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    return _base64url(hashlib.sha256(canonical).digest())


def _minimal_bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
