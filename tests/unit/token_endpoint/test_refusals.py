"""`/jwt/auth` over HTTP: every refusal, its status, its code, and its one JSON form."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from registry_auth.application import create_app
from registry_auth.values import DEPLOY_TOKEN_SCOPES, NamespaceKind, TokenScope
from tests.unit.installation import Installation, basic, login, secret_of

FORM = "application/x-www-form-urlencoded"
GRANT = "grant_type=password&username=robot&password="
CHALLENGE = 'Basic realm="registry-auth", charset="UTF-8"'


@pytest.fixture
def served(installation: Installation) -> Installation:
    """Give an installation with a project."""
    installation.project("g/p")
    return installation


def error(response: TestResponse, status: int, code: str, oauth_error: str) -> str:
    """Check the form of a refusal, and give its message."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    document: Any = response.json
    message = document["error_description"]
    assert document == {
        "errors": [{"code": code, "message": message, "detail": None}],
        "error": oauth_error,
        "error_description": message,
    }
    assert re.fullmatch(r"[ !#-\[\]-~]+", message), "RFC 6749 section 5.2: printable ASCII without quotes and backslashes"
    assert response.headers.get("WWW-Authenticate") == (CHALLENGE if status == 401 else None)
    return str(message)


@contextmanager
def switched_off(installation: Installation) -> Iterator[FlaskClient]:
    """Give a client of a server that is the same but for the dependency proxy, which is off."""
    app = create_app(installation.settings.model_copy(update={"dependency_proxy_enabled": False}))
    try:
        yield app.test_client()
    finally:
        app.extensions["registry_auth"].close()


WRONG_SECRETS = ["", ":", "x", "a:b+c@d é", "x\x00y", "gldt-" + "x" * 32, "x" * 73, "x" * 1_000, "." * 8_000]


@pytest.mark.parametrize("secret", WRONG_SECRETS, ids=lambda secret: f"{secret[:8]!r}x{len(secret)}")
def test_wrong_secret_by_get_and_post(served: Installation, secret: str) -> None:
    """A wrong credential is 401, by both methods alike, and never falls back to anonymous (S6, S22)."""
    by_get = served.client.get("/jwt/auth", headers=basic("robot", secret))
    by_post = served.client.post("/jwt/auth", data={"grant_type": "password", "username": "robot", "password": secret})
    assert error(by_get, 401, "UNAUTHORIZED", "invalid_grant") == error(by_post, 401, "UNAUTHORIZED", "invalid_grant")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Basic YTr/",
        "Bearer a.b.c",
        "Basic " + "." * 1_048_576,
        "Basic \u00ff",
        "Negotiate x",
    ],
    ids=lambda header: f"{header[:12]!r}x{len(header)}",
)
def test_malformed_authorization_is_never_anonymous(served: Installation, header: str) -> None:
    """Whoever sends a header is not anonymous, whatever is in it (quirk 16, S3, S25)."""
    response = served.client.get("/jwt/auth", headers={"Authorization": header})
    assert "must be Basic" in error(response, 401, "UNAUTHORIZED", "invalid_grant")


