"""Logging in as a client would, and what that is worth at the registry."""

import base64
from collections.abc import Mapping

import pytest
from pydantic import SecretStr

from registry_auth.doctor.findings import Finding, Severity
from registry_auth.doctor.login import Login, examine_login
from registry_auth.doctor.registry_door import RegistryDoor
from registry_auth.settings import Settings
from registry_auth.values import TokenHeader
from tests.unit.doctor.rings import KEY
from tests.unit.doctor.scripted_server import Asked, Reply, ScriptedServer, challenge, json_reply, scripted_server
from tests.unit.installation import NOW

SECRET = "correct horse battery staple"
LOGIN = Login("carol", SecretStr(SECRET))
PULL = Login("carol", SecretStr(SECRET), "team/app")
GOOD, BAD = json_reply({}), challenge('realm="r",error="invalid_token"')


def granting(*actions: str) -> Reply:
    """Give a token with these rights on team/app."""
    access = [{"type": "repository", "name": "team/app", "actions": list(actions)}] if actions else []
    return json_reply({"token": KEY.token({"access": access}, TokenHeader.X5C)})


def logged_in(
    login: Login, answer: Reply, at_registry: Mapping[str, Reply] | None = None, realm: str | None = None
) -> tuple[list[Finding], ScriptedServer]:
    """Log in at a token server that answers so, before a registry that answers so at these paths."""

    def script(asked: Asked) -> Reply:
        return answer if asked.path.startswith("/jwt/auth?") else (at_registry or {})[asked.path]

    with scripted_server(script) as server:
        settings = Settings(external_url=server.url)
        door = RegistryDoor(server.url, lambda: NOW)
        findings = examine_login(login, realm or settings.realm, "container_registry", settings, door)
    assert not any(SECRET in str(finding) for finding in findings)
    return findings, server


@pytest.mark.parametrize(
    ("login", "answer", "at_registry", "severity", "seen"),
    [
        (LOGIN, granting(), {"/v2/": GOOD}, Severity.FINE, "carol can log in."),
        (PULL, granting("pull", "push"), {"/v2/team/app/tags/list": GOOD}, Severity.FINE, "carol can log in, and on team/app: pull, push."),
        (PULL, granting("pull"), {"/v2/team/app/tags/list": Reply(404)}, Severity.FINE, "carol can log in, and on team/app: pull."),
        (PULL, granting("push"), {"/v2/": GOOD}, Severity.FINE, "carol can log in, and on team/app: push."),
        (PULL, granting(), {"/v2/": GOOD}, Severity.WARNING, "carol can log in, and has no rights on team/app."),
        (LOGIN, granting(), {"/v2/": BAD}, Severity.BROKEN, "The registry answers 401 to the token of carol."),
        (PULL, granting("pull"), {"/v2/team/app/tags/list": BAD}, Severity.BROKEN, "The registry answers 401 to the token of carol."),
        (
            LOGIN,
            json_reply({"errors": [{"message": "The user name or the secret is wrong."}]}, 401),
            {},
            Severity.BROKEN,
            "the secret is wrong.",
        ),
        (LOGIN, json_reply({"errors": [{"message": f"Not {SECRET}."}]}, 401), {}, Severity.BROKEN, "Not (secret)."),
        (LOGIN, json_reply({"errors": [{"message": "x" * 240 + SECRET}]}, 401), {}, Severity.BROKEN, "x(secret)"),
        (LOGIN, Reply(302, [("Location", f"https://other/{SECRET}")]), {}, Severity.BROKEN, "answers 302."),
        (LOGIN, Reply(200, [("Content-Type", "text/html")], SECRET.encode()), {}, Severity.BROKEN, "answers 200."),
    ],
)
def test_login_is_judged(login: Login, answer: Reply, at_registry: dict[str, Reply], severity: Severity, seen: str) -> None:
    """By what the server says, what the token grants, and what the registry makes of that; the secret is never repeated."""
    findings, _ = logged_in(login, answer, at_registry)
    assert findings[-1].severity is severity
    assert seen in findings[-1].seen


def test_client_is_imitated() -> None:
    """Basic at the realm with service, account and scope; then the token at the registry."""
    _, server = logged_in(PULL, granting("pull"), {"/v2/team/app/tags/list": GOOD})
    first, second = server.asked
    assert first.path == "/jwt/auth?service=container_registry&account=carol&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"
    assert base64.b64decode(first.headers["authorization"].removeprefix("Basic ")).decode() == f"carol:{SECRET}"
    assert second.headers["authorization"].startswith("Bearer ey")


def test_secret_goes_to_our_own_realm_alone() -> None:
    """A registry that names another realm is reported, and the other address hears nothing."""
    with scripted_server(lambda _asked: granting()) as stranger:
        findings, ours = logged_in(LOGIN, granting(), {"/v2/": GOOD}, f"{stranger.url}/jwt/auth")
    assert stranger.asked == []
    assert "authorization" in ours.asked[0].headers
    assert (findings[0].severity, findings[1].severity) == (Severity.WARNING, Severity.FINE)
    assert findings[0].seen.startswith(f"The registry sends clients to {stranger.url}/jwt/auth; the secret was sent to {ours.url}/jwt/auth")


def test_redirect_does_not_get_the_secret() -> None:
    """A realm that leads elsewhere is reported; the secret stays."""
    with scripted_server(lambda _asked: granting()) as stranger:
        findings, _ = logged_in(LOGIN, Reply(302, [("Location", f"{stranger.url}/jwt/auth")]))
    assert stranger.asked == []
    assert "clients do not take their log-in along" in str(findings[-1].meaning)


def test_secret_is_in_no_representation() -> None:
    """Not even a stack trace that shows the value tells it."""
    assert SECRET not in repr(LOGIN)
