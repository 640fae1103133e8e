"""Attacks on the dependency proxy by headers, hosts, and requests in the bodies of others."""

from collections.abc import Mapping, Sequence

import pytest

from .dependency_proxy import DependencyProxy
from .http_calls import call
from .peers.stock_registry import StockRegistry
from .proxy_calls import (
    ACCEPT,
    Repository,
    administrator_of,
    answers,
    bearer,
    digest_of,
    exchange,
    insufficient,
)
from .proxy_front import GATE, Front, gate_headers, gate_secret, make_front, names_below, stolen
from .registry_calls import challenge
from .token_server import TokenServer

NAMES = names_below("attack/requests")
_, B, VICTIM, THIEF, CACHED = NAMES


@pytest.fixture(scope="module")
def front(token_server: TokenServer, dependency_proxy: DependencyProxy, upstream: StockRegistry) -> Front:
    """Make the groups of victim and thief, and the images."""
    with administrator_of(token_server, "attack-requests-administrator") as administrator:
        return make_front(token_server, dependency_proxy, upstream, administrator, NAMES)


# Headers


@pytest.mark.parametrize("name", ["X-Gate-Secret", "X_Gate_Secret", "x-gate-secret", "X-Gate-Secret "])
@pytest.mark.parametrize("right", [True, False])
def test_gate_through_nginx(front: Front, name: str, right: bool) -> None:
    """The gate cannot be asked from outside, with the secret neither."""
    secret = gate_secret(front.proxy) if right else "wrong"
    headers = [f"{name}: {secret}", "X-Original-Method: GET", f"X-Original-URI: /v2/{VICTIM}/manifests/1"]
    asked = [front.raw(f"{method} {GATE} HTTP/1.1", *headers, jwt=front.victim) for method in ("GET", "HEAD", "POST", "DELETE")]

    assert {answer.status for found in asked for answer in found} <= {400, 404}


def test_gate_asked_directly(front: Front) -> None:
    """Without the secret it looks like any address where nothing is, whatever the method and however well the rest is guessed."""
    guessed = gate_headers(front, f"/v2/{VICTIM}/manifests/1", front.victim)
    for headers in ({}, {**guessed, "X-Gate-Secret": ""}, {**guessed, "X-Gate-Secret": "wrong"}, {**guessed, "X-Gate-Secret": "\xff"}):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "INVENTED"):
            gate, nothing = (call(f"{front.server.url}{path}", method=method, headers=headers) for path in (GATE, "/nothing"))
            assert (gate.status, gate.body) == (404, nothing.body), method
            assert {**gate.headers, "date": ""} == {**nothing.headers, "date": ""}, method
    secret = {"X-Gate-Secret": gate_secret(front.proxy)}
    assert call(f"{front.server.url}{GATE}", headers=guessed | secret).status == 204
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert call(f"{front.server.url}{GATE}", method=method, headers=guessed | secret).status == 404


FORGED = {
    "X-Original-Method": "GET",
    "X-Original-URI": f"/v2/{THIEF}/manifests/1",
    "X-Normalized-Path": f"/v2/{THIEF}/manifests/1",
    "X-Store-Authorization": "Bearer x",
    "X-Cache-Authorization": "Bearer x",
    "X-Cache": "127.0.0.1:1",
    "X-Cache-Repository": VICTIM,
    "X-On-Missing": "read",
    "X-Keep-Query": "1",
    "X-Refusal-Status": "200",
    "X-Refusal-Body": "forged",
    "X-Accel-Redirect": GATE,
    "X-HTTP-Method-Override": "DELETE",
    "X-Real-IP": "127.0.0.1",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Host": "forged.example",
    "X-Forwarded-Proto": "https",
    "X-Rewrite-URL": f"/v2/{THIEF}/manifests/1",
    "Forwarded": "for=127.0.0.1;host=forged.example",
}


