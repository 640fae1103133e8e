"""Signed tokens that come back: only those of this server, for this service, whose credential still counts."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from registry_auth.credentials.basic import Credential
from registry_auth.dependency_proxy.presented_tokens import PresentedToken, PresentedTokens
from registry_auth.errors import InsufficientScopeError, InvalidTokenError, NoTokenError, WrongCredentialError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.certificates import KeyPair
from registry_auth.signing.verifier import Verifier
from registry_auth.values import Caller, NamespaceKind, Role, TokenScope
from tests.unit.dependency_proxy.door import SERVICE, Door, bearer, image
from tests.unit.installation import NOW, Installation, basic, login, secret_of

pytestmark = pytest.mark.one_store("the decision is made on what was looked up; the look-ups have tests of their own")

READ = (TokenScope.READ_VIRTUAL_REGISTRY,)
ALPINE = image("g")
NOW_SECONDS = int(NOW.timestamp())


@pytest.fixture
def tokens(installation: Installation) -> PresentedTokens:
    """Give the reader of the dependency proxy's tokens, in an installation with a group and its deploy token."""
    installation.group("g")
    installation.token("g", READ, kind=NamespaceKind.GROUP, username="robot")
    return PresentedTokens(SERVICE, Verifier("registry-auth", installation.keys, installation.clock), installation.authentication)


@pytest.fixture
def pair(installation: Installation) -> KeyPair:
    """Give the key pair that signs."""
    return KeyDirectory(installation.keys_dir).ready(installation.clock()).signing_keys[0].pair