def test_unknown_wrong_and_deleted_look_alike(served: Installation) -> None:
    """Body and headers are the same for an unknown user name, a wrong secret and a deleted token (S10)."""
    issued = served.token("g/p", username="robot")
    answers = []
    for headers in (basic("nobody", "x"), basic("robot", "gldt-" + "x" * 32), basic("nobody", secret_of(issued))):
        response = served.client.get("/jwt/auth", headers=headers)
        error(response, 401, "UNAUTHORIZED", "invalid_grant")
        answers.append((response.data, sorted(response.headers)))
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("", "invalid_request", "The parameter 'grant_type' is missing."),
        ("grant_type=password&username=a", "invalid_request", "The parameter 'password' is missing."),
        ("grant_type=password&password=a", "invalid_request", "The parameter 'username' is missing."),
        (GRANT + "x&password=y", "invalid_request", "The parameter 'password' was given more than once."),
        ("grant_type=refresh_token&refresh_token=a.b.c", "unsupported_grant_type", "Only the grant type 'password' is supported."),
        ("grant_type=authorization_code&code=x", "unsupported_grant_type", "Only the grant type 'password' is supported."),
    ],
)
def test_post_that_is_no_password_grant(served: Installation, body: str, code: str, message: str) -> None:
    """Missing and repeated parameters and other grants are 400 with their OAuth2 words (T6)."""
    response = served.client.post("/jwt/auth", data=body, content_type=FORM)
    assert error(response, 400, "UNSUPPORTED", code) == message


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", None])
def test_post_of_another_content_type(served: Installation, content_type: str | None) -> None:
    """Only a form is read."""
    response = served.client.post("/jwt/auth", data=b'{"grant_type":"password"}', content_type=content_type)
    assert FORM in error(response, 400, "UNSUPPORTED", "invalid_request")


@pytest.mark.parametrize(
    "body", [GRANT + "%ff%fe%00", GRANT + "%", "%00=%00&grant_type=password&username=%00&password=%00", GRANT + "x" * 100_000]
)
def test_odd_bytes_in_a_form_are_a_wrong_credential(served: Installation, body: str) -> None:
    """NUL, invalid UTF-8, broken escapes and 100 kB are 401 in JSON, and no error of ours (S22)."""
    error(served.client.post("/jwt/auth", data=body, content_type=FORM), 401, "UNAUTHORIZED", "invalid_grant")


@pytest.mark.parametrize("size", [262_145, 1_048_576])
def test_body_that_is_too_large(served: Installation, size: int) -> None:
    """A body over the limit is 413, whether it announces its length or is chunked; it is never read in part (S3)."""
    body = (GRANT + "." * size)[:size]
    chunked = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    for overrides in ({}, chunked):
        response = served.client.post("/jwt/auth", data=body, content_type=FORM, environ_overrides=overrides)
        assert error(response, 413, "UNSUPPORTED", "invalid_request") == "The request is too large."


def test_unknown_service_is_told_only_after_the_credential_check(served: Installation) -> None:
    """404 with the known services for whoever may ask; 401 for a wrong credential (D19, T14)."""
    unknown = {"service": "other"}
    for headers in ({}, login(served.token("g/p")), login(served.token("g/p", [TokenScope.READ_REPOSITORY]))):
        response = served.client.get("/jwt/auth", query_string=unknown, headers=headers)
        message = error(response, 404, "UNSUPPORTED", "invalid_target")
        assert message == "This server issues no tokens for the service 'other'. It knows: container_registry, dependency_proxy."
    wrong = served.client.get("/jwt/auth", query_string=unknown, headers=basic("a", "b"))
    error(wrong, 401, "UNAUTHORIZED", "invalid_grant")


@pytest.mark.parametrize(
    "service", ['a"b', "a\\b", "größe", "<script>", "a\nb", "\x00", "x" * 101, "gldt-" + "x" * 32, "CONTAINER_REGISTRY "]
)
def test_unknown_service_of_odd_form_is_not_repeated(served: Installation, service: str) -> None:
    """Only a word that cannot do harm, and is no secret, is shown again."""
    response = served.client.get("/jwt/auth", query_string={"service": service})
    message = error(response, 404, "UNSUPPORTED", "invalid_target")
    assert message == "This server issues no tokens for the service. It knows: container_registry, dependency_proxy."


def test_contradicting_services(served: Installation) -> None:
    """Two different services are 400, known or not."""
    for other in ("other", "dependency_proxy"):
        response = served.client.get(f"/jwt/auth?service=container_registry&service={other}")
        assert "'service' was given more than once" in error(response, 400, "UNSUPPORTED", "invalid_request")


