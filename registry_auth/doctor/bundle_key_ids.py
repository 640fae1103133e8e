"""The ids by which each generation of registries knows a key of its bundle, beside the one in our tokens."""

from cryptography.hazmat.primitives.asymmetric import ec

from registry_auth.doctor.findings import Finding, fine
from registry_auth.signing.key_ids import PublicKey, distribution_3_1_kid, libtrust_kid, rfc7638_kid
from registry_auth.signing.key_ring import SigningKey
from registry_auth.values import TokenHeader

_OF_A_CURVE = "one for all keys of its curve"  # Distribution #4683, mended in 3.1.0


def of_key_ids(check: str, key: SigningKey, header: TokenHeader) -> Finding:
    """Put the id in tokens with this header beside the ids that registries compute when the key's certificate is in their bundle."""
    ours = kid_in_tokens(key.public_key, header)
    of_2, of_3_0, of_3_1 = ("the same" if kid == ours else kid for kid in _computed(key.public_key))
    sentence = (
        f"Tokens carry the key id {ours}. For this certificate registry 2 computes {of_2}, registry 3.0 {of_3_0}, registry 3.1 {of_3_1}"
    )
    return fine(check, f"{sentence}: only those that compute the same accept them.")


def kid_in_tokens(key: PublicKey, header: TokenHeader) -> str:
    """Give the key id in tokens with this header."""
    return distribution_3_1_kid(key) if header is TokenHeader.RFC7638_KID else libtrust_kid(key)


def _computed(key: PublicKey) -> tuple[str, str, str]:
    of_3_0 = _OF_A_CURVE if isinstance(key, ec.EllipticCurvePublicKey) else rfc7638_kid(key)
    return libtrust_kid(key), of_3_0, distribution_3_1_kid(key)
