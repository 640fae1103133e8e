"""The verifier: what this server signed for an audience comes through, and of everything else there is one kind of refusal."""

import base64
import hashlib
import hmac
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_auth.errors import InvalidTokenError
from registry_auth.signing import CurrentKeys, KeyDirectory, Signer
from registry_auth.signing.certificates import KeyPair, new_authority, new_signing_pair
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.verifier import Verifier
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW, Clock
from tests.unit.signing.own_keys import ALGORITHMS, own_pair, short_pair

ISSUER, AUDIENCE = "https://auth.example.com", "dependency_proxy"
LIFETIME = timedelta(minutes=15)
START, END = int(NOW.timestamp()) - 30, int(NOW.timestamp()) + 900
CLAIMS: dict[str, Any] = {"iss": ISSUER, "sub": "robot", "aud": AUDIENCE, "exp": END, "nbf": START, "iat": START, "jti": "id", "access": []}
MOST_CHARACTERS = 32_768

STRANGER = new_signing_pair(new_authority(NOW), NOW)  # of another installation
RSA = rsa.generate_private_key(65_537, 2048)


class Verification(NamedTuple):
    """A verifier, with what a test makes tokens from."""

    verifier: Verifier
    signer: Signer
    clock: Clock

    @property
    def pair(self) -> KeyPair:
        """The pair that signs now."""
        return self.signer.signing_key().pair

    def refusal(self, token: str, audience: str = AUDIENCE) -> str:
        """Give the sentence with which a token is refused, by the one error that there is."""
        with pytest.raises(InvalidTokenError) as error:
            self.verifier.claims(token, audience)
        assert type(error.value) is InvalidTokenError
        assert error.value.__cause__ is None
        return str(error.value)


STRANGE = "The token was not issued by this server for this service."
EXPIRED = "The token has expired."
TOO_LONG = "The token is longer than any that this server issues."


@pytest.fixture
def verification(template: Path, tmp_path: Path) -> Verification:
    """Give a verifier on a key directory of its own."""
    clock = Clock()
    return verification_of(KeyDirectory(Path(shutil.copytree(template / "keys", tmp_path / "keys"))), clock)


def verification_of(directory: KeyDirectory, clock: Clock) -> Verification:
    """Give a verifier with the keys of this directory."""
    keys = CurrentKeys(directory, clock)
    return Verification(Verifier(ISSUER, keys, clock), Signer(keys, directory.header, LIFETIME, clock), clock)


