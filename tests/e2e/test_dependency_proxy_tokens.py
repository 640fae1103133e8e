"""Attacks on the dependency proxy with forged tokens, with tokens shown elsewhere, and with stolen ones for what is behind nginx."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gitlab import Gitlab

from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_ring import SigningKey

from .dependency_proxy import DependencyProxy
from .http_calls import basic, call, claims, header
from .peers.stock_registry import StockRegistry
from .proxy_calls import (
    ACCEPT,
    WRITE,
    Repository,
    answers,
    bearer,
    deploy_token,
    error,
    exchange,
    send,
)
from .proxy_front import GATE, NOT_THERE, UPSTREAM_NAME, Front, gate_headers, gate_secret, make_front, names_below, stolen
from .registry_calls import challenge, list_tags
from .token_server import TokenServer

NAMES = names_below("attack/tokens")
A, _, VICTIM, THIEF, CACHED = NAMES


@pytest.fixture(scope="module")
def front(token_server: TokenServer, dependency_proxy: DependencyProxy, upstream: StockRegistry, administrator: Gitlab) -> Front:
    """Make the groups of victim and thief, and the images."""
    return make_front(token_server, dependency_proxy, upstream, administrator, NAMES)


# Signed tokens that are none


def _part(document: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def _by_hand(head: Mapping[str, object], body: Mapping[str, object], key: bytes) -> str:
    text = f"{_part(head)}.{_part(body)}"
    signature = base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).rstrip(b"=").decode()
    return f"{text}.{signature}"


@pytest.fixture(scope="module")
def signing_key(front: Front) -> SigningKey:
    """Read the key that the token server signs with."""
    ring = KeyDirectory(front.server.keys).read()
    assert ring is not None
    (key,) = ring.signing_keys
    return key


def forgeries(front: Front, key: SigningKey) -> dict[str, str]:
    """Make tokens that would open the victim's image, each wrong in one thing."""
    good, head = claims(front.victim), header(front.victim)
    pair = key.pair
    foreign = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(pyjwt.algorithms.ECAlgorithm.to_jwk(foreign.public_key()))
    publics = [pair.key.public_key().public_bytes(*form) for form in _PUBLIC_FORMS]
    now = int(time.time())
    text, _, signature = front.victim.rpartition(".")

    def ours(**changes: object) -> str:
        changed = {name: value for name, value in (good | changes).items() if value is not None}
        return pyjwt.encode(changed, pair.key, "ES256", headers={"kid": pair.kid})

    def foreigns(**more: object) -> str:
        return pyjwt.encode(good, foreign, "ES256", headers={"kid": pair.kid, **more})

    made = {
        "service of the registry": ours(aud="container_registry"),
        "service of the store": ours(aud="dependency_proxy_store"),
        "service of the cache": ours(aud="dependency_proxy_cache"),
        "list of services": ours(aud=["dependency_proxy"]),
        "no service": ours(aud=None),
        "another issuer": ours(iss="registry-auth-2"),
        "part of the issuer": ours(iss="registry"),
        "no issuer": ours(iss=None),
        "expired": ours(exp=now - 1),
        "no end": ours(exp=None),
        "not yet": ours(nbf=now + 300),
        "another key": foreigns(),
        "another key in jwk": foreigns(jwk=jwk),
        "another key in x5c": foreigns(x5c=[base64.b64encode(b"not a certificate").decode()]),
        "another key, our certificate": foreigns(x5c=head["x5c"]),
        "another key by jku": foreigns(jku="http://127.0.0.1:1/jwks.json", x5u="http://127.0.0.1:1/cert"),
        "unknown key": pyjwt.encode(good, pair.key, "ES256", headers={"kid": "AAAA:BBBB"}),
        "key of the file system": pyjwt.encode(good, pair.key, "ES256", headers={"kid": "../../private/ca.pem"}),
        "no key": pyjwt.encode(good, pair.key, "ES256"),
        "unknown extension": pyjwt.encode(good, pair.key, "ES256", headers={"kid": pair.kid, "crit": ["x"], "x": 1}),
        "none": f"{_part({'alg': 'none', 'kid': pair.kid})}.{_part(good)}.",
        "none with a signature": f"{_part({'alg': 'none', 'kid': pair.kid})}.{_part(good)}.{signature}",
        "NONE": f"{_part({'alg': 'NONE', 'kid': pair.kid})}.{_part(good)}.",
        "without signature": f"{text}.",
        "two parts": text,
        "tampered": f"{front.victim.split('.')[0]}.{_part(good | {'sub': 'x'})}.{signature}",
        "thief's signature": f"{text}.{front.thief.rpartition('.')[2]}",
        "zero signature": f"{text}.{base64.urlsafe_b64encode(bytes(64)).rstrip(b'=').decode()}",
        "raised": _raised(front),
        "40 KB": ours(padding="x" * 29_000),
        "dots": "." * 30_000,
        "garbage": "x" * 30_000,
        "nothing": "",
        "digits": "123",
        "deep": f"{base64.urlsafe_b64encode(b'[' * 20_000).rstrip(b'=').decode()}.e30.x",
    }
    hmacs = {f"HS256, form {number}": _by_hand({"alg": "HS256", "kid": pair.kid}, good, public) for number, public in enumerate(publics)}
    return made | hmacs


