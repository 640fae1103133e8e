"""The signature algorithms of tokens: each key that registries accept has one (RFC 7518 section 3.1)."""

from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_OF_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_HASHES: Mapping[str, HashAlgorithm] = {"ES256": SHA256(), "ES384": SHA384(), "ES512": SHA512()}
_OF_RSA = "RS256"
_LEAST_RSA_BITS = 2048  # RFC 7518 section 3.3

NEITHER_KIND = "is neither RSA nor on one of the curves P-256, P-384 and P-521"


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


def signs_with(key: PrivateKey) -> Callable[[bytes], bytes]:
    """Give what signs as a JWS is signed: the result is what stands in it before Base64url. Raises ValueError as algorithm_of does.

    It is made once for a key. PyJWT's own objects would take a tenth longer for each token.
    """
    algorithm = algorithm_of(key.public_key())
    return _rsa(key) if isinstance(key, rsa.RSAPrivateKey) else _elliptic(key, ec.ECDSA(_HASHES[algorithm]))


def _rsa(key: rsa.RSAPrivateKey) -> Callable[[bytes], bytes]:
    """Sign as RFC 7518 section 3.3 says."""
    return lambda content: key.sign(content, PKCS1v15(), SHA256())


def _elliptic(key: ec.EllipticCurvePrivateKey, algorithm: ec.ECDSA) -> Callable[[bytes], bytes]:
    """Sign as RFC 7518 section 3.4 says: the signature's two numbers, one after the other."""
    size = (key.key_size + 7) // 8

    def sign(content: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(content, algorithm))
        return r.to_bytes(size) + s.to_bytes(size)

    return sign
