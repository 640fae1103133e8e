"""Secrets stay out of logs and answers, wherever people put them (S17)."""

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from registry_auth.values import TokenScope
from tests.unit.installation import READ, Installation, basic, login, secret_of
from tests.unit.server_secrets import known_secrets

pytestmark = pytest.mark.one_store("log lines and answers are made without the store")

FORM = {"grant_type": "password"}

# Requests with a secret in the right place, and in every wrong one.
REQUESTS: list[tuple[str, Callable[[str], dict[str, object]]]] = [
    ("GET", lambda secret: {"headers": basic("robot", secret)}),
    ("GET", lambda secret: {"headers": basic("robot", secret), "query_string": {"scope": "repository:g/p:pull,push repository:x:pull"}}),
    ("GET", lambda secret: {"headers": basic("wrong", secret)}),
    ("GET", lambda secret: {"headers": basic(secret, "robot")}),
    ("GET", lambda secret: {"headers": basic(f"robot:{secret}", secret)}),
    ("GET", lambda secret: {"headers": basic("x" * 240 + secret, "")}),
    ("GET", lambda secret: {"headers": {"Authorization": f"Bearer {secret}"}}),
    ("GET", lambda secret: {"headers": {"Authorization": f"Basic {secret}"}}),
    ("GET", lambda secret: {"headers": {"Authorization": secret}}),
    ("GET", lambda secret: {"query_string": {"service": secret}}),
    ("GET", lambda secret: {"query_string": {"service": f"https://robot:{secret}/x"}}),
    ("GET", lambda secret: {"query_string": {"scope": secret}}),
    ("GET", lambda secret: {"query_string": {"scope": f"repository:{secret}:pull"}}),
    ("GET", lambda secret: {"query_string": {"scope": f"repository:g/p:{secret}"}}),
    ("GET", lambda secret: {"query_string": {"scope": "x" * 190 + secret}}),
    ("GET", lambda secret: {"query_string": {"account": secret, "password": secret, secret: secret}}),
    ("POST", lambda secret: {"data": FORM | {"username": "robot", "password": secret, "scope": "repository:g/p:pull"}}),
    ("POST", lambda secret: {"data": FORM | {"username": secret, "password": "robot"}}),
    ("POST", lambda secret: {"data": FORM | {"username": "robot", "password": secret + "x"}}),
    ("POST", lambda secret: {"data": FORM | {"username": "robot", "password": secret, "service": secret}}),
    ("POST", lambda secret: {"data": FORM | {"username": "robot", "password": secret, "scope": f"{secret} repository:{secret}:pull"}}),
    ("POST", lambda secret: {"data": {"grant_type": secret, secret: secret}}),
    ("POST", lambda secret: {"data": secret, "content_type": "application/json"}),
    ("DELETE", lambda secret: {"headers": basic("robot", secret), "query_string": {"token": secret}}),
]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Log everything, the libraries too."""
    caplog.set_level(logging.DEBUG)
    return caplog


def test_no_secret_is_in_a_log_line_or_an_answer(installation: Installation, logged: pytest.LogCaptureFixture) -> None:
    """Good, dead and misplaced secrets: what was logged at DEBUG and what was answered holds none of them, not even half."""
    installation.project("g/p")
    good = installation.token("g/p", READ, username="robot")
    powerless = installation.token("g/p", [TokenScope.READ_REPOSITORY], username="robot")
    revoked = installation.token("g/p", username="robot")
    installation.deploy_tokens.revoke(revoked.token.id)
    rotated = installation.token("g/p", username="robot")
    newer = installation.deploy_tokens.rotate(rotated.token.id, overlap=timedelta(0))
    robot = installation.user("robot")
    personal, powerless_personal = installation.personal_token(robot), installation.personal_token(robot, [TokenScope.READ_API])
    revoked_personal = installation.personal_token(robot)
    installation.personal_access_tokens.revoke(revoked_personal.token.id)
    deploy_tokens = (good, powerless, revoked, rotated, newer)
    secrets = [secret_of(issued) for issued in (*deploy_tokens, personal, powerless_personal, revoked_personal)]
    client = installation.client
    answers = ""
    for secret in secrets:
        for method, request in REQUESTS:
            response = client.open("/jwt/auth", method=method, **request(secret))  # type: ignore[arg-type] # the words of a client
            answers += f"{response.headers}{response.text}"
        answers += client.get(f"/jwt/{secret}").text
    said = logged.text + "".join(f"{record.getMessage()}{record.args}{record.exc_text}" for record in logged.records) + answers
    assert "refused: status=401" in logged.text
    for secret in secrets:
        body = secret.partition("-")[2]
        assert not [part for part in (secret, body[:16], body[-16:]) if part in said]
    assert known_secrets(installation)[0].value.hex() not in said


def test_no_secret_is_in_the_trace_of_a_mistake(
    installation: Installation, logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When something breaks in the middle of a request, the trace in the log tells no secret."""
    installation.project("g/p")
    issued = installation.token("g/p")
    monkeypatch.setattr("registry_auth.signing.key_ring.signs_with", lambda _key: lambda _content: 1 / 0)
    response = installation.client.get("/jwt/auth", headers=login(issued))
    assert response.status_code == 500
    assert "ZeroDivisionError" in logged.text
    assert secret_of(issued).removeprefix("gldt-")[:16] not in logged.text


