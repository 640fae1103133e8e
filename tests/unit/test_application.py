"""The application as a whole: its routes, its guards, and how it is built from the environment."""

import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from registry_auth.application import create_app, worker_app
from registry_auth.last_use import LastUses
from registry_auth.services import utc_now
from registry_auth.serving import prepare_installation
from registry_auth.values import CallerKind
from tests.unit.installation import Installation, basic, installed_at
from tests.unit.rest_api.role_table import OPERATIONS
from tests.unit.server_secrets import replace_server_secret
from tests.unit.token_kinds import DEPLOY_TOKEN, USERNAME, furnish

# Every route, with what stands between a caller and what it gives. A new route fails the test until it is listed here (S7).
ROUTES = {
    ("GET", "/jwt/auth"): "Authentication.caller unless no Authorization header is sent; every scope goes through authorization.grant",
    ("POST", "/jwt/auth"): "Authentication.caller, always; every scope goes through authorization.grant",
    ("GET", "/v2/"): "PresentedTokens.read: a token for the dependency proxy whose credential is looked up; gives one constant word",
    ("GET", "/dependency_proxy/gate"): "gate secret of nginx, without which there is nothing; PresentedTokens.read and authorization.grant",
    ("GET", "/-/liveness"): "open: one constant word",
    ("GET", "/-/readiness"): "open: one word for each part, and which of the keys end soon",
    ("GET", "/.well-known/jwks.json"): "open: public keys",
    ("GET", "/api/v4/openapi.json"): "open: the description, the same for everybody",
    ("GET", "/api/docs"): "open: the description as a page",
}


def operation_route(operation: str) -> tuple[str, str]:
    """Give method and rule of an operation of the REST API, whose guards are tested by their table of roles."""
    method, _, path = operation.partition(" ")
    return method, "/api/v4" + path.replace("{id}", "<path:id>").replace("{", "<").replace("}", ">")


@pytest.fixture
def restored_signal_mask() -> Iterator[None]:
    """Give the signal mask back as it was before a worker was set up in this process."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_every_route_is_listed_with_its_guard(installation: Installation) -> None:
    """There is no route that nobody thought about."""
    rules = installation.app.url_map.iter_rules()
    routes = {(method, rule.rule) for rule in rules for method in rule.methods or () if method not in {"HEAD", "OPTIONS"}}
    assert routes == set(ROUTES) | set(map(operation_route, OPERATIONS))


def test_every_open_route_tells_everybody_the_same(installation: Installation) -> None:
    """What is open has one answer for whoever asks, whatever is sent along."""
    client = installation.client
    for path in (path for (_, path), guard in ROUTES.items() if guard.startswith("open: ")):
        credentials: list[dict[str, str]] = [{}, {"PRIVATE-TOKEN": "wrong"}, {"Authorization": "Basic eDp5"}, {"Cookie": "session=x"}]
        answers = {(answer.status_code, answer.data) for answer in (client.get(path, headers=headers) for headers in credentials)}
        assert len(answers) == 1, path
        assert client.get(path, query_string={"account": "admin"}).status_code == 200


@pytest.mark.parametrize("is_on", [True, False])
def test_routes_are_the_same_with_the_dependency_proxy_switched_off(installation: Installation, is_on: bool) -> None:
    """Without a log-in its base is refused and its gate is not there, be it on or off; the gate answers as any address where nothing is."""
    app = create_app(installation.settings.model_copy(update={"dependency_proxy_enabled": is_on}))
    client = app.test_client()
    base, gate, nowhere = (client.get(path) for path in ("/v2/", "/dependency_proxy/gate", "/dependency_proxy/nowhere"))
    app.extensions["registry_auth"].close()
    assert base.status_code == (401 if is_on else 404)
    assert (gate.status_code, gate.data) == (nowhere.status_code, nowhere.data)
    assert gate.status_code == 404


@pytest.mark.usefixtures("restored_signal_mask")
def test_dependency_proxy_is_set_up_from_the_environment(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the name that the environment gives, in tokens and in challenges."""
    assert environment.is_dir()
    monkeypatch.setenv("REGISTRY_AUTH_DEPENDENCY_PROXY_SERVICE", "my-proxy")
    prepare_installation()
    app = worker_app()
    client = app.test_client()
    challenge = client.get("/v2/").headers["WWW-Authenticate"]
    response = client.get("/jwt/auth?service=my-proxy")
    app.extensions["registry_auth"].close()
    assert challenge == 'Bearer realm="http://127.0.0.1:5001/jwt/auth",service="my-proxy"'
    assert response.json is not None
    assert installed_at(environment, utc_now()).claims(response.json["token"])["aud"] == "my-proxy"


def test_no_static_files_or_debugging(installation: Installation) -> None:
    """Nothing is served from the disk, and nothing is shown of the inside."""
    assert installation.app.static_folder is None
    assert not installation.app.debug


@pytest.mark.usefixtures("restored_signal_mask")
def test_worker_is_set_up_from_the_environment(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker serves with the names that the environment gives, on what `serve` prepared."""
    monkeypatch.setenv("REGISTRY_AUTH_SERVICE", "my-registry")
    monkeypatch.setenv("REGISTRY_AUTH_ISSUER", "my-issuer")
    monkeypatch.setenv("REGISTRY_AUTH_TOKEN_LIFETIME", "60")
    prepare_installation()
    app = worker_app()
    response = app.test_client().get("/jwt/auth?service=my-registry")
    app.extensions["registry_auth"].close()
    assert response.json is not None
    assert response.json["expires_in"] == 60
    claims = installed_at(environment, utc_now()).claims(response.json["token"])
    assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == ("my-issuer", "my-registry", 90)


def test_closing_writes_what_waits(installation: Installation) -> None:
    """A worker that ends has written the last uses of tokens, and the digests of the newer server secret."""
    furnish(installation)
    secret = DEPLOY_TOKEN.make(installation)
    app, new = installation.app, replace_server_secret(installation)
    assert app.test_client().get("/jwt/auth", headers=basic(USERNAME, secret)).status_code == 200
    app.extensions["registry_auth"].close()
    assert DEPLOY_TOKEN.key_ids(installation) == [new.id]
    assert LastUses(installation.database).of_one(CallerKind.DEPLOY_TOKEN, 1) is not None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/jwt/auth", 400),
        ("DELETE", "/jwt/auth", 405),
        ("GET", "/jwt/auth", 200),
        ("POST", "/nowhere", 404),
        ("POST", "/api/v4/nowhere", 404),
        ("POST", "/api/v4/projects", 401),
        ("DELETE", "/api/v4/projects/1", 404),
        ("POST", "/-/liveness", 405),
        ("GET", "/v2/", 401),
        ("POST", "/v2/", 405),
        ("GET", "/dependency_proxy/gate", 404),
    ],
)
def test_every_body_is_read_before_the_answer(installation: Installation, method: str, path: str, status: int) -> None:
    """A refusal leaves nothing of the body in the connection: the web server would close it under the client's next request."""
    body = BytesIO(b"{" * 1_000)
    response = installation.client.open(path, method=method, input_stream=body, content_length=1_000, content_type="application/json")
    assert (response.status_code, body.read()) == (status, b"")