def test_service_that_is_switched_off(served: Installation) -> None:
    """404 with a code of its own for everybody but wrong credentials; the list of services does not name it; the other one serves."""
    with switched_off(served) as client:
        for headers in ({}, login(served.token("g/p")), login(served.token("g", DEPLOY_TOKEN_SCOPES, kind=NamespaceKind.GROUP))):
            response = client.get("/jwt/auth?service=dependency_proxy", headers=headers)
            message = error(response, 404, "UNAVAILABLE", "invalid_target")
            assert message == "The service dependency_proxy is switched off in this installation."
        error(client.get("/jwt/auth?service=dependency_proxy", headers=basic("a", "b")), 401, "UNAUTHORIZED", "invalid_grant")
        assert error(client.get("/jwt/auth?service=x"), 404, "UNSUPPORTED", "invalid_target").endswith("It knows: container_registry.")
        assert client.get("/jwt/auth").status_code == 200


@pytest.mark.parametrize("scopes", [DEPLOY_TOKEN_SCOPES, [TokenScope.READ_VIRTUAL_REGISTRY], [TokenScope.READ_REPOSITORY]])
def test_project_token_at_the_dependency_proxy(served: Installation, scopes: list[TokenScope]) -> None:
    """403 by both methods, with the reason and no path of anything, whatever it asks and whatever scopes it has (D12, T8)."""
    issued = served.token("g/p", scopes)
    asked = {"service": "dependency_proxy", "scope": "repository:g/dependency_proxy/containers/alpine:pull"}
    form = {"grant_type": "password", "username": issued.token.username, "password": secret_of(issued)}
    for response in (
        served.client.get("/jwt/auth", query_string=asked, headers=login(issued)),
        served.client.get("/jwt/auth?service=dependency_proxy", headers=login(issued)),
        served.client.post("/jwt/auth", data=form | asked),
    ):
        message = error(response, 403, "DENIED", "access_denied")
        assert message.startswith("This deploy token is one of a project. The dependency proxy belongs to groups")
        assert "g/p" not in message


def test_group_token_without_a_virtual_scope_at_the_dependency_proxy(served: Installation) -> None:
    """The registry's own pair is 403 there, with the scope that is lacking (D11, D21, S5)."""
    issued = served.token("g", kind=NamespaceKind.GROUP)
    response = served.client.get("/jwt/auth?service=dependency_proxy", headers=login(issued))
    message = error(response, 403, "DENIED", "access_denied")
    assert message.startswith("This deploy token has only the scopes read_registry, write_registry.")
    assert "needs read_virtual_registry to pull" in message


@pytest.mark.parametrize(
    "scopes", [[scope] for scope in DEPLOY_TOKEN_SCOPES if "_registry" not in scope or "package" in scope or "virtual" in scope]
)
def test_credential_without_ability_learns_what_it_lacks(served: Installation, scopes: list[TokenScope]) -> None:
    """A good token without any registry scope is 403 at log-in, with what it has and what it lacks (D11, D21, S5)."""
    response = served.client.get("/jwt/auth", headers=login(served.token("g/p", scopes)))
    message = error(response, 403, "DENIED", "access_denied")
    assert scopes[0] in message
    assert "read_registry" in message
    assert "write_registry" in message


@pytest.mark.parametrize(("count", "form"), [(257, "repeated"), (10_000, "repeated"), (10_000, "joined")])
def test_too_many_scopes(served: Installation, count: int, form: str) -> None:
    """Beyond the documented limit the request is 400, however the scopes are written (S15)."""
    scopes = [f"repository:g/p{number}:pull" for number in range(count)]
    query = {"scope": scopes if form == "repeated" else " ".join(scopes)}
    response = served.client.get("/jwt/auth", query_string=query)
    message = error(response, 400, "UNSUPPORTED", "invalid_scope")
    assert message == f"The request has {count} scopes; at most 256 are answered at once."