def claims(**changes: object) -> dict[str, object]:
    """Give good claims of the deploy token, with changes; None takes a claim out."""
    good: dict[str, object] = {
        "iss": "registry-auth",
        "aud": SERVICE,
        "sub": "robot",
        "exp": NOW_SECONDS + 900,
        "nbf": NOW_SECONDS - 30,
        "iat": NOW_SECONDS - 30,
        "jti": "id",
        "access": [{"type": "repository", "name": ALPINE, "actions": ["pull"]}],
        "credential": {"kind": "deploy_token", "id": 1, "secret_id": 1},
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(pair: KeyPair, content: Mapping[str, object], **headers: object) -> str:
    """Sign claims with our key; header fields of the value None are left out."""
    return jwt.encode(dict(content), pair.key, "ES256", headers={"kid": pair.kid, **headers})


def assert_refused(tokens: PresentedTokens, token: str) -> None:
    """See that a token is invalid, and that the refusal does not repeat it."""
    with pytest.raises(InvalidTokenError) as refused:
        tokens.read(f"Bearer {token}")
    assert not [part for part in token.split(".") if len(part) > 8 and part in f"{refused.value}{refused.value.who}"]


@pytest.mark.parametrize("kind", ["deploy token", "personal access token", "password"])
def test_token_stands_for_the_credential_behind_it(installation: Installation, tokens: PresentedTokens, door: Door, kind: str) -> None:
    """The caller is the one who logged in, with everything that is held now; what was granted then stands beside it by image."""
    alice = installation.user("Alice", password="correct horse")
    installation.member("g", alice, Role.DEVELOPER, kind=NamespaceKind.GROUP)
    name, secret = {
        "deploy token": ("second", secret_of(installation.token("g", READ, kind=NamespaceKind.GROUP, username="second"))),
        "personal access token": ("alice", secret_of(installation.personal_token(alice))),
        "password": ("alice", "correct horse"),
    }[kind]
    token = door.token_for(basic(name, secret), ALPINE, image("g", "debian"), image("missing"), actions="pull,push")
    expected = installation.authentication.caller(Credential(name, SecretStr(secret)), "192.0.2.1")
    actions = frozenset({"pull"} if kind == "deploy token" else {"pull", "push"})
    for scheme in ("Bearer", "bearer", "BEARER"):
        presented = tokens.read(f"{scheme} {token}")
        assert presented == PresentedToken(expected, {ALPINE: actions, image("g", "debian"): actions})
    assert tokens.read(f"Bearer   {token} ").caller == expected


@pytest.mark.parametrize(
    "authorization", [None, "", " ", "Basic Zzpn", "Basic", "Token x", "Bearerx y", "x", "\xff \xff", ",Bearer x", " Bearer x"]
)
def test_another_scheme_is_no_token(tokens: PresentedTokens, authorization: str | None) -> None:
    """Who shows a password, or nothing, is only at the beginning: such clients are sent to the token endpoint."""
    with pytest.raises(NoTokenError):
        tokens.read(authorization)


@pytest.mark.parametrize(
    "token",
    [
        *("", "x", ".", "..", "a.b.c", "." * 30_000, "." * 1_000_000, "a" * 1_000_000, "\xff.\xff.\xff", "é", "\x00", "gldt-" + "a" * 32),
        "null",
        *("e30.e30.", "e30.e30.e30", "W10.e30.e30", "bnVsbA.e30.e30"),
        base64.urlsafe_b64encode(b"[" * 24_000).decode().rstrip("=") + ".e30.e30",
    ],
    ids=lambda token: repr(token[:20]),
)
def test_garbage_is_no_token(tokens: PresentedTokens, token: str) -> None:
    """Texts of any length and form are refused as every wrong token is (S3)."""
    assert_refused(tokens, token)


@pytest.mark.parametrize(
    "changes",
    [
        *({"iss": iss} for iss in ("registry", "registry-auth2", "", "REGISTRY-AUTH", None)),
        *({"aud": aud} for aud in ("container_registry", "dependency_proxy_store", "dependency_proxy_cache", "dependency", "", None)),
        *({"aud": aud} for aud in ([SERVICE], [SERVICE, "other"], ["other"], "dependency_proxy_cache:ghcr.io", "DEPENDENCY_PROXY")),
        *({"exp": exp} for exp in (NOW_SECONDS, NOW_SECONDS - 1, 0, None)),
        *({"nbf": nbf} for nbf in (NOW_SECONDS + 1, NOW_SECONDS + 10_000, None)),
        {"jti": None},
    ],
    ids=str,
)
def test_every_claim_has_to_be_right(tokens: PresentedTokens, pair: KeyPair, changes: dict[str, object]) -> None:
    """Issuer, audience and times count as a whole and to the second, and none may be missing, though our own key signed it (S2, S19)."""
    assert tokens.read(f"Bearer {signed(pair, claims())}").caller.name == "robot"
    assert_refused(tokens, signed(pair, claims(**changes)))


def test_token_has_a_longest_length(tokens: PresentedTokens, pair: KeyPair) -> None:
    """Beyond what this server issues nothing is parsed, though our own key signed it (S3)."""
    assert tokens.read(f"Bearer {signed(pair, claims(more='x' * 20_000))}").caller.name == "robot"
    with pytest.raises(InvalidTokenError, match="longer than any"):
        tokens.read(f"Bearer {signed(pair, claims(more='x' * 30_000))}")


def test_token_ends_to_the_second(installation: Installation, tokens: PresentedTokens, door: Door) -> None:
    """It is good from its beginning, 30 seconds before it was issued, up to its end, and no leeway is given."""
    user = installation.user("alice")
    token = f"Bearer {door.token_for(basic('alice', secret_of(installation.personal_token(user))), ALPINE)}"
    for seconds, is_good in ((-31, False), (-30, True), (0, True), (899, True), (900, False), (901, False)):
        installation.clock.now = NOW + timedelta(seconds=seconds)
        if is_good:
            assert tokens.read(token).caller.name == "alice"
        else:
            with pytest.raises(InvalidTokenError, match="expired"):
                tokens.read(token)


def test_forged_tokens_are_refused(tokens: PresentedTokens, pair: KeyPair) -> None:
    """Keys, certificates and algorithms that a token brings along count for nothing (S1, S2)."""
    public = pair.key.public_key()
    foreign = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(foreign.public_key()))
    good = signed(pair, claims())
    head, body, signature = good.split(".")
    more = base64.urlsafe_b64encode(json.dumps(claims(sub="admin")).encode()).decode().rstrip("=")
    forged = [
        jwt.encode(claims(), foreign, "ES256", headers={"kid": pair.kid}),
        jwt.encode(
            claims(), foreign, "ES256", headers={"kid": pair.kid, "jwk": jwk, "jku": "https://evil.example", "x5u": "https://evil.example"}
        ),
        jwt.encode(claims(), foreign, "ES256", headers={"kid": pair.kid, "x5c": [pair.x5c]}),
        jwt.encode(claims(), foreign, "ES256", headers={"x5c": [pair.x5c]}),
        jwt.encode(claims(), foreign, "ES256", headers={"jwk": jwk}),
        jwt.encode(claims(), foreign, "ES256", headers={"kid": jwk["x"], "jwk": jwk | {"kid": pair.kid}}),
        jwt.encode(claims(), ec.generate_private_key(ec.SECP384R1()), "ES384", headers={"kid": pair.kid}),
        jwt.encode(claims(), "", "none", headers={"kid": pair.kid}),
        *(_hmac(claims(), public.public_bytes(encoding, form), pair.kid) for encoding, form in PUBLIC_FORMS),
        signed(pair, claims(), crit=["exp"]),
        signed(pair, claims(), kid=""),
        signed(pair, claims(), kid=f"{pair.kid}x"),
        signed(pair, claims(), kid=pair.kid.lower()),
        f"{head}.{more}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.{signature}",
        f"{good}.",
        f".{good}",
        f"{good[:-8]}AAAAAAAA",
    ]
    assert tokens.read(f"Bearer {good}").caller.name == "robot"
    for token in forged:
        assert_refused(tokens, token)


