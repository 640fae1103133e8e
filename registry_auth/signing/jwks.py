"""The public signing keys as a JSON Web Key Set (RFC 7517 section 5)."""

from collections.abc import Iterable

import orjson

from registry_auth.signing.key_ids import PublicKey, distribution_3_1_kid, libtrust_kid, required_members, rfc7638_kid


def key_set(keys: Iterable[PublicKey]) -> bytes:
    """Give the document. Each key stands in it once for every spelling of its id, because registries look it up by that text."""
    entries = [{"use": "sig", "alg": "ES256", "kid": kid, **required_members(key)} for key in keys for kid in _spellings(key)]
    return orjson.dumps({"keys": entries}, option=orjson.OPT_INDENT_2)


def _spellings(key: PublicKey) -> dict[str, None]:
    return dict.fromkeys((libtrust_kid(key), rfc7638_kid(key), distribution_3_1_kid(key)))
