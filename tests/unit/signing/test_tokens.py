"""The tokens of a signing key: one table of headers and kinds of keys."""

import json
import re
from types import MappingProxyType

import jwt
import pytest
from jwt.utils import base64url_decode

from registry_auth.signing.certificates import KeyPair
from registry_auth.signing.key_ids import distribution_3_1_kid, libtrust_kid, rfc7638_kid
from registry_auth.signing.key_ring import SigningKey
from registry_auth.values import Action, TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import ALGORITHMS, own_pair, short_pair

CLAIMS = {"iss": "registry-auth", "sub": "robot"}
SHORT = "P-256 with a short coordinate"


def signing_key(kind: str) -> SigningKey:
    """Give a signing key of this kind."""
    return SigningKey("imported", NOW, short_pair() if kind == SHORT else own_pair(kind), is_imported=True)


def names(pair: KeyPair, header: TokenHeader) -> dict[str, object]:
    """Give what stands in the header of a token to name its key."""
    key = pair.key.public_key()
    named: dict[TokenHeader, dict[str, object]] = {
        TokenHeader.X5C: {"kid": libtrust_kid(key), "x5c": [pair.x5c]},
        TokenHeader.LIBTRUST_KID: {"kid": libtrust_kid(key)},
        TokenHeader.RFC7638_KID: {"kid": distribution_3_1_kid(key)},
    }
    return named[header]


@pytest.mark.parametrize("header", TokenHeader)
@pytest.mark.parametrize(("kind", "algorithm"), [*ALGORITHMS.items(), (SHORT, "ES256")])
def test_token_verifies_and_has_the_members_of_its_header(kind: str, algorithm: str, header: TokenHeader) -> None:
    """Algorithm, type, and what names the key: exactly these, without spaces; the claims are unchanged."""
    key = signing_key(kind)
    token = key.token(CLAIMS, header)
    assert jwt.decode(token, key.public_key, [algorithm]) == CLAIMS
    expected = {"alg": algorithm, "typ": "JWT", **names(key.pair, header)}
    assert base64url_decode(token.split(".")[0]) == json.dumps(expected, separators=(",", ":")).encode()
    assert re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}", token)


def test_key_with_a_short_coordinate_is_named_as_distribution_3_1_does() -> None:
    """Its registries know no other id of the key, whereas the RFC's would do for a JWKS alone."""
    key = signing_key(SHORT)
    kid = jwt.get_unverified_header(key.token(CLAIMS, TokenHeader.RFC7638_KID))["kid"]
    assert kid != rfc7638_kid(key.public_key)
    assert kid in key.ids


def test_header_is_the_same_in_every_token_of_a_key() -> None:
    """Only the key and the kind of header make a difference."""
    key = signing_key("P-256")
    for header in TokenHeader:
        first, second = (key.token(CLAIMS | {"jti": text}, header).split(".")[0] for text in ("1", "2"))
        assert first == second
    assert len({key.token(CLAIMS, header).split(".")[0] for header in TokenHeader}) == 3


def test_signature_has_its_full_length_whatever_its_numbers_are() -> None:
    """It is 64 bytes also when one of its numbers is small."""
    key = signing_key("P-256")
    begins_with_zero = False
    for number in range(2_000):
        token = key.token(CLAIMS | {"jti": str(number)}, TokenHeader.LIBTRUST_KID)
        signature = base64url_decode(token.split(".")[2])
        assert len(signature) == 64
        if 0 in (signature[0], signature[32]):
            begins_with_zero = True
            assert jwt.decode(token, key.public_key, ["ES256"])["jti"] == str(number)
    assert begins_with_zero


def test_claims_come_back_as_they_were() -> None:
    """Text of any script, numbers, lists and what is nested, in any mapping."""
    claims = {"sub": 'Łukasz "ж" \\ 漢字 \x00 😀', "exp": 2**40, "access": [{"actions": ["pull", Action.PUSH]}, {}], "more": {"x": None}}
    key = signing_key("P-256")
    assert jwt.decode(key.token(MappingProxyType(claims), TokenHeader.X5C), key.public_key, ["ES256"]) == claims
