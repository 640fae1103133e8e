"""The signature algorithms of tokens: each key that registries accept has one (RFC 7518 section 3.1)."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from jwt.algorithms import get_default_algorithms

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_OF_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_OF_RSA = "RS256"
_LEAST_RSA_BITS = 2048  # RFC 7518 section 3.3

NEITHER_KIND = "is neither RSA nor on one of the curves P-256, P-384 and P-521"

_IMPLEMENTED = get_default_algorithms()


def algorithm_of(key: PublicKeyTypes) -> str:
    """Give the name of the algorithm that goes with a key.

    Raises ValueError, with half a sentence, for a key that not every registry accepts.
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _LEAST_RSA_BITS:
            raise ValueError(f"is an RSA key of {key.key_size} bits, and it takes {_LEAST_RSA_BITS}")
        return _OF_RSA
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _OF_CURVES:
        return _OF_CURVES[key.curve.name]
    raise ValueError(NEITHER_KIND)


def signature(content: bytes, key: PrivateKey, algorithm: str) -> bytes:
    """Sign as a JWS is signed: what is given is what stands in it before Base64url (RFC 7518 sections 3.3 and 3.4)."""
    signed: bytes = _IMPLEMENTED[algorithm].sign(content, key)
    return signed
