"""`/v2/` and the gate over HTTP: what is answered, what is hidden, and what is logged."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from registry_auth.dependency_proxy.views import GATE_PATH
from registry_auth.values import NamespaceKind, TokenHeader, TokenScope
from tests.unit.dependency_proxy.door import ADDRESS, GATE, REALM, Door, Passed, Refused, bearer, image, read_refusal
from tests.unit.dependency_proxy.kinds import DIGEST, KINDS
from tests.unit.installation import Installation, basic, login, secret_of

pytestmark = pytest.mark.one_store("the decision is made on what was looked up; the look-ups have tests of their own")

WRITE = (TokenScope.WRITE_VIRTUAL_REGISTRY,)
ALPINE = image("g")
URI = f"/v2/{ALPINE}/manifests/latest"
START = f'Bearer realm="{REALM}",service="dependency_proxy"'
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "X"]


@pytest.fixture(autouse=True)
def world(installation: Installation) -> Installation:
    """Make a group."""
    installation.group("g")
    return installation


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Log everything, the libraries too."""
    caplog.set_level(logging.DEBUG)
    return caplog


def robot(world: Installation) -> dict[str, str]:
    """Make a deploy token of the group, and give the log-in."""
    return login(world.token("g", WRITE, kind=NamespaceKind.GROUP, username="robot"))


def whole(response: TestResponse) -> tuple[str, list[tuple[str, str]], bytes]:
    """Give everything that an answer tells."""
    return response.status, sorted(response.headers), response.data


@pytest.mark.both_stores
@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_base_challenges_and_lets_in(world: Installation, door: Door, path: str) -> None:
    """Clients find the token endpoint here, and try their token; whatever it grants, a good one is let in."""
    client = door.app.test_client()
    log_in = robot(world)
    revoked = world.token("g", WRITE, kind=NamespaceKind.GROUP)
    dead = door.token_for(login(revoked), ALPINE)
    world.deploy_tokens.revoke(revoked.token.id)
    cases: list[tuple[dict[str, str], str]] = [
        ({}, ""),
        (log_in, ""),
        (bearer(""), ',error="invalid_token"'),
        (bearer("x.y.z"), ',error="invalid_token"'),
        (bearer(dead), ',error="invalid_token"'),
        (bearer(door.token(None, service="container_registry")), ',error="invalid_token"'),
        (bearer(door.token(None)), ',error="insufficient_scope"'),
    ]
    for headers, word in cases:
        response = client.get(path, headers=headers)
        assert (response.status_code, response.content_type) == (401, "application/json")
        assert response.headers["WWW-Authenticate"] == START + word
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert response.headers["Cache-Control"] == "no-store"
        assert [error["code"] for error in json.loads(response.data)["errors"]] == ["DENIED" if "scope" in word else "UNAUTHORIZED"]
    for token in (door.token(log_in), door.token_for(log_in, ALPINE)):
        response = client.get(path, headers=bearer(token))
        assert (response.status_code, response.json, response.headers.get("WWW-Authenticate")) == (200, {}, None)
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    world.clock.advance(seconds=900)
    assert client.get(path, headers=bearer(token)).headers["WWW-Authenticate"] == START + ',error="invalid_token"'


def test_base_needs_no_secret_and_has_no_other_method(door: Door) -> None:
    """The secret of nginx has no say at `/v2/`, and whatever else is done there is answered in JSON."""
    client = door.app.test_client()
    assert whole(client.get("/v2/", headers={"X-Gate-Secret": door.secret})) == whole(client.get("/v2/"))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = client.open("/v2/", method=method)
        assert (response.status_code, response.content_type) == (405, "application/json")


def test_switched_off_installation_says_so(world: Installation, doors: Callable[..., Door]) -> None:
    """With the feature off `/v2/` and the gate say that to everybody, whatever token there was, and issue no challenge."""
    token = doors().token_for(robot(world), ALPINE)
    door = doors(dependency_proxy_enabled=False)
    client = door.app.test_client()
    off = "The dependency proxy is switched off in this installation."
    for headers in ({}, bearer(token), bearer("x")):
        response = client.get("/v2/", headers=headers)
        assert (response.status_code, response.headers.get("WWW-Authenticate")) == (404, None)
        assert response.json == {"errors": [{"code": "NAME_UNKNOWN", "message": off, "detail": None}]}
    for uri in (URI, "/nothing"):
        for shown in (None, token, "x"):
            assert door.read(door.ask("GET", uri, shown)) == Refused(404, "NAME_UNKNOWN", off, None)
    assert door.ask("GET", URI, token, X_Gate_Secret="").status_code == 404


