"""Key ids: the vectors that each generation of Distribution computed itself."""

import json
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from registry_auth.signing.key_ids import PublicKey, distribution_3_1_kid, libtrust_kid, required_members, rfc7638_kid

VECTORS: list[dict[str, str]] = json.loads(Path(__file__).with_name("kid_vectors.json").read_text())


def public_key(vector: dict[str, str]) -> PublicKey:
    """Give the key of a vector."""
    return cast("PublicKey", load_pem_public_key(vector["public_key_pem"].encode()))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_key_ids_equal_the_vectors(vector: dict[str, str]) -> None:
    """All three spellings of the id are those of the registries, for every kind of key and for short coordinates."""
    key = public_key(vector)
    assert libtrust_kid(key) == vector["libtrust_kid"]
    assert rfc7638_kid(key) == vector["rfc7638"]
    assert distribution_3_1_kid(key) == vector["distribution_3_1_kid"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_members_are_those_of_the_key_type(vector: dict[str, str]) -> None:
    """A thumbprint is made of the required members and no other (RFC 7638 section 3.2)."""
    members = required_members(public_key(vector))
    assert set(members) == {"RSA": {"kty", "e", "n"}, "EC": {"kty", "crv", "x", "y"}, "OKP": {"kty", "crv", "x"}}[members["kty"]]
