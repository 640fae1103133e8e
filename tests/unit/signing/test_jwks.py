"""The JSON Web Key Set of the public signing keys."""

import json

from jwt import PyJWKSet

from registry_auth.signing.certificates import new_authority
from registry_auth.signing.jwks import key_set
from registry_auth.signing.key_ids import libtrust_kid, rfc7638_kid
from tests.unit.installation import NOW


def test_each_key_is_found_under_every_spelling_of_its_id() -> None:
    """Registries look a key up by the text of its id; keys of ours have two different ones, because 3.1 agrees with the standard."""
    key = new_authority(NOW).key.public_key()
    document = key_set([key])
    entries = json.loads(document)["keys"]
    assert [entry["kid"] for entry in entries] == [libtrust_kid(key), rfc7638_kid(key)]
    assert all(set(entry) == {"use", "alg", "kid", "kty", "crv", "x", "y"} for entry in entries)
    assert {loaded.key.public_numbers() for loaded in PyJWKSet.from_json(document.decode()).keys} == {key.public_numbers()}


def test_private_parts_are_not_in_the_document() -> None:
    """The document holds the public members only."""
    pair = new_authority(NOW)
    assert b'"d"' not in key_set([pair.key.public_key()])