_PUBLIC_FORMS = (
    (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    (Encoding.X962, PublicFormat.UncompressedPoint),
)


def _raised(front: Front) -> str:
    """Give the thief's token with the victim's name written into it."""
    head, _, signature = front.thief.split(".")
    document: dict[str, Any] = claims(front.thief)
    document["access"] = claims(front.victim)["access"]
    return f"{head}.{_part(document)}.{signature}"


def test_forged_tokens(front: Front, signing_key: SigningKey) -> None:
    """Whatever is wrong with a token, it is no token: for pushed and cached images, for writing, and at the base address."""
    control = pyjwt.encode(claims(front.victim), signing_key.pair.key, "ES256", headers={"kid": signing_key.pair.kid})
    assert Repository(front.host, VICTIM, control).status("GET", "manifests/1") == 200

    for what, token in forgeries(front, signing_key).items():
        paths = [f"{VICTIM}/manifests/1", f"{VICTIM}/{front.secret.places[2]}", f"{CACHED}/{front.cached.places[2]}", ""]
        for method, path in (*(("GET", path) for path in paths), ("DELETE", f"{VICTIM}/manifests/{front.secret.digest}")):
            request = f"{method} /v2/{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
            (answer,) = front.harmless(answers(exchange(front.host, request.encode())))
            assert (error(answer), challenge(answer).get("error")) == ((401, "UNAUTHORIZED"), "invalid_token"), what
    front.unharmed()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Authorization: Basic {basic}", ""),
        ("Authorization: {token}", ""),
        ("Authorization: Token {token}", ""),
        ("Authorization: Bearer", "invalid_token"),
        ("Authorization: Bearer é.é.é", ""),
        ("Authorization: Bearer,{token}", ""),
        ("Authorization: Bearer {token} {token}", "invalid_token"),
        ("Authorization: Bearer {token},", "invalid_token"),
        ('Authorization: Bearer "{token}"', "invalid_token"),
        ("Proxy-Authorization: Bearer {token}", ""),
        ("X-Registry-Auth: {token}", ""),
        ("Private-Token: {token}", ""),
        ("Cookie: token={token}", ""),
    ],
    ids=lambda value: value[:30],
)
def test_other_ways_to_show_a_token(front: Front, administrator: Gitlab, line: str, wanted: str) -> None:
    """There is one way to show a signed token; credentials themselves open nothing here."""
    writer = deploy_token(administrator, WRITE, group=A)
    sent = line.format(token=front.victim, basic=basic(*writer.credentials).removeprefix("Basic "))
    request = f"GET /v2/{VICTIM}/manifests/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{sent}\r\n\r\n"

    (answer,) = front.harmless(answers(exchange(front.host, request.encode())))

    assert (error(answer), challenge(answer).get("error", "")) == ((401, "UNAUTHORIZED"), wanted)


def test_token_in_the_address(front: Front) -> None:
    """It counts for nothing there."""
    for parameter in ("access_token", "token", "jwt", "authorization"):
        answer = send(front.host, "GET", f"/v2/{VICTIM}/manifests/1?{parameter}={front.victim}")
        assert (error(answer), "error" in challenge(answer)) == ((401, "UNAUTHORIZED"), False)


def test_token_that_is_too_long(front: Front) -> None:
    """What does not fit into a header is refused before anybody reads it."""
    (answer,) = front.raw(f"GET /v2/{VICTIM}/manifests/1 HTTP/1.1", jwt="x" * 41_000)

    assert answer.status == 431


# Tokens for the registries behind nginx, stolen