def segment(content: object) -> str:
    """Give a part of a token."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(key: PrivateKeyTypes, header: Mapping[str, object], claims: Mapping[str, object] = CLAIMS, alg: str = "ES256") -> str:
    """Give a token with exactly this header, signed with this key: what PyJWT would refuse to write too."""
    signing_input = f"{segment({'typ': 'JWT', 'alg': alg, **header})}.{segment(claims)}"
    algorithm = jwt.get_algorithm_by_name(alg)
    return f"{signing_input}.{segment(algorithm.sign(signing_input.encode(), key))}"


def hmac_token(pair: KeyPair, secret: bytes, alg: str = "HS256") -> str:
    """Give a token that is keyed with something public."""
    signing_input = f"{segment({'typ': 'JWT', 'alg': alg, 'kid': pair.kid})}.{segment(CLAIMS)}"
    return f"{signing_input}.{segment(hmac.new(secret, signing_input.encode(), getattr(hashlib, f'sha{alg[2:]}')).digest())}"


def public_bytes(pair: KeyPair, encoding: Encoding) -> bytes:
    """Give the public key of a pair, as anybody can have it."""
    return pair.key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def stranger_jwk() -> dict[str, object]:
    """Give the key of another installation as a JWK."""
    jwk: dict[str, object] = json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(STRANGER.key.public_key()))
    return jwk


def test_own_token_comes_through(verification: Verification) -> None:
    """What the signer signed for this audience gives its claims, unchanged."""
    assert verification.verifier.claims(verification.signer.sign(CLAIMS), AUDIENCE) == CLAIMS
    other = CLAIMS | {"aud": "other", "credential": {"kind": "deploy_token", "id": 7, "secret_id": 9}}
    assert verification.verifier.claims(verification.signer.sign(other), "other") == other


@pytest.mark.parametrize("header", TokenHeader)
@pytest.mark.parametrize("kind", [*ALGORITHMS, "short"])
def test_token_of_every_kind_comes_through(tmp_path: Path, header: TokenHeader, kind: str) -> None:
    """Whatever key signs, and whichever of its ids stands in the header."""
    directory, clock = KeyDirectory(tmp_path, header), Clock()
    verification = verification_of(directory, clock)
    KeyChanges(directory).import_key(short_pair() if kind == "short" else own_pair(kind), NOW)
    KeyChanges(directory).activate(NOW)
    clock.advance(seconds=5)
    token = verification.signer.sign(CLAIMS)
    assert verification.verifier.claims(token, AUDIENCE) == CLAIMS
    assert verification.refusal(f"{token[:-6]}AAAAAA") == STRANGE


def test_algorithm_is_that_of_the_key(verification: Verification) -> None:
    """An RSA key of ours signs no other tokens than those of its one algorithm."""
    key = own_pair("RSA-2048")
    KeyChanges(verification.signer.keys.directory).import_key(key, NOW)
    for algorithm in ("RS384", "RS512", "PS256"):
        assert verification.refusal(signed(key.key, {"kid": key.kid}, alg=algorithm)) == STRANGE
    assert verification.verifier.claims(signed(key.key, {"kid": key.kid}, alg="RS256"), AUDIENCE) == CLAIMS


def test_header_brings_nothing_that_is_needed_or_used(verification: Verification) -> None:
    """The key id alone finds the key: a token of ours is good without `x5c`, and with anything foreign beside the good signature."""
    key, kid = verification.pair.key, verification.pair.kid
    for more in (
        {},
        {"x5c": [STRANGER.x5c]},
        {"jwk": stranger_jwk()},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example"},
    ):
        assert verification.verifier.claims(signed(key, {"kid": kid, **more}), AUDIENCE) == CLAIMS


# Each makes a token from our key pair, of which a stranger has only the public half unless the case says otherwise (S1, S2).
FORGERIES: dict[str, Callable[[KeyPair], str]] = {
    "alg none, no signature": lambda ours: f"{segment({'alg': 'none', 'kid': ours.kid})}.{segment(CLAIMS)}.",
    "alg None in another case": lambda ours: f"{segment({'alg': 'nOnE', 'kid': ours.kid})}.{segment(CLAIMS)}.",
    "alg none, our signature": lambda ours: (
        f"{segment({'alg': 'none', 'kid': ours.kid})}.{signed(ours.key, {'kid': ours.kid}).partition('.')[2]}"
    ),
    "alg missing": lambda ours: f"{segment({'kid': ours.kid})}.{signed(ours.key, {'kid': ours.kid}).partition('.')[2]}",
    "alg a list": lambda ours: f"{segment({'alg': ['ES256'], 'kid': ours.kid})}.{segment(CLAIMS)}.{segment(b'x' * 64)}",
    "alg a number": lambda ours: f"{segment({'alg': 256, 'kid': ours.kid})}.{segment(CLAIMS)}.{segment(b'x' * 64)}",
    "HS256 with our public key as PEM": lambda ours: hmac_token(ours, public_bytes(ours, Encoding.PEM)),
    "HS256 with our public key as DER": lambda ours: hmac_token(ours, public_bytes(ours, Encoding.DER)),
    "HS512 with our public key as PEM": lambda ours: hmac_token(ours, public_bytes(ours, Encoding.PEM), "HS512"),
    "HS256 with our certificate": lambda ours: hmac_token(ours, ours.certificate.public_bytes(Encoding.PEM)),
    "HS256 with our certificate as in x5c": lambda ours: hmac_token(ours, ours.x5c.encode()),
    "HS256 with our key id": lambda ours: hmac_token(ours, ours.kid.encode()),
    "HS256 with nothing": lambda ours: hmac_token(ours, b""),
    "foreign key under our kid": lambda ours: signed(STRANGER.key, {"kid": ours.kid}),
    "foreign key under its own kid": lambda _: signed(STRANGER.key, {"kid": STRANGER.kid}),
    "foreign x5c": lambda ours: signed(STRANGER.key, {"kid": ours.kid, "x5c": [STRANGER.x5c]}),
    "foreign x5c under its own kid": lambda _: signed(STRANGER.key, {"kid": STRANGER.kid, "x5c": [STRANGER.x5c]}),
    "foreign x5c without kid": lambda _: signed(STRANGER.key, {"x5c": [STRANGER.x5c]}),
    "our x5c, foreign signature": lambda ours: signed(STRANGER.key, {"kid": ours.kid, "x5c": [ours.x5c]}),
    "foreign jwk": lambda ours: signed(STRANGER.key, {"kid": ours.kid, "jwk": stranger_jwk()}),
    "foreign jwk of our kid": lambda ours: signed(STRANGER.key, {"kid": ours.kid, "jwk": stranger_jwk() | {"kid": ours.kid}}),
    "foreign jwk without kid": lambda _: signed(STRANGER.key, {"jwk": stranger_jwk()}),
    "foreign jku": lambda ours: signed(STRANGER.key, {"kid": ours.kid, "jku": "https://evil.example/jwks"}),
    "foreign x5u": lambda ours: signed(STRANGER.key, {"kid": ours.kid, "x5u": "https://evil.example/ca.pem"}),
    "wrong curve, ES384": lambda ours: signed(ec.generate_private_key(ec.SECP384R1()), {"kid": ours.kid}, alg="ES384"),
    "wrong curve, ES512": lambda ours: signed(ec.generate_private_key(ec.SECP521R1()), {"kid": ours.kid}, alg="ES512"),
    "wrong curve, ES256K": lambda ours: signed(ec.generate_private_key(ec.SECP256K1()), {"kid": ours.kid}, alg="ES256K"),
    "RSA": lambda ours: signed(RSA, {"kid": ours.kid}, alg="RS256"),
    "EdDSA": lambda ours: signed(ed25519.Ed25519PrivateKey.generate(), {"kid": ours.kid}, alg="EdDSA"),
    # From here on with our own key, which nobody else has.
    "kid missing": lambda ours: signed(ours.key, {"x5c": [ours.x5c]}),
    "kid unknown": lambda ours: signed(ours.key, {"kid": STRANGER.kid}),
    "kid empty": lambda ours: signed(ours.key, {"kid": ""}),
    "kid cut": lambda ours: signed(ours.key, {"kid": ours.kid[:-1]}),
    "kid a path": lambda ours: signed(ours.key, {"kid": "../private/ca.pem"}),
    "kid in a list": lambda ours: signed(ours.key, {"kid": [ours.kid]}),
    "crit unknown": lambda ours: signed(ours.key, {"kid": ours.kid, "crit": ["exp-policy"], "exp-policy": "none"}),
    "crit unknown and missing": lambda ours: signed(ours.key, {"kid": ours.kid, "crit": ["exp-policy"]}),
    "crit empty": lambda ours: signed(ours.key, {"kid": ours.kid, "crit": []}),
    "crit no list": lambda ours: signed(ours.key, {"kid": ours.kid, "crit": "exp"}),
    "b64 off": lambda ours: signed(ours.key, {"kid": ours.kid, "crit": ["b64"], "b64": False}),
}


@pytest.mark.parametrize("kid", [None, 7, 1.5, True, [], ["x"], {}, {"x": "y"}], ids=repr)
def test_key_id_that_is_no_text_is_refused(verification: Verification, kid: object) -> None:
    """The right signature alone does not help a token whose key id is of another type (S1)."""
    assert verification.refusal(signed(verification.pair.key, {"kid": kid})) == STRANGE


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forged_token_is_refused(verification: Verification, forge: Callable[[KeyPair], str]) -> None:
    """The header has no say in which key and algorithm count, and what is not understood in it is refused (S1, S2)."""
    assert verification.refusal(forge(verification.pair)) == STRANGE


def test_key_has_to_be_the_one_that_the_header_names(verification: Verification, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the header be read in two ways, as other than the verified one, a signature of our key does not help."""
    for header in ({"kid": STRANGER.kid}, {"kid": [verification.pair.kid]}, {}):
        token = signed(verification.pair.key, header)
        with monkeypatch.context() as patched:
            patched.setattr("registry_auth.signing.verifier._claimed_kid", lambda _token: verification.pair.kid)
            assert verification.refusal(token) == STRANGE
            assert verification.verifier.claims(signed(verification.pair.key, {"kid": verification.pair.kid}), AUDIENCE) == CLAIMS