def nowhere(door: Door, method: str, headers: Mapping[str, str] | None = None, data: bytes = b"") -> tuple[TestResponse, TestResponse]:
    """Send one request to the gate and to an address where nothing is."""
    client = door.app.test_client()
    gate, nothing = (client.open(path, method=method, headers=headers, data=data) for path in (GATE, "/dependency_proxy/other"))
    return gate, nothing


def nginx_headers(secret: str | None, token: str) -> dict[str, str]:
    """Give the headers of a request that would pass, with a secret or without."""
    asked = {"X-Original-Method": "GET", "X-Original-URI": URI, "X-Normalized-Path": URI, "X-Real-IP": ADDRESS, **bearer(token)}
    return asked if secret is None else asked | {"X-Gate-Secret": secret}


@pytest.mark.parametrize("method", METHODS)
def test_gate_is_no_address_to_who_is_not_nginx(world: Installation, door: Door, log: pytest.LogCaptureFixture, method: str) -> None:
    """Without the secret to the letter the whole answer is that of an address where nothing is, by every method, and so is the log."""
    token = door.token_for(robot(world), ALPINE)
    secret = door.secret
    wrong = [
        None,
        "",
        " ",
        "x",
        secret[:-1],
        f"{secret}0",
        secret.upper(),
        secret[::-1],
        f'"{secret}"',
        f"{secret},{secret}",
        "\xff" * 64,
        "0" * 64,
    ]
    for shown in wrong:
        log.clear()
        gate, nothing = nowhere(door, method, nginx_headers(shown, token))
        assert whole(gate) == whole(nothing)
        assert gate.status_code == 404
        assert log.records == []
    client = door.app.test_client()
    for query in (f"X-Gate-Secret={secret}", f"secret={secret}"):
        assert whole(client.open(f"{GATE}?{query}", method=method)) == whole(client.open("/nothing", method=method))
    underscored = client.open(
        GATE, method=method, headers={"Gate-Secret": secret, "X-GateSecret": secret, "Cookie": f"X-Gate-Secret={secret}"}
    )
    assert whole(underscored) == whole(client.open("/nothing", method=method))


@pytest.mark.parametrize("method", [method for method in METHODS if method not in {"GET", "HEAD"}])
def test_gate_has_no_other_method(world: Installation, door: Door, method: str) -> None:
    """The question of nginx is a GET; anything else is answered as if nothing were there, with the secret too."""
    gate, nothing = nowhere(door, method, nginx_headers(door.secret, door.token_for(robot(world), ALPINE)))
    assert whole(gate) == whole(nothing)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_gate_hides_from_large_bodies(door: Door, method: str) -> None:
    """A body over the limit is refused at the gate as it is where nothing is."""
    gate, nothing = nowhere(door, method, data=b"x" * 300_000)
    assert whole(gate) == whole(nothing)


def test_gate_is_not_found_under_other_names(door: Door) -> None:
    """Only the one address is asked by nginx; what looks like it is nothing, with the secret too."""
    assert GATE_PATH == GATE
    client = door.app.test_client()
    headers = nginx_headers(door.secret, "x")
    for path in (
        f"{GATE}x",
        f"{GATE}/x",
        f"/{GATE}",
        "/dependency_proxy",
        "/dependency_proxy/",
        GATE.upper(),
        f"/v2{GATE}",
        f"/api/v4/..{GATE}",
    ):
        assert client.get(path, headers=headers).status_code == 404
        assert not [name for name, _ in client.get(path, headers=headers).headers if name.startswith("X-")]


