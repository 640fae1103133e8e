"""Certificates: dates, constraints, chain, and keys that every registry line can name."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from registry_auth.signing.certificates import KeyPair, new_authority, new_signing_pair
from tests.unit.installation import NOW

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    """Make a CA."""
    return new_authority(NOW)


@pytest.fixture(scope="module")
def signing(authority: KeyPair) -> KeyPair:
    """Make a signing key."""
    return new_signing_pair(authority, NOW)


def usages(pair: KeyPair) -> set[str]:
    """Give the names of what the key may be used for."""
    usage = pair.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    return {
        name for name in ("digital_signature", "key_cert_sign", "crl_sign", "key_encipherment", "key_agreement") if getattr(usage, name)
    }


def test_dates(authority: KeyPair, signing: KeyPair) -> None:
    """The CA lives ten years, a signing certificate 90 days; both begin a day back for registries whose clock is behind."""
    assert (authority.not_before, authority.not_after) == (NOW - DAY, NOW + 3650 * DAY)
    assert (signing.not_before, signing.not_after) == (NOW - DAY, NOW + 90 * DAY)


def test_ca_issues_signing_certificates_and_no_further_ca(authority: KeyPair, signing: KeyPair) -> None:
    """Constraints are critical: path length 0 for the CA, no CA for the other, and each key has its one use."""
    constraints = [pair.certificate.extensions.get_extension_for_class(x509.BasicConstraints) for pair in (authority, signing)]
    assert [(extension.critical, extension.value.ca, extension.value.path_length) for extension in constraints] == [
        (True, True, 0),
        (True, False, None),
    ]
    assert usages(authority) == {"key_cert_sign", "crl_sign"}
    assert usages(signing) == {"digital_signature"}


def test_signing_certificate_chains_to_its_ca_only(authority: KeyPair, signing: KeyPair) -> None:
    """The certificate was issued by this CA, names it, and no other CA verifies it."""
    signing.certificate.verify_directly_issued_by(authority.certificate)
    authority.certificate.verify_directly_issued_by(authority.certificate)
    own = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = signing.certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert issuer.key_identifier == own.digest
    stranger = new_authority(NOW).certificate
    assert stranger.subject != authority.certificate.subject
    with pytest.raises((ValueError, InvalidSignature)):
        signing.certificate.verify_directly_issued_by(stranger)


def test_signing_certificate_ends_with_its_ca(authority: KeyPair) -> None:
    """Near the end of the CA a signing certificate lives shorter."""
    assert new_signing_pair(authority, NOW + 3640 * DAY).not_after == authority.not_after


def has_short_coordinate(key: ec.EllipticCurvePrivateKey) -> bool:
    """Say whether a coordinate of the public point begins with a zero byte."""
    point = key.public_key().public_numbers()
    return min(point.x, point.y).bit_length() <= 248


def test_keys_with_short_coordinates_are_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """No coordinate of a key in use begins with a zero byte: Distribution 3.1 would misspell the key's id. Chance makes such keys."""
    keys = (ec.derive_private_key(number, ec.SECP256R1()) for number in range(1, 10_000))
    short = next(key for key in keys if has_short_coordinate(key))
    good = ec.derive_private_key(1, ec.SECP256R1())
    drawn = [good, short, short]
    monkeypatch.setattr(ec, "generate_private_key", lambda curve: drawn.pop() if isinstance(curve, ec.SECP256R1) else None)
    pair = new_authority(NOW)
    assert pair.key is good
    assert not has_short_coordinate(pair.key)


def test_key_and_certificate_are_one_text(signing: KeyPair) -> None:
    """The PEM text gives back both parts, and shows neither in the pair's x5c or kid but the public one."""
    text = signing.private_pem()
    key = load_pem_private_key(text, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.private_numbers() == signing.key.private_numbers()
    assert x509.load_pem_x509_certificate(text) == signing.certificate