def test_key_of_the_ca_signs_no_tokens(verification: Verification) -> None:
    """Only signing keys are known by their ids."""
    authority = verification.signer.keys.ring().authority
    assert verification.refusal(signed(authority.key, {"kid": authority.kid, "x5c": [authority.x5c]})) == STRANGE


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"iss": issuer}
            for issuer in ("https://auth.example", "https://auth.example.com/", "https://auth.example.com.evil", "", "example")
        ),
        *({"iss": issuer} for issuer in (ISSUER.upper(), [ISSUER], None, 7, {ISSUER: True}, ISSUER[1:])),
        *({"aud": audience} for audience in ("other", "dependency", "dependency_proxy_store", "dependency_proxy ", "", None, 7)),
        *({"aud": audience} for audience in ([AUDIENCE], [AUDIENCE, "other"], [], {AUDIENCE: True}, "DEPENDENCY_PROXY")),
        {"sub": 7},
        {"jti": 7},
    ],
    ids=repr,
)
def test_claims_of_our_key_for_something_else_are_refused(verification: Verification, change: dict[str, object]) -> None:
    """Issuer and audience are compared as whole strings, and a list of audiences is none (S2)."""
    assert verification.refusal(signed(verification.pair.key, {"kid": verification.pair.kid}, CLAIMS | change)) == STRANGE