def test_headers_of_the_gate_sent_by_a_client(front: Front) -> None:
    """None of them opens another group's image, changes where the own one comes from, or comes back in an answer."""
    for forged in (*({name: value} for name, value in FORGED.items()), FORGED, {"X-Gate-Secret": gate_secret(front.proxy), **FORGED}):
        headers = [f"{name}: {value}" for name, value in forged.items()]
        for place in ("manifests/1", *front.secret.places, "tags/list"):
            (answer,) = front.raw(f"GET /v2/{VICTIM}/{place} HTTP/1.1", *headers)
            assert insufficient(answer) == f"repository:{VICTIM}:pull"
        (own,) = front.raw(f"GET /v2/{CACHED}/manifests/1 HTTP/1.1", *headers)
        (begun,) = front.raw(
            f"POST /v2/{THIEF}/blobs/uploads/?mount={digest_of(front.secret.layer)}&from={VICTIM} HTTP/1.1", *headers, "Content-Length: 0"
        )
        assert (own.status, own.body) == (200, front.cached.manifest)
        assert (begun.status, begun.headers["location"].startswith(f"/v2/{THIEF}/blobs/uploads/")) == (202, True)
        (base,) = front.raw("GET /v2/ HTTP/1.1", *headers, jwt="x")
        assert challenge(base)["realm"] == f"{front.server.url}/jwt/auth"
    front.unharmed()


@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        (["X-Long: " + "a" * 45_000], {431}),
        ([f"X-{number}: {'a' * 1000}" for number in range(200)], {431}),
        (["Authorization: Bearer {victim}"], {400}),
        (["Authorization : Bearer {victim}"], {400}),
        (["X-Folded: a", " b"], {400}),
        (["Content-Length: 0", "Content-Length: 5"], {400}),
        (["Content-Length: -1"], {400}),
        (["Content-Length: 0", "Transfer-Encoding: chunked"], {400}),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], {400, 501}),
        (["Transfer-Encoding: chunked, identity"], {501}),
        (["Transfer-Encoding: \x0bchunked"], {400, 501}),
        (["Host: second"], {400}),
        (["Upgrade: h2c", "HTTP2-Settings: x"], {401}),
        (["Expect: 100-continue"], {401}),
        (["Range: bytes=0-5"], {401}),
        (["If-None-Match: {digest}"], {401}),
        (["Accept: text/html"], {401}),
        (["Accept-Encoding: gzip"], {401}),
        (["X-Null: a\0b"], {400}),
        (["Cookie: a=b", "Origin: http://evil.example"], {401}),
    ],
    ids=lambda value: value[0][:40] if isinstance(value, list) else "",
)
def test_headers(front: Front, headers: Sequence[str], statuses: set[int]) -> None:
    """No header, repeated or malformed, gives the thief the victim's image."""
    written = [line.format(victim=front.victim, digest=f'"{front.secret.digest}"') for line in headers]

    found = front.raw(f"GET /v2/{VICTIM}/manifests/1 HTTP/1.1", *written)

    assert {answer.status for answer in found} <= statuses


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "dependency-proxy-store", 'a"b', "", "x" * 300, "{store}", "[::1]"])
def test_host(front: Front, host: str) -> None:
    """The name that a client calls the server by decides nothing and is repeated nowhere."""
    lines = [f"Host: {host.format(store=front.proxy.store.host)}", "Connection: close"]
    for token, path in ((front.thief, VICTIM), (front.thief, THIEF), ("x", THIEF)):
        request = "\r\n".join(
            [f"GET /v2/{path}/manifests/1 HTTP/1.1", *lines, f"Authorization: Bearer {token}", *(f"{k}: {v}" for k, v in ACCEPT.items())]
        )
        (answer,) = front.harmless(answers(exchange(front.host, f"{request}\r\n\r\n".encode())))
        assert answer.status in ({200, 400} if (token, path) == (front.thief, THIEF) else {400, 401})
        assert "location" not in answer.headers
        if answer.status == 401:
            assert challenge(answer)["realm"] == f"{front.server.url}/jwt/auth"


