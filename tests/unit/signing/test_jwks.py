"""The JSON Web Key Set of the public signing keys."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWKSet

from registry_auth.signing.jwks import key_set
from tests.unit.signing.own_keys import ALGORITHMS, own_key

if TYPE_CHECKING:
    from registry_auth.signing.key_ids import PublicKey

# Without Ed25519, which has ids but signs no tokens.
VECTORS = [each for each in json.loads(Path(__file__).with_name("kid_vectors.json").read_text()) if each["key_type"] != "Ed25519"]

MEMBERS = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_each_key_is_found_under_every_spelling_of_its_id(vector: dict[str, str]) -> None:
    """Registries look a key up by the text of its id; most have two different ones, because 3.1 mostly agrees with the standard."""
    key = cast("PublicKey", load_pem_public_key(vector["public_key_pem"].encode()))
    document = key_set([key])
    entries = json.loads(document)["keys"]
    spellings = [vector["libtrust_kid"], vector["rfc7638"], vector["distribution_3_1_kid"]]
    assert [entry["kid"] for entry in entries] == list(dict.fromkeys(spellings))
    assert all(set(entry) == {"use", "alg", "kid", "kty", *MEMBERS[entry["kty"]]} for entry in entries)
    assert {loaded.key.public_numbers() for loaded in PyJWKSet.from_json(document.decode()).keys} == {key.public_numbers()}  # type: ignore[union-attr]


def test_every_kind_of_key_has_its_algorithm() -> None:
    """Each entry says with which algorithm alone its key is to be used."""
    entries = json.loads(key_set(own_key(kind).public_key() for kind in ALGORITHMS))["keys"]
    assert {(entry.get("crv", "RSA-2048"), entry["alg"]) for entry in entries} == set(ALGORITHMS.items())
    assert {entry["use"] for entry in entries} == {"sig"}