@pytest.mark.parametrize(
    ("method", "uri", "shown", "status", "code", "challenge"),
    [
        ("GET", URI, None, 401, "UNAUTHORIZED", f'{START},scope="repository:{ALPINE}:pull"'),
        ("PUT", f"{URI}?x=y", None, 401, "UNAUTHORIZED", f'{START},scope="repository:{ALPINE}:pull,push"'),
        ("DELETE", URI, None, 401, "UNAUTHORIZED", f'{START},scope="repository:{ALPINE}:delete"'),
        ("POST", f"/v2/{ALPINE}/blobs/uploads/", None, 401, "UNAUTHORIZED", f'{START},scope="repository:{ALPINE}:pull,push"'),
        ("GET", URI, "x.y.z", 401, "UNAUTHORIZED", f'{START},scope="repository:{ALPINE}:pull",error="invalid_token"'),
        ("GET", URI, "anonymous", 401, "DENIED", f'{START},scope="repository:{ALPINE}:pull",error="insufficient_scope"'),
        ("GET", "/v2/", None, 404, "NAME_UNKNOWN", None),
        ("GET", "/v2/alpine/manifests/latest", None, 404, "NAME_UNKNOWN", None),
        ("GET", URI.replace("/manifests", "%2fmanifests"), None, 404, "NAME_UNKNOWN", None),
        ("POST", URI, None, 405, "UNSUPPORTED", None),
        ("", URI, None, 405, "UNSUPPORTED", None),
    ],
)
def test_refusals_for_nginx(door: Door, method: str, uri: str, shown: str | None, status: int, code: str, challenge: str | None) -> None:
    """Every refusal is a 403 for nginx, with what the client gets in headers; only a 401 has a challenge, with the scope that is needed."""
    token = door.token(None) if shown == "anonymous" else shown
    refused = door.read(door.ask(method, uri, token))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code, refused.challenge) == (status, code, challenge)


@pytest.mark.parametrize("missing", ["X_Original_Method", "X_Original_URI", "X_Normalized_Path", "X_Real_IP"])
def test_headers_that_nginx_did_not_send(world: Installation, door: Door, missing: str) -> None:
    """An incomplete question is refused, but for the address, which is only logged."""
    answer = door.read(door.ask("GET", URI, door.token_for(robot(world), ALPINE), **{missing: ""}))
    assert isinstance(answer, Passed) is (missing == "X_Real_IP")


@pytest.mark.both_stores
@pytest.mark.parametrize("header", TokenHeader)
def test_registries_behind_need_the_ca_alone(world: Installation, doors: Callable[..., Door], header: TokenHeader) -> None:
    """Whatever registries elsewhere need, so that keys change without a restart of these; and clients bring what they got."""
    door = doors(token_header=header)
    token = door.token_for(robot(world), ALPINE)
    passed = door.about("GET", ALPINE, "manifests/latest", token)
    assert isinstance(passed, Passed)
    assert ("x5c" in jwt.get_unverified_header(token)) is (header is TokenHeader.X5C)
    for name in ("X-Store-Authorization", "X-Cache-Authorization"):
        assert "x5c" in jwt.get_unverified_header(passed.headers[name].removeprefix("Bearer "))


def test_answer_to_what_passes(world: Installation, door: Door) -> None:
    """It is empty and has these headers and no others, whatever was asked."""
    token = door.token_for(robot(world), ALPINE)
    read = {"X-Store-Authorization", "X-On-Missing", "X-Cache-Authorization", "X-Cache", "X-Cache-Repository"}
    for kind in KINDS:
        response = door.ask(kind.method, f"/v2/{ALPINE}/{kind.place}", token)
        passed = door.read(response)
        assert isinstance(passed, Passed)
        assert set(passed.headers) == (read if passed.cache is not None else {"X-Store-Authorization", "X-On-Missing"})
        assert {name for name, _ in response.headers if not name.startswith("X-")} <= {"Cache-Control", "Content-Type"}
        assert all(value.isascii() and value.isprintable() for _, value in response.headers)