def test_refusals_are_logged_with_what_an_operator_needs(installation: Installation, logged: pytest.LogCaptureFixture) -> None:
    """The outside sees one sentence; the log has the kind of failure, the token's id, the user name and the address."""
    installation.project("g/p")
    issued = installation.token("g/p", READ, username="robot")
    asked = "repository:g/p:pull,push repository:x:pull nonsense"
    installation.client.get("/jwt/auth", query_string={"scope": asked}, headers=login(issued))
    installation.deploy_tokens.revoke(issued.token.id)
    installation.client.get("/jwt/auth", headers=login(issued))
    installation.client.get("/jwt/auth", headers=basic("stranger", "x"))
    lines = [record.getMessage() for record in logged.records if record.name.startswith("registry_auth")]
    who = f"caller='robot' credential={issued.token.id}"
    denied = "asked=repository:g/p:pull,push granted=pull; asked=repository:x:pull granted=nothing"
    assert f"denied: {who} {denied}" in lines
    assert f"not understood: {who} scopes=1 first='nonsense'" in lines
    assert f"refused: status=401 address=127.0.0.1 {who} reason=This deploy token was revoked on 2026-07-01." in lines
    stranger = "refused: status=401 address=127.0.0.1 caller='stranger' credential=None reason=The user name or the secret is wrong"
    assert any(line.startswith(stranger) for line in lines)


def test_a_request_for_hundreds_of_scopes_is_one_line(installation: Installation, logged: pytest.LogCaptureFixture) -> None:
    """Whoever asks for much cannot fill the log with it."""
    asked = [("scope", f"repository:x/image{number}:pull") for number in range(200)]
    installation.client.get("/jwt/auth", query_string=asked)
    (line,) = [record.getMessage() for record in logged.records if record.getMessage().startswith("denied: ")]
    assert line.count("granted=nothing") == 10
    assert line.endswith("(and 190 more)")


def test_no_password_is_in_a_log_line_or_an_answer(installation: Installation, logged: pytest.LogCaptureFixture) -> None:
    """Right, wrong, throttled, or of somebody blocked: no password that came where passwords belong is repeated anywhere."""
    good, wrong = "c0rrect h0rse battery", "wr0ng h0rse staple {}"
    alice = installation.user("alice", password=good)
    client = installation.client
    answers = ""
    for is_blocked in (False, True):
        if is_blocked:
            installation.users.block(alice)
        for password in (good, *(wrong.format(number) for number in range(12)), good):
            responses = (
                client.get("/jwt/auth", headers=basic("alice", password)),
                client.post("/jwt/auth", data=FORM | {"username": "alice", "password": password}),
            )
            answers += "".join(f"{response.headers}{response.text}" for response in responses)
        installation.clock.advance(minutes=2)
    said = logged.text + "".join(f"{record.getMessage()}{record.args}{record.exc_text}" for record in logged.records) + answers
    for sentence in ("The user name or the secret is wrong", "Too many wrong secrets", "Your account has been blocked"):
        assert sentence in logged.text
    assert not [part for part in (good, good[:10], good[-10:], wrong[:10], "h0rse", "argon2") if part in said]