PUBLIC_FORMS = ((Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), (Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _hmac(content: Mapping[str, object], key: bytes, kid: str) -> str:
    """Sign with a public key as if it were a shared secret, which PyJWT does not do."""
    parts = [{"alg": "HS256", "typ": "JWT", "kid": kid}, content]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    signature = hmac.digest(key, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_anonymous_token_is_not_enough(tokens: PresentedTokens, door: Door) -> None:
    """It is a good token, and nothing in the dependency proxy is public (D18)."""
    with pytest.raises(InsufficientScopeError, match="log-in"):
        tokens.read(f"Bearer {door.token_for(None, ALPINE)}")


@pytest.mark.parametrize(
    "credential",
    [
        *({"kind": "deploy_token", "id": token, "secret_id": secret} for token, secret in ((1, 2), (2, 1), (3, 3), (0, 0), (-1, 1))),
        *({"kind": kind, "id": 1} for kind in ("deploy_token", "personal_access_token", "gitlab_or_ldap", "none")),
        {"kind": "personal_access_token", "id": 1, "secret_id": 1},
    ],
    ids=str,
)
def test_credential_has_to_exist(installation: Installation, tokens: PresentedTokens, pair: KeyPair, credential: dict[str, object]) -> None:
    """Kind, id and secret have to fit together: the secret of another token, an id of another kind, or none at all is nobody."""
    installation.token("g", READ, kind=NamespaceKind.GROUP, username="second")
    with pytest.raises(WrongCredentialError, match="does not exist any more"):
        tokens.read(f"Bearer {signed(pair, claims(credential=credential))}")


def test_only_repositories_are_access(tokens: PresentedTokens, pair: KeyPair) -> None:
    """An entry of another type grants nothing on an image of the same name."""
    access = [{"type": kind, "name": ALPINE, "actions": ["pull", "*"]} for kind in ("registry", "repository(plugin)", "Repository", "")]
    assert tokens.read(f"Bearer {signed(pair, claims(access=access))}").access == {}


def test_tokens_of_other_kinds_are_refused_at_both_doors(installation: Installation, tokens: PresentedTokens, door: Door) -> None:
    """Tokens of the container registry and the registries behind nginx, secrets and anonymous tokens open neither `/v2/` nor the gate."""
    assert tokens.service == SERVICE
    robot = installation.token("g", [*READ, TokenScope.READ_REGISTRY, TokenScope.WRITE_VIRTUAL_REGISTRY], kind=NamespaceKind.GROUP)
    personal = installation.personal_token(installation.user("root", is_administrator=True))
    good = door.token_for(login(robot), ALPINE)
    passed = door.ask("GET", f"/v2/{ALPINE}/manifests/latest", good)
    internal = [passed.headers[name].removeprefix("Bearer ") for name in ("X-Store-Authorization", "X-Cache-Authorization")]
    others = [
        *internal,
        door.token(login(robot), f"repository:{ALPINE}:pull", service="container_registry"),
        door.token(basic("root", secret_of(personal)), f"repository:{ALPINE}:pull", "registry:catalog:*", service="container_registry"),
        door.token(None, f"repository:{ALPINE}:pull"),
        secret_of(robot),
        secret_of(personal),
        door.secret,
    ]
    client = door.app.test_client()
    assert (passed.status_code, client.get("/v2/", headers=bearer(good)).status_code) == (204, 200)
    for token in others:
        assert door.ask("GET", f"/v2/{ALPINE}/manifests/latest", token).headers["X-Refusal-Status"] == "401"
        assert client.get("/v2/", headers=bearer(token)).status_code == 401
    for header in (login(robot), basic("root", secret_of(personal))):
        assert door.ask("GET", f"/v2/{ALPINE}/manifests/latest", **header).headers["X-Refusal-Status"] == "401"


def test_rights_are_those_of_now(installation: Installation, tokens: PresentedTokens, door: Door) -> None:
    """Between two requests with one token, what the caller is given changes what the next one finds."""
    alice = installation.user("alice")
    token = f"Bearer {door.token_for(basic('alice', secret_of(installation.personal_token(alice))), ALPINE)}"
    assert _roles(tokens.read(token).caller) == set()
    installation.member("g", alice, Role.GUEST, kind=NamespaceKind.GROUP)
    assert _roles(tokens.read(token).caller) == {("g", Role.GUEST)}
    assert tokens.read(token).access == {}


def _roles(caller: Caller) -> set[tuple[str, Role]]:
    assert caller.person is not None
    return {(membership.path, membership.role) for membership in caller.person.memberships}