WSGI_TEXT = st.binary(max_size=60).map(lambda data: data.decode("latin-1"))
PARTS = st.sampled_from(
    ["/v2/", ALPINE, image("é"), "/manifests/", "latest", "\r\nX-Evil: 1", "\n", "%0d%0a", '"', "\\", "\x00", "?", "mount=", "\x7f", "\x85"]
)
ASKED = WSGI_TEXT | st.lists(PARTS | WSGI_TEXT, max_size=6).map("".join)
AGAIN = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@AGAIN
@given(method=st.sampled_from(METHODS) | ASKED, uri=ASKED, normalized=ASKED | st.none(), shown=st.none() | ASKED)
def test_whatever_is_asked_is_refused_in_one_line(door: Door, method: str, uri: str, normalized: str | None, shown: str | None) -> None:
    """Methods, addresses and tokens of any text give a refusal whose headers are single lines of ASCII."""
    path = uri.partition("?")[0] if normalized is None else normalized
    response = door.ask(method, uri, shown, X_Normalized_Path=path)
    assert isinstance(door.read(response), Refused)
    for name, value in response.headers:
        assert f"{name}{value}".isascii()
        assert f"{name}{value}".isprintable()
        assert "evil" not in name.lower()


@AGAIN
@given(token=ASKED, address=ASKED, scheme=st.sampled_from(["Bearer ", "bearer", "", "Basic "]))
def test_whatever_is_shown_for_a_good_address_is_refused(door: Door, token: str, address: str, scheme: str) -> None:
    """Tokens of any text are no tokens, and a challenge tells nothing of them."""
    refused = read_refusal(door.ask("GET", URI, AUTHORIZATION=scheme + token, X_Real_IP=address))
    assert (refused.status, refused.code) == (401, "UNAUTHORIZED")
    assert refused.challenge in {f'{START},scope="repository:{ALPINE}:pull"{word}' for word in ("", ',error="invalid_token"')}


@pytest.mark.both_stores
def test_store_that_does_not_answer(world: Installation, door: Door, log: pytest.LogCaptureFixture) -> None:
    """Without the database nothing passes and nothing is challenged: 503, and the reason is for the operator alone."""
    token = door.token_for(robot(world), ALPINE)
    door.app.extensions["registry_auth"].close()
    world.store.take_away()
    for method in ("GET", "PUT"):
        refused = door.read(door.ask(method, URI, token))
        assert isinstance(refused, Refused)
        assert (refused.status, refused.code, refused.challenge) == (503, "UNKNOWN", None)
        assert str(world.root) not in refused.message
    assert f"unavailable: The database {world.database.label} cannot be used" in log.text
    base = door.app.test_client().get("/v2/", headers=bearer(token))
    assert (base.status_code, base.headers.get("WWW-Authenticate")) == (503, None)
    assert door.read(door.ask("GET", URI)) != refused  # who shows no token needs no database


def refusals(log: pytest.LogCaptureFixture) -> list[str]:
    """Give the lines that tell of refusals."""
    return [record.getMessage() for record in log.records if record.getMessage().startswith("refused: ")]


def test_refusals_are_logged_with_the_client(world: Installation, door: Door, log: pytest.LogCaptureFixture) -> None:
    """The line names the client's address as nginx saw it, who it was, what was asked, why not; a credential that ended is a warning."""
    issued = world.token("g", [TokenScope.READ_VIRTUAL_REGISTRY], kind=NamespaceKind.GROUP, username="robot")
    token = door.token_for(login(issued), ALPINE)
    log.clear()
    door.ask("PUT", f"{URI}?x=y", token, X_Forwarded_For="198.51.100.9")
    door.ask("GET", "/v2/\xe9\r\nrefused: x", token)
    door.ask("GET", URI, "x.y.z")
    world.deploy_tokens.revoke(issued.token.id)
    door.ask("GET", URI, token)
    needed = "This log-in has no right to push here: its scopes are too few, it is not for this group, or there is no such group."
    first, second, third, fourth = refusals(log)
    assert first == f"refused: status=401 address={ADDRESS} caller='robot' credential=1 asked='PUT {URI}?x=y' reason={needed}"
    assert second.startswith(f"refused: status=404 address={ADDRESS} caller=unknown asked='GET /v2/é\\r\\nrefused: x' reason=")
    assert third.startswith(f"refused: status=401 address={ADDRESS} ")
    assert fourth.startswith(f"refused: status=401 address={ADDRESS} caller='robot' credential=1 ")
    assert [record.levelname for record in log.records] == ["INFO", "INFO", "INFO", "WARNING"]
    log.clear()
    door.app.test_client().get("/v2/", headers=bearer("x.y.z"), environ_base={"REMOTE_ADDR": "203.0.113.5"})
    (base,) = refusals(log)
    assert base.startswith("refused: status=401 address=203.0.113.5 ")
    assert "asked='GET /v2/'" in base