@pytest.mark.parametrize(
    "target", ["http://evil.example/v2/{}", "http://{store}/v2/{}", "http://h/x/../v2/{}", "http://h//v2/{}", "https://h/v2/{}"]
)
def test_absolute_targets(front: Front, target: str) -> None:
    """A request target with a host in it (RFC 9112 section 3.2.2) is the same request, or none."""
    for name, wanted in ((VICTIM, {400, 401, 404}), (CACHED, {200, 400, 404})):
        address = target.format(f"{name}/manifests/1", store=front.proxy.store.host)
        (answer,) = front.raw(f"GET {address} HTTP/1.1")
        assert answer.status in wanted
        assert answer.status != 200 or answer.body == front.cached.manifest


# Bodies


def smuggled(front: Front) -> bytes:
    """Give a request that would delete the victim's image if anybody took it for one of a client with the right to it."""
    store = stolen(front, f"/v2/{VICTIM}/manifests/{front.secret.digest}", front.victim, "DELETE")["x-store-authorization"]
    lines = [f"DELETE /v2/{VICTIM}/manifests/{front.secret.digest} HTTP/1.1", "Host: h", f"Authorization: {store}", "", ""]
    return "\r\n".join(lines).encode()


def chunked(content: bytes) -> bytes:
    """Give a body in one chunk."""
    return f"{len(content):x}\r\n".encode() + content + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "path", [f"{VICTIM}/manifests/2", f"{THIEF}/manifests/2", f"{THIEF}/blobs/uploads/", f"{THIEF}/blobs/uploads/none", f"{B}/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("framing", ["chunked", "length", "both", "shorter", "bad chunk", "space"])
def test_requests_in_bodies(front: Front, framing: str, method: str, path: str) -> None:
    """A request in the body of another is never taken for one behind nginx, where an internal token would open what it asks for."""
    inner = smuggled(front)
    lines, body = {
        "chunked": (["Transfer-Encoding: chunked"], chunked(inner)),
        "length": ([f"Content-Length: {len(inner)}"], inner),
        "both": ([f"Content-Length: {len(chunked(b''))}", "Transfer-Encoding: chunked"], chunked(b"") + inner),
        "shorter": (["Content-Length: 0"], inner),
        "bad chunk": (["Transfer-Encoding: chunked"], b"0;x=" + b"y" * 20 + b"\n\r\n" + inner),
        "space": (["Transfer-Encoding : chunked", f"Content-Length: {len(chunked(b''))}"], chunked(b"") + inner),
    }[framing]
    head = [f"{method} /v2/{path} HTTP/1.1", "Host: h", f"Authorization: Bearer {front.thief}", *lines]
    after = f"GET /v2/{VICTIM}/manifests/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {front.thief}\r\n\r\n"

    found = front.harmless(answers(exchange(front.host, "\r\n".join([*head, "", ""]).encode() + body + after.encode())))

    # What nginx takes for a second request comes to the gate, to which an internal token is none.
    assert 1 <= len(found) <= 3
    assert {answer.status for answer in found[1:]} <= {400, 401}
    assert Repository(front.host, VICTIM, front.victim).status("HEAD", f"manifests/{front.secret.digest}") == 200


def test_refused_bodies_leave_the_connection_whole(front: Front) -> None:
    """Who is refused while sending a body in chunks gets the answers to this and the next request, and no others."""
    for head, body in (("Transfer-Encoding: chunked", chunked(b"x" * 100_000)), ("Content-Length: 100000", b"x" * 100_000)):
        lines = [f"PUT /v2/{VICTIM}/manifests/1 HTTP/1.1", "Host: h", f"Authorization: Bearer {front.thief}", head, "", ""]
        after = f"GET /v2/{CACHED}/manifests/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{_lines(ACCEPT | bearer(front.thief))}\r\n\r\n"
        found = front.harmless(answers(exchange(front.host, "\r\n".join(lines).encode() + body + after.encode())))
        assert [answer.status for answer in found] == [401, 200]
        assert found[1].body == front.cached.manifest


def _lines(headers: Mapping[str, str]) -> str:
    return "\r\n".join(f"{name}: {value}" for name, value in headers.items())