@pytest.mark.parametrize("missing", ["iss", "aud", "exp", "nbf", "jti"])
def test_missing_claim_is_refused(verification: Verification, missing: str) -> None:
    """A token without one of the claims that every token of this server has is none of them."""
    claims = {name: value for name, value in CLAIMS.items() if name != missing}
    assert verification.refusal(verification.signer.sign(claims)) == STRANGE


@pytest.mark.parametrize("payload", [[], "text", 7, None, b"", b"{", b"\xff", b"[" * 10_000], ids=lambda payload: repr(payload)[:12])
def test_payload_that_is_no_claim_set_is_refused(verification: Verification, payload: object) -> None:
    """Whatever stands where the claims should be, signed by our key, is refused like everything else."""
    signing_input = f"{segment({'alg': 'ES256', 'kid': verification.pair.kid})}.{segment(payload)}"
    signature = jwt.get_algorithm_by_name("ES256").sign(signing_input.encode(), verification.pair.key)
    assert verification.refusal(f"{signing_input}.{segment(signature)}") == STRANGE


def test_every_part_that_is_changed_is_noticed(verification: Verification) -> None:
    """No part of a token can be taken from another one, be longer or shorter, or be written in another way."""
    token = verification.signer.sign(CLAIMS)
    other = verification.signer.sign(CLAIMS | {"sub": "other"})
    header, payload, signature = token.split(".")
    changed = segment(CLAIMS | {"access": [{"type": "repository", "name": "g/x", "actions": ["delete"]}]})
    for parts in (
        (header, changed, signature),
        (header, other.split(".")[1], signature),
        (header, payload, other.split(".")[2]),
        (header, payload, ""),
        (header, payload, signature[:-2]),
        (header, payload, signature + "AA"),
        (header, payload, segment(bytes(64))),
        (header, "", signature),
        ("", payload, signature),
        (header, payload),
        (header, payload, signature, ""),
        (header, payload, signature, signature),
        (header + "=", payload, signature),
        (header, payload + "\n", signature),
        (f" {header}", payload, signature),
    ):
        assert verification.refusal(".".join(parts)) == STRANGE
    assert verification.verifier.claims(token, AUDIENCE) == CLAIMS


@pytest.mark.parametrize(
    ("now", "is_good"),
    [
        (START - 1, False),
        (START - 0.001, False),
        (START, True),
        (END - 0.001, True),
        (END, False),
        (END + 1, False),
    ],
)
def test_token_is_good_from_its_beginning_until_its_end(verification: Verification, now: float, is_good: bool) -> None:
    """To the second, by this server's clock and without leeway, for it is the clock that the token was made with."""
    token = signed(verification.pair.key, {"kid": verification.pair.kid})
    verification.clock.now = datetime.fromtimestamp(now, UTC)
    if is_good:
        assert verification.verifier.claims(token, AUDIENCE) == CLAIMS
    else:
        assert verification.refusal(token) == EXPIRED