def test_stolen_tokens(front: Front, registry: StockRegistry) -> None:
    """A token made for one of the registries behind nginx opens nothing but the one image, there and for that action."""
    headers = stolen(front, f"/v2/{CACHED}/manifests/1", front.thief)
    for_store, for_cache = (headers[name].removeprefix("Bearer ") for name in ("x-store-authorization", "x-cache-authorization"))
    store, cache, evictor = front.proxy.store.host, front.proxy.cache.host, front.proxy.evictor.host
    place = f"manifests/{front.cached.digest}"

    for token in (for_store, for_cache):
        for path in (f"/v2/{CACHED}/manifests/1", f"/v2/{VICTIM}/manifests/1", "/v2/"):
            answer = send(front.host, "GET", path, headers=bearer(token))
            assert (error(answer), challenge(answer)["error"]) == ((401, "UNAUTHORIZED"), "invalid_token")
        assert call(f"{front.server.url}/v2/", headers=bearer(token)).status == 401
        assert call(f"{front.server.url}/api/v4/user", headers=bearer(token)).status == 401
        assert call(f"{front.server.url}/jwt/auth", headers=bearer(token)).status == 401
        again = call(
            f"{front.server.url}{GATE}",
            headers=gate_headers(front, f"/v2/{CACHED}/manifests/1", token) | {"X-Gate-Secret": gate_secret(front.proxy)},
        )
        assert (again.status, again.headers["x-refusal-status"]) == (403, "401")
        assert [list_tags(registry, name, token).status for name in (CACHED, VICTIM, UPSTREAM_NAME)] == [401] * 3
    assert _at(store, CACHED, for_store, "GET", "manifests/1") == 404
    assert _at(store, CACHED, for_store, "DELETE", place) == 401
    assert _at(store, CACHED, for_store, "POST", "blobs/uploads/") == 401
    assert {_at(store, name, for_store, "GET", "tags/list") for name in (VICTIM, THIEF, UPSTREAM_NAME)} == {401}
    assert {_at(host, UPSTREAM_NAME, for_cache, "GET", "manifests/1") for host in (cache, evictor)} == {200}
    assert {_at(host, UPSTREAM_NAME, for_cache, "DELETE", place) for host in (cache, evictor)} == {401}
    assert {_at(host, "library/other", for_cache, "GET", "manifests/1") for host in (cache, evictor)} == {401}
    assert {_at(host, name, for_store, "GET", "manifests/1") for host in (cache, evictor) for name in (CACHED, UPSTREAM_NAME)} == {401}
    assert {_at(store, name, for_cache, "GET", "manifests/1") for name in (CACHED, UPSTREAM_NAME, VICTIM)} == {401}
    assert {_at(host, UPSTREAM_NAME, front.thief, "GET", "manifests/1") for host in (store, cache, evictor)} == {401}
    assert {_at(host, name, "", "GET", "manifests/1") for host in (store, cache, evictor) for name in (VICTIM, UPSTREAM_NAME)} == {401}


def _at(host: str, name: str, token: str, method: str, place: str) -> int:
    """Ask a registry behind nginx, and give the status."""
    return call(f"http://{host}/v2/{name}/{place}", method=method, headers=ACCEPT | (bearer(token) if token else {})).status


@pytest.mark.parametrize(
    ("method", "place", "at_store", "at_cache"),
    [
        ("GET", "manifests/1", ["pull"], ["pull"]),
        ("HEAD", "manifests/1", ["pull"], ["pull"]),
        ("GET", f"blobs/{NOT_THERE}", ["pull"], ["pull"]),
        ("HEAD", f"blobs/{NOT_THERE}", ["pull"], None),
        ("GET", "tags/list", ["pull"], ["pull"]),
        ("PUT", "manifests/1", ["pull", "push"], None),
        ("POST", "blobs/uploads/", ["pull", "push", "delete"], None),
        ("POST", f"blobs/uploads/?mount={NOT_THERE}&from={VICTIM}", ["pull", "push", "delete"], None),
        ("PATCH", "blobs/uploads/x", ["pull", "push", "delete"], None),
        ("DELETE", f"manifests/{NOT_THERE}", ["delete"], ["delete"]),
        ("DELETE", "manifests/1", ["delete"], None),
        ("DELETE", f"blobs/{NOT_THERE}", ["delete"], None),
    ],
)
def test_what_is_in_the_tokens_for_the_registries(
    front: Front, method: str, place: str, at_store: list[str], at_cache: list[str] | None
) -> None:
    """One name and what the request needs, for half a minute; no token for the cache where nothing falls through."""
    headers = stolen(front, f"/v2/{CACHED}/{place}", front.thief, method)
    wanted = {"x-store-authorization": ("dependency_proxy_store", CACHED, at_store)}
    if at_cache is not None:
        wanted["x-cache-authorization"] = ("dependency_proxy_cache", UPSTREAM_NAME, at_cache)

    for name, (audience, repository, actions) in wanted.items():
        found = claims(headers[name].removeprefix("Bearer "))
        assert found["access"] == [{"type": "repository", "name": repository, "actions": actions}]
        assert found["aud"] == audience
        assert found["exp"] - time.time() <= 30
        assert found["exp"] - found["iat"] <= 60
        assert "credential" not in found
    assert ("x-cache-authorization" in headers) is (at_cache is not None)
    assert "x-keep-query" not in headers
