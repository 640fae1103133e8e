"""The public signing keys as a JSON Web Key Set (RFC 7517 section 5)."""

from collections.abc import Iterable

import orjson

from registry_auth.signing.algorithms import algorithm_of
from registry_auth.signing.key_ids import PublicKey, key_ids, required_members


def key_set(keys: Iterable[PublicKey]) -> bytes:
    """Give the document. Each key stands in it once for every spelling of its id, because registries look it up by that text."""
    entries = [{"use": "sig", "alg": algorithm_of(key), "kid": kid, **required_members(key)} for key in keys for kid in key_ids(key)]
    return orjson.dumps({"keys": entries}, option=orjson.OPT_INDENT_2)