def test_token_of_an_older_key_stays_good(verification: Verification) -> None:
    """When another key has begun to sign, what the old one signed is good to its end."""
    verification.clock.advance(days=60, seconds=-1)
    now = int(verification.clock().timestamp())
    claims = CLAIMS | {"nbf": now - 30, "exp": now + 900}
    token, old = verification.signer.sign(claims), verification.pair.kid
    verification.clock.advance(seconds=10)
    assert verification.pair.kid != old
    assert verification.verifier.claims(token, AUDIENCE) == claims
    verification.clock.advance(seconds=889)
    assert verification.verifier.claims(token, AUDIENCE) == claims
    verification.clock.advance(seconds=1)
    assert verification.refusal(token) == EXPIRED


def of_length(pair: KeyPair, length: int) -> str:
    """Give a good token of this many characters; what comes in threes in Base64 is made up for in the header."""
    bare = len(signed(pair.key, {"kid": pair.kid, "more": ""}))
    for more in range(4):
        for size in range((length - bare) * 3 // 4 - 16, (length - bare) * 3 // 4):
            token = signed(pair.key, {"kid": pair.kid, "more": "x" * more}, CLAIMS | {"more": "x" * size})
            if len(token) == length:
                return token
    raise AssertionError


def test_length_is_bounded_before_anything_is_read(verification: Verification) -> None:
    """A megabyte is refused for its length alone, dots or not; a good token is so up to the bound and not beyond (S3)."""
    for long in ("." * 2**20, "a" * 2**20, ".." + "a" * MOST_CHARACTERS, "é" * (MOST_CHARACTERS + 1)):
        assert verification.refusal(long) == TOO_LONG
    assert verification.refusal("." * MOST_CHARACTERS) == STRANGE
    assert verification.verifier.claims(of_length(verification.pair, MOST_CHARACTERS), AUDIENCE)["sub"] == "robot"
    assert verification.refusal(of_length(verification.pair, MOST_CHARACTERS + 1)) == TOO_LONG


HEADERS_OF_NOBODY: list[object] = [
    *([], "x", None, 7, b"{", b"\xff", b"[" * 20_000, b'{"kid":' * 3_000, b'{"kid":' + b"9" * 5_000 + b"}"),
    *({"alg": "ES256", "kid": kid} for kid in ("\udcff", "\x00", "x" * 20_000)),
]


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "x",
        "a.b.c",
        "e30.e30.e30",
        "e30.e30.",
        "gldt-" + "x" * 32,
        "é.é.é",
        "\udcff.e30.e30",
        "\x00",
        " ",
        "Bearer a.b.c",
        *(f"{segment(header)}.e30.e30" for header in HEADERS_OF_NOBODY),
        f"{segment({'alg': 'dir', 'enc': 'A256GCM'})}.e30.e30.e30.e30",
    ],
    ids=lambda token: ascii(token)[:24],
)
def test_what_is_no_token_is_refused(verification: Verification, token: str) -> None:
    """Whatever comes, it is the same refusal and no mistake of ours."""
    assert verification.refusal(token) == STRANGE


PARTS = (
    st.text()
    | st.binary().map(segment)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ).map(segment)
)
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "b64", "x5c", "jwk", "jku", "zip", "cty"]),
    st.none() | st.booleans() | st.integers() | st.sampled_from(["ES256", "none", "HS256"]) | st.text() | st.lists(st.text(), max_size=2),
)


@given(st.text(st.characters()) | st.lists(PARTS, max_size=5).map(".".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_text_is_refused(verification: Verification, token: str) -> None:
    """No text of any form comes through, or is anything but an invalid token."""
    assert verification.refusal(token) in {STRANGE, TOO_LONG}


@given(HEADERS, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_headers_are_refused_without_our_key(verification: Verification, header: dict[str, object], ours: bool) -> None:
    """Whatever a header says, without a signature of our key nothing comes through (S1, S2)."""
    named = header | ({"kid": verification.pair.kid} if ours else {})
    content = f"{segment(named)}.{segment(CLAIMS)}"
    for signature in (b"", jwt.get_algorithm_by_name("ES256").sign(content.encode(), STRANGER.key), bytes(64)):
        assert verification.refusal(f"{content}.{segment(signature)}") == STRANGE
