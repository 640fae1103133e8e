"""A registry, as far as it verifies tokens: it has read its bundle at its start."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from registry_auth.signing.key_ids import PublicKey, key_ids


class Registry:
    """Accepts a token by the certificate that it carries, or else by the id of a key in the bundle."""

    def __init__(self, bundle: bytes) -> None:
        self.trusted = x509.load_pem_x509_certificates(bundle)

    def accepts(self, token: str, now: datetime) -> bool:
        """Say whether the token was signed by a key that the bundle vouches for at this time."""
        header = jwt.get_unverified_header(token)
        key = self._key(header, now)
        if key is None:
            return False
        jwt.decode(token, key, [header["alg"]])  # raises when the signature is not the key's
        return True

    def _key(self, header: Mapping[str, Any], now: datetime) -> PublicKey | None:
        if "x5c" not in header:
            return {kid: public_key(each) for each in self.trusted for kid in key_ids(public_key(each))}.get(header["kid"])
        carried = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
        is_trusted = carried in self.trusted or any(is_issued(carried, each) and is_valid(each, now) for each in self.trusted)
        return public_key(carried) if is_trusted and is_valid(carried, now) else None


def public_key(certificate: x509.Certificate) -> PublicKey:
    """Give the key that a certificate is about."""
    return cast("PublicKey", certificate.public_key())


def is_issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Say whether a CA issued a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    """Say whether a certificate is valid at this time."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
