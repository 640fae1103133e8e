"""The algorithm that goes with each key, and its signatures."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from registry_auth.signing.algorithms import algorithm_of, signs_with
from tests.unit.signing.own_keys import ALGORITHMS, own_key

LENGTHS = {"RSA-2048": 256, "P-256": 64, "P-384": 96, "P-521": 132}  # bytes, RFC 7518 sections 3.3 and 3.4


@pytest.mark.parametrize(("kind", "algorithm"), ALGORITHMS.items())
def test_each_kind_of_key_has_its_algorithm(kind: str, algorithm: str) -> None:
    """PyJWT, asked for the same algorithm, verifies the signature, which has the length that the RFC gives it."""
    key = own_key(kind)
    assert algorithm_of(key.public_key()) == algorithm
    signed = signs_with(key)(b"header.payload")
    assert len(signed) == LENGTHS[kind]
    assert jwt.get_algorithm_by_name(algorithm).verify(b"header.payload", key.public_key(), signed)
    assert not jwt.get_algorithm_by_name(algorithm).verify(b"header.payloae", key.public_key(), signed)


NEITHER = "is neither RSA nor on one of the curves P-256, P-384 and P-521"


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (own_key("RSA-1024").public_key(), "is an RSA key of 1024 bits, and it takes 2048"),
        (own_key("secp256k1").public_key(), NEITHER),
        (ec.generate_private_key(ec.BrainpoolP256R1()).public_key(), NEITHER),
        (ed25519.Ed25519PrivateKey.generate().public_key(), NEITHER),
        (x25519.X25519PrivateKey.generate().public_key(), NEITHER),
    ],
    ids=["RSA-1024", "secp256k1", "Brainpool", "Ed25519", "X25519"],
)
def test_key_that_not_every_registry_accepts_has_none(key: PublicKeyTypes, sentence: str) -> None:
    """What is wrong with it is half a sentence, for whoever knows where the key is from."""
    with pytest.raises(ValueError, match=sentence):
        algorithm_of(key)