def test_new_installation_accepts_no_credential(installation: Installation) -> None:
    """Nothing is shipped that could log in (S18)."""
    for username, secret in (("admin", "admin"), ("admin", "badmin"), ("root", ""), ("gitlab+deploy-token-1", "gldt-" + "a" * 32)):
        error(installation.client.get("/jwt/auth", headers=basic(username, secret)), 401, "UNAUTHORIZED", "invalid_grant")


@pytest.mark.parametrize("scopes", [[TokenScope.READ_API], [TokenScope.READ_VIRTUAL_REGISTRY, TokenScope.READ_API]])
def test_personal_access_token_without_ability_learns_what_it_lacks(served: Installation, scopes: list[TokenScope]) -> None:
    """`read_api` and what is for the dependency proxy open nothing here, even for an administrator: 403 with what is lacking (D21, D31)."""
    root = served.user("root", is_administrator=True)
    headers = basic("root", secret_of(served.personal_token(root, scopes)))
    held = "the scope read_api" if len(scopes) == 1 else "the scopes read_api, read_virtual_registry"
    for query in ({}, {"scope": "repository:g/p:pull"}, {"scope": "registry:catalog:*"}):
        message = error(served.client.get("/jwt/auth", query_string=query, headers=headers), 403, "DENIED", "access_denied")
        assert message.startswith(f"This personal access token has only {held}.")
        assert "read_registry" in message


def test_refusals_of_users_look_alike_unless_the_secret_is_right(served: Installation) -> None:
    """Unknown user, wrong password and wrong token are one answer; who holds the right secret is told of block and end (D22, S10)."""
    alice = served.user("alice", password="correct horse")
    token, revoked = served.personal_token(alice), served.personal_token(alice)
    served.personal_access_tokens.revoke(revoked.token.id)
    answers = []
    for headers in (
        basic("nobody", "correct horse"),
        basic("alice", "wrong horse"),
        basic("alice", "glpat-" + "x" * 32),
        basic("nobody", secret_of(token)),
        basic("nobody", secret_of(revoked)),
    ):
        response = served.client.get("/jwt/auth", headers=headers)
        error(response, 401, "UNAUTHORIZED", "invalid_grant")
        answers.append((response.data, sorted(response.headers)))
    assert all(answer == answers[0] for answer in answers)
    told = served.client.get("/jwt/auth", headers=basic("alice", secret_of(revoked)))
    assert error(told, 401, "UNAUTHORIZED", "invalid_grant") == "This personal access token was revoked on 2026-07-01."
    served.users.block(alice)
    for secret in ("correct horse", secret_of(token)):
        response = served.client.get("/jwt/auth", headers=basic("alice", secret))
        assert error(response, 401, "UNAUTHORIZED", "invalid_grant") == "Your account has been blocked."


def test_too_many_wrong_secrets_are_told_to_wait(served: Installation) -> None:
    """Beyond the limit wrong secrets and passwords are 429 with the seconds, by both methods; good tokens still log in (D28)."""
    alice = served.user("alice", password="correct horse")
    token = served.personal_token(alice)
    for number in range(10):
        error(served.client.get("/jwt/auth", headers=basic("alice", f"wrong horse {number}")), 401, "UNAUTHORIZED", "invalid_grant")
    form = {"grant_type": "password", "username": "alice", "password": "correct horse"}
    for response in (served.client.get("/jwt/auth", headers=basic("alice", "correct horse")), served.client.post("/jwt/auth", data=form)):
        assert "Try again in 60 seconds" in error(response, 429, "TOOMANYREQUESTS", "slow_down")
        assert response.headers["Retry-After"] == "60"
    assert served.client.get("/jwt/auth", headers=basic("alice", secret_of(token))).status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    forged = basic("alice", "correct horse") | {"X-Forwarded-For": "192.0.2.9"}
    assert served.client.get("/jwt/auth", headers=forged).status_code == 429
    assert served.client.get("/jwt/auth", headers=basic("alice", "correct horse"), environ_overrides=elsewhere).status_code == 200