def test_beginning_of_the_protocol_is_not_logged(world: Installation, door: Door, log: pytest.LogCaptureFixture) -> None:
    """Every client comes without a token first, and old ones with a password; what passes is not logged either."""
    log_in = robot(world)
    token = door.token_for(log_in, ALPINE)
    log.clear()
    client = door.app.test_client()
    for method in ("GET", "PUT", "DELETE"):
        assert door.ask(method, URI).status_code == 403
        assert door.ask(method, URI, **log_in).status_code == 403
        assert door.ask(method, URI, token).status_code == 204
    for headers in ({}, log_in, bearer(token)):
        client.get("/v2/", headers=headers)
    assert log.records == []


def test_no_secret_is_logged_or_answered(world: Installation, door: Door, log: pytest.LogCaptureFixture) -> None:
    """Secrets in an address, tokens good and bad, internal tokens and the secret of the gate: no line and no refusal holds any (S17)."""
    issued = world.token("g", WRITE, kind=NamespaceKind.GROUP, username="robot")
    personal = world.personal_token(world.user("alice"))
    token, weak = door.token_for(login(issued), ALPINE), door.token(basic("alice", secret_of(personal)))
    log.clear()
    passed = door.ask("PUT", URI, token)
    secrets = [secret_of(issued), secret_of(personal)]
    jwts = [token, weak, passed.headers["X-Store-Authorization"].removeprefix("Bearer ")]
    jwts.append(door.ask("GET", URI, token).headers["X-Cache-Authorization"].removeprefix("Bearer "))
    answers = ""
    for secret in (*secrets, *jwts, door.secret):
        for uri in (
            f"/v2/{secret}/manifests/a",
            f"{URI}?token={secret}",
            f"{URI}{secret}",
            f"/v2/{'x' * 280}{secret}",
            f"/v2/{'x' * 250}{secret}",
        ):
            for shown in (weak, secret, f"{secret}x", f"x{secret}"):
                answers += str(whole(door.ask("GET" if secret in secrets else "PUT", uri if secret in secrets else URI, shown)))
    world.clock.advance(minutes=15)
    for shown in jwts:
        answers += str(whole(door.ask("GET", URI, shown)))
    answers = answers.replace(passed.headers["X-Store-Authorization"], "")
    assert len(refusals(log)) > 50
    said = log.text + "".join(f"{record.getMessage()}{record.exc_text}" for record in log.records)
    for secret in secrets:
        assert not [part for part in (secret, secret[:12], secret[-16:]) if part in said + answers]
    for token in jwts:
        assert token not in said
        assert token.split(".")[2] not in said
        assert token.split(".")[1] not in said
    assert door.secret not in said + answers
    assert "(secret)" in said


def test_addresses_are_logged_up_to_a_length(door: Door, log: pytest.LogCaptureFixture) -> None:
    """What anybody may send does not fill the log, and is struck out before it is cut."""
    door.ask("GET", "/" + "x" * 100_000, "t")
    door.ask("GET", "/" + "x" * 285 + "gldt-" + "a" * 32, "t")
    first, second = refusals(log)
    assert len(first) < 600
    assert "gldt" not in second


def test_gate_works_with_a_read_only_key_directory(tmp_path: Path, door: Door) -> None:
    """Nothing is written to answer."""
    before = sorted(door.installation.root.rglob("*"))
    assert tmp_path in door.installation.root.parents
    assert door.ask("HEAD", f"/v2/{ALPINE}/blobs/{DIGEST}").status_code == 403
    assert [
        path for path in sorted(door.installation.root.rglob("*")) if path not in before and path.suffix not in {".db-wal", ".db-shm"}
    ] == []
