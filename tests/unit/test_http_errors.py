"""Errors over HTTP: JSON on every path, method and status; nothing of this installation in a body."""

import logging

import pytest
from werkzeug.exceptions import Gone, HTTPException, ServiceUnavailable

from registry_auth.errors import TooManyWrongSecretsError
from registry_auth.values import Caller, Visibility
from tests.unit.installation import Installation, login

pytestmark = pytest.mark.one_store("refusals have their form without the store")

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"]
PATHS = ["/", "/jwt/auth", "/jwt/auth/", "/JWT/AUTH", "/jwt", "//jwt/auth", "/jwt//auth", "/jwt/auth/x", "/-/liveness", "/-/readiness"]
PATHS += [
    "/.well-known/jwks.json",
    "/v2/",
    "/api",
    "/api/",
    "/api/v4/projects",
    "/api/v4/groups/1/members/2",
    "/api/v4/users/x",
    "/api/v4/openapi.json",
    "/static/x",
    "/favicon.ico",
    "/%00",
    "/%ff%fe",
    "/../etc/passwd",
    "/<script>",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_json_or_empty(installation: Installation, path: str) -> None:
    """No method on any path is answered with HTML, a redirect, or an error of ours."""
    client = installation.client
    for method in METHODS:
        response = client.open(path, method=method)
        assert response.status_code in {200, 400, 401, 404, 405}, (method, path)
        assert response.content_type == "application/json", (method, path)
        assert not response.data or response.is_json
        assert b"<" not in response.data.replace(b"<script>", b"")
        assert method != "HEAD" or response.data == b""


def test_one_page_alone_is_html(installation: Installation) -> None:
    """The documentation is the only HTML; its refusals are JSON like all others."""
    rules = {rule.rule for rule in installation.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = {rule for rule in rules if "html" in (installation.client.get(rule.replace("<", "").replace(">", "")).content_type or "")}
    assert pages == {"/api/docs"}
    assert installation.client.post("/api/docs").content_type == "application/json"


@pytest.mark.parametrize(
    ("path", "status", "keys"),
    [
        ("/jwt/auth/x", 404, {"errors", "error", "error_description"}),
        ("/jwt/auth", 405, {"errors", "error", "error_description"}),
        ("/api/v4/x", 404, {"error"}),
        ("/api/v4/user", 405, {"error"}),
        ("/api", 404, {"errors", "error", "error_description"}),
    ],
)
def test_each_door_has_its_form(installation: Installation, path: str, status: int, keys: set[str]) -> None:
    """What is refused before a view is known is answered as the door does whose prefix the path has."""
    response = installation.client.patch(path)
    assert response.json is not None
    assert (response.status_code, response.json.keys(), response.headers["Cache-Control"]) == (status, keys, "no-store")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_wrong_method_names_the_right_ones(installation: Installation, method: str) -> None:
    """405 comes with the header Allow."""
    response = installation.client.open("/jwt/auth", method=method)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert response.headers["Cache-Control"] == "no-store"


def test_options_names_the_methods(installation: Installation) -> None:
    """OPTIONS needs no credential and says what there is."""
    response = installation.client.options("/jwt/auth")
    assert (response.status_code, response.data) == (200, b"")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


def test_head_is_get_without_a_body(installation: Installation) -> None:
    """HEAD has the status of GET."""
    assert installation.client.head("/jwt/auth").status_code == 200
    assert installation.client.head("/jwt/auth", headers={"Authorization": "x"}).status_code == 401


@pytest.mark.parametrize(
    ("method", "query", "status"), [("GET", "", 200), ("GET", "service=x", 404), ("HEAD", "", 200), ("HEAD", "service=x", 404)]
)
def test_each_header_comes_once_and_the_length_is_right(installation: Installation, method: str, query: str, status: int) -> None:
    """HEAD has the length of the body that GET would have, as near as a token's length can be known."""
    response = installation.client.open("/jwt/auth", method=method, query_string=query)
    names = [name for name, _ in response.headers]
    assert response.status_code == status
    assert sorted(names) == sorted({"Content-Type", "Cache-Control", "Content-Length"})
    shown = response if method == "GET" else installation.client.get("/jwt/auth", query_string=query)
    assert int(response.headers["Content-Length"]) == len(shown.data)


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example.com", "[::1", "exa mple", "é.example.com", "", ":1"])
def test_name_that_the_server_was_reached_by_has_no_say(installation: Installation, host: str) -> None:
    """Whatever the header Host says, it is the same server."""
    installation.project("app", Visibility.PUBLIC)
    response = installation.client.get("/jwt/auth?scope=repository:app:pull", headers={"Host": host})
    assert response.status_code == 200
    assert response.json is not None
    assert installation.claims(response.json["token"])["access"] == [{"type": "repository", "name": "app", "actions": ["pull"]}]
    assert installation.client.get("/nowhere", headers={"Host": host}).status_code == 404


def test_unknown_address_says_where_tokens_are(installation: Installation) -> None:
    """Whoever has the wrong address learns the right one."""
    response = installation.client.get("/auth")
    assert response.status_code == 404
    assert response.json is not None
    assert response.json["errors"] == [
        {"code": "UNSUPPORTED", "message": "There is nothing at this address. Tokens are issued at /jwt/auth.", "detail": None}
    ]


@pytest.mark.both_stores
@pytest.mark.parametrize("fault", ["no database", "table missing", "no key"])
def test_outage_is_503_and_names_no_file(installation: Installation, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """A failing store or key ring is 503 with Retry-After, never an empty grant; the reason is for the log alone."""
    installation.project("app")
    headers = login(installation.token("app"))
    client = installation.client
    if fault == "no database":
        installation.store.take_away()
    elif fault == "table missing":
        with installation.database.schema_change() as connection:
            connection.exec_driver_sql("DROP TABLE deploy_token_secrets")
    else:
        (installation.keys_dir / "private" / "ca.pem").chmod(0o644)
        installation.clock.advance(days=90)
    response = client.get("/jwt/auth?scope=repository:app:pull", headers=headers)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.json is not None
    assert response.json["errors"][0]["code"] == "UNKNOWN"
    assert response.json["error"] == "temporarily_unavailable"
    for secret in (str(installation.root), "registry-auth.db", "ca.pem", "SELECT", "sqlite"):
        assert secret not in response.text
    (line,) = [record.getMessage() for record in caplog.records if record.name == "registry_auth.http_errors"]
    assert line.startswith("unavailable: ")


def test_unexpected_exception_is_500_without_a_trace(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours is JSON for the client, and a trace in the log."""

    def fail(*_arguments: object) -> Caller:
        raise RuntimeError("inner secret of /etc/x")

    monkeypatch.setattr("registry_auth.credentials.authentication.Authentication.caller", fail)
    response = installation.client.get("/jwt/auth", headers={"Authorization": "Basic YTpi"})
    assert response.status_code == 500
    assert response.json is not None
    assert response.json["errors"] == [
        {"code": "UNKNOWN", "message": "The token server made a mistake; its log says more.", "detail": None}
    ]
    assert response.json["error"] == "server_error"
    assert "inner" not in response.text
    assert "inner secret of /etc/x" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


def test_too_many_wrong_secrets_are_429_with_the_time_to_wait(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A throttled log-in reads how long to wait, in the body and in Retry-After, and the log tells who it is."""

    def fail(*_arguments: object) -> Caller:
        raise TooManyWrongSecretsError(42, "for this user name from this address", who="caller='a' credential=None")

    monkeypatch.setattr("registry_auth.credentials.authentication.Authentication.caller", fail)
    response = installation.client.get("/jwt/auth", headers={"Authorization": "Basic YTpi"})
    message = "Too many wrong secrets for this user name from this address. Try again in 42 seconds."
    assert (response.status_code, response.headers["Retry-After"]) == (429, "42")
    assert "WWW-Authenticate" not in response.headers
    assert response.json == {
        "errors": [{"code": "TOOMANYREQUESTS", "message": message, "detail": None}],
        "error": "slow_down",
        "error_description": message,
    }
    assert caplog.messages == [f"refused: status=429 address=127.0.0.1 caller='a' credential=None reason={message}"]


@pytest.mark.parametrize(
    ("error", "status", "message"), [(ServiceUnavailable(retry_after=7), 503, "Service Unavailable"), (Gone(), 410, "Gone")]
)
def test_exceptions_of_the_framework_are_json_too(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, error: HTTPException, status: int, message: str
) -> None:
    """What Werkzeug raises keeps its status and its useful headers."""

    def fail(*_arguments: object) -> Caller:
        raise error

    monkeypatch.setattr("registry_auth.credentials.authentication.Authentication.caller", fail)
    response = installation.client.get("/jwt/auth", headers={"Authorization": "Basic YTpi"})
    assert (response.status_code, response.headers.get("Retry-After")) == (status, "7" if status == 503 else None)
    assert response.json is not None
    assert response.json["errors"][0]["message"] == message
