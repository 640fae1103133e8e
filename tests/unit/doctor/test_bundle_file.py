"""Reading what somebody took for a bundle: PEM blocks of every kind."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from registry_auth.doctor.bundle_file import described, listed, parse_bundle, read_bundle
from tests.unit.doctor.certificates import certificate, certificate_pem, new_key, private_pem, public_pem

KEY = new_key()
CERTIFICATE = certificate(KEY)
LOCKED = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))


@pytest.mark.parametrize(
    ("content", "certificates", "broken", "kinds", "private_keys"),
    [
        (b"", 0, 0, (), 0),
        (b"words " + certificate_pem(CERTIFICATE) + b"and more" + certificate_pem(CERTIFICATE).replace(b"\n", b"\r\n"), 2, 0, (), 0),
        (certificate_pem(CERTIFICATE).replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), 0, 0, ("TRUSTED CERTIFICATE",), 0),
        (private_pem(KEY) + public_pem(KEY) + certificate_pem(CERTIFICATE), 1, 0, ("PRIVATE KEY", "PUBLIC KEY"), 1),
        (LOCKED, 0, 0, ("ENCRYPTED PRIVATE KEY",), 0),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", 0, 0, ("PRIVATE KEY",), 0),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", 0, 1, (), 0),
        (b"-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----", 0, 1, (), 0),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", 0, 1, (), 0),
        (certificate_pem(CERTIFICATE)[:-5], 0, 0, (), 0),
    ],
)
def test_blocks_are_told_apart(content: bytes, certificates: int, broken: int, kinds: tuple[str, ...], private_keys: int) -> None:
    """What registries pass over is counted apart from certificates, whole and damaged ones."""
    file = parse_bundle(content)
    assert (len(file.certificates), file.broken_certificates, file.other_kinds, len(file.private_keys)) == (
        certificates,
        broken,
        kinds,
        private_keys,
    )
    assert file.has_private_key == any(kind.endswith("PRIVATE KEY") for kind in kinds)
    assert not file.is_binary


def test_endless_file_is_read_for_a_while() -> None:
    """A device that never ends does not take all memory."""
    assert read_bundle(Path("/dev/zero")).certificates == ()


def test_several_are_listed_in_one_line() -> None:
    """CAs and others are told apart, keys by the beginning of their ids; the fourth and all further ones are counted."""
    authority = certificate(KEY, "authority", is_authority=True)
    assert described(authority) == "the CA 'authority'"
    assert described(CERTIFICATE).startswith("the certificate 'stranger' of the key ")
    assert listed([authority] * 3) == "the CA 'authority', the CA 'authority', the CA 'authority'"
    assert listed([authority] * 5) == "the CA 'authority', the CA 'authority', the CA 'authority' and 2 more"
