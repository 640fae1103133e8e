"""Logging in to the REST API: where the token may be, and what never counts as one (S13, S22, S25)."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from registry_auth.values import TokenScope
from tests.unit.installation import Installation, basic, login, secret_of
from tests.unit.rest_api.world import PROJECT, World, personal_token

WRONG = "401 Unauthorized - The personal access token is wrong, or does not exist any more."
NOT_BEARER = "401 Unauthorized - The Authorization header must be Bearer with a personal access token."
NOT_OURS = "401 Unauthorized - Only personal access tokens log in to the REST API, in the header PRIVATE-TOKEN."
NO_DEPLOY_TOKENS = "401 Unauthorized - Deploy tokens cannot log in to the REST API: use a personal access token."
NOT_LOGGED_IN = "401 Unauthorized - Log in with a personal access token, in the header PRIVATE-TOKEN."

ACCEPTED: dict[str, Callable[[str], Mapping[str, str]]] = {
    "PRIVATE-TOKEN": lambda token: {"PRIVATE-TOKEN": token},
    "any case": lambda token: {"Private-Token": token},
    "Bearer": lambda token: {"Authorization": f"Bearer {token}"},
    "bearer": lambda token: {"Authorization": f"bearer   {token} "},
    "both": lambda token: {"PRIVATE-TOKEN": token, "Authorization": "Basic eDp5"},
}
REFUSED: dict[str, tuple[Callable[[str], Mapping[str, str]], str]] = {
    "Basic": (lambda token: basic("bystander", token), NOT_BEARER),
    "Token": (lambda token: {"Authorization": f"Token {token}"}, NOT_BEARER),
    "no scheme": (lambda token: {"Authorization": token}, NOT_BEARER),
    "no header value": (lambda _: {"Authorization": ""}, NOT_BEARER),
    "no token": (lambda _: {"Authorization": "Bearer"}, WRONG),
    "empty": (lambda _: {"PRIVATE-TOKEN": ""}, WRONG),
    "JOB-TOKEN": (lambda token: {"JOB-TOKEN": token}, NOT_OURS),
    "DEPLOY-TOKEN": (lambda token: {"DEPLOY-TOKEN": token}, NOT_OURS),
    "twice": (lambda token: {"PRIVATE-TOKEN": f"{token}, {token}"}, WRONG),
    "cut": (lambda token: {"PRIVATE-TOKEN": token[:-1]}, WRONG),
    "longer": (lambda token: {"PRIVATE-TOKEN": f"{token}x"}, WRONG),
    "other case": (lambda token: {"PRIVATE-TOKEN": token.swapcase()}, WRONG),
    "quoted": (lambda token: {"PRIVATE-TOKEN": f'"{token}"'}, WRONG),
    "other prefix": (lambda token: {"PRIVATE-TOKEN": token.replace("glpat-", "gldt-")}, NO_DEPLOY_TOKENS),
    "wrong wins over good": (lambda token: {"PRIVATE-TOKEN": "x", "Authorization": f"Bearer {token}"}, WRONG),
    "no ASCII": (lambda _: {"PRIVATE-TOKEN": "glpat-\xe9\xff"}, WRONG),
    "NUL": (lambda token: {"PRIVATE-TOKEN": f"{token}\0"}, WRONG),
    "a megabyte": (lambda _: {"PRIVATE-TOKEN": "glpat-" + "x" * 2**20}, WRONG),
    "dots": (lambda _: {"Authorization": "Bearer " + "." * 2**20}, WRONG),
}


@pytest.fixture
def token(installation: Installation) -> str:
    """Give the token of the user `bystander`."""
    return secret_of(installation.personal_token(installation.user("bystander", password="correct horse")))


@pytest.mark.parametrize("headers", ACCEPTED.values(), ids=ACCEPTED)
def test_tokens_log_in_by_either_header(installation: Installation, token: str, headers: Callable[[str], Mapping[str, str]]) -> None:
    """A personal access token comes in PRIVATE-TOKEN, which counts first, or as Bearer."""
    response = installation.client.get("/api/v4/user", headers=headers(token))
    assert (response.status_code, response.get_json()["username"]) == (200, "bystander")


@pytest.mark.parametrize(("headers", "message"), REFUSED.values(), ids=REFUSED)
def test_other_credentials_are_refused(
    installation: Installation, token: str, headers: Callable[[str], Mapping[str, str]], message: str
) -> None:
    """Whatever else is sent as a credential is 401 at every operation, also where anonymous callers are let in."""
    for address in ("/api/v4/user", "/api/v4/projects", "/api/v4/projects/1", "/api/v4/deploy_tokens"):
        response = installation.client.get(address, headers=headers(token))
        assert (response.status_code, response.get_json()) == (401, {"message": message})


def test_passwords_do_not_log_in(installation: Installation, token: str) -> None:
    """The password of a user is no token, whichever header it is in."""
    assert token
    for headers in ({"PRIVATE-TOKEN": "correct horse"}, {"Authorization": "Bearer correct horse"}, basic("bystander", "correct horse")):
        assert installation.client.get("/api/v4/user", headers=headers).status_code == 401


def test_tokens_elsewhere_are_not_read(installation: Installation, token: str) -> None:
    """A token in address, body or cookie is none: the caller is anonymous, whoever the parameters name."""
    client = installation.client
    client.set_cookie("private_token", token)
    client.set_cookie("_gitlab_session", token)
    for name in ("private_token", "access_token", "job_token", "token", "account", "sudo"):
        for given in ({"query_string": {name: token}}, {"data": {name: token}}, {"json": {name: token}}):
            response = client.get("/api/v4/user", **given)
            assert (response.status_code, response.get_json()) == (401, {"message": NOT_LOGGED_IN})
            assert client.post("/api/v4/projects", **given).status_code == 401
    assert client.get("/api/v4/projects", query_string={"private_token": token}).status_code == 200


def test_the_caller_is_who_holds_the_token(installation: Installation, token: str) -> None:
    """No parameter or header makes the caller somebody else."""
    administrator = installation.user("administrator", is_administrator=True)
    headers = {"PRIVATE-TOKEN": token, "Sudo": "administrator", "X-Forwarded-User": "administrator", "REMOTE_USER": "administrator"}
    query = {"sudo": administrator, "account": "administrator", "username": "administrator", "user_id": administrator}
    response = installation.client.get("/api/v4/user", headers=headers, query_string=query)
    assert response.get_json()["username"] == "bystander"


def test_holders_learn_why_their_token_is_dead(world: World) -> None:
    """Only who sends the right secret reads that the token has ended or the user is blocked."""
    expired = "This personal access token expired on 2026-07-02 at 00:00 UTC."
    revoked = "This personal access token was revoked on 2026-07-01."
    for who, reason in (("owner's expired token", expired), ("owner's revoked token", revoked)):
        response = world.call(who, "GET /user")
        assert (response.status_code, response.get_json()) == (401, {"message": f"401 Unauthorized - {reason}"})
    blocked = world.call("blocked owner", "GET /user")
    assert (blocked.status_code, blocked.get_json()) == (403, {"message": "403 Forbidden - Your account has been blocked."})


def test_tokens_that_are_gone_look_like_wrong_ones(world: World) -> None:
    """Wrong, misshapen and deleted with its user: status, body and headers are the same (S10)."""
    world.installation.users.delete(world.users["bystander"])
    answers = [world.call(who, "GET /user") for who in ("wrong token", "nonsense as token", "empty token", "bystander")]
    assert {(answer.status, answer.data, tuple(answer.headers)) for answer in answers} == {
        (answers[0].status, answers[0].data, tuple(answers[0].headers))
    }
    assert answers[0].get_json() == {"message": WRONG}


def test_expiry_counts_from_midnight_utc(world: World) -> None:
    """A token logs in until 23:59:59 UTC of the day before its expiry date, and shows itself as active just as long."""
    headers = personal_token(world.installation, world.users["bystander"], expires_in=timedelta(days=1))
    clock = world.installation.clock
    clock.now = clock.now.replace(hour=23, minute=59, second=59)
    shown = world.client.get("/api/v4/personal_access_tokens/self", headers=headers)
    assert (shown.status_code, shown.get_json()["active"]) == (200, True)
    clock.advance(seconds=1)
    assert world.client.get("/api/v4/personal_access_tokens/self", headers=headers).status_code == 401


def test_scopes_bound_what_a_token_does(world: World) -> None:
    """Registry scopes are none for the API; the refusal names the scope that is needed."""
    new, user = world.installation, world.users["administrator"]
    for scopes, reads, changes in (
        ((TokenScope.API,), 200, 201),
        ((TokenScope.READ_API,), 200, 403),
        ((TokenScope.READ_API, TokenScope.WRITE_REGISTRY), 200, 403),
        ((TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY), 403, 403),
        ((TokenScope.READ_VIRTUAL_REGISTRY, TokenScope.WRITE_VIRTUAL_REGISTRY), 403, 403),
    ):
        world.headers = {**world.headers, "token": personal_token(new, user, *scopes)}
        for operation, needed, status in (("GET /projects", "read_api", reads), ("POST /projects", "api", changes)):
            response = world.call("token", operation, {"path": f"new-{len(scopes)}"})
            assert response.status_code == status
            if status == 403:
                description = f"The request needs a personal access token with the scope {needed}."
                assert response.get_json() == {"error": "insufficient_scope", "error_description": description, "scope": needed}
        world.restore()


def test_wrong_tokens_are_counted_by_address(installation: Installation, token: str, caplog: pytest.LogCaptureFixture) -> None:
    """After fifty different wrong tokens in a minute the answer is 429; good tokens and other addresses go on, no header helps."""
    client = installation.client
    for number in range(50):
        assert client.get("/api/v4/projects", headers={"PRIVATE-TOKEN": f"wrong-{number}"}).status_code == 401
    for spoofed in ({}, {"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}, {"X-Real-IP": "192.0.2.1"}):
        response = client.get("/api/v4/projects", headers={"PRIVATE-TOKEN": "another", **spoofed})
        assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
        sentence = "429 Too Many Requests - Too many wrong secrets from this address. Try again in 60 seconds."
        assert response.get_json() == {"message": sentence}
    assert client.get("/api/v4/projects", headers={"PRIVATE-TOKEN": "wrong-7"}).status_code == 401
    assert client.get("/api/v4/user", headers={"PRIVATE-TOKEN": token}).status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/api/v4/projects", headers={"PRIVATE-TOKEN": "another"}, environ_overrides=elsewhere).status_code == 401
    installation.clock.advance(minutes=1)
    assert client.get("/api/v4/projects", headers={"PRIVATE-TOKEN": "another"}).status_code == 401
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_deploy_tokens_are_told_what_they_are(installation: Installation) -> None:
    """A deploy token, good or invented, reads that it cannot log in here; it is never looked up."""
    installation.project("app")
    issued = installation.token("app")
    for secret in (secret_of(issued), "gldt-" + "x" * 32, "gldt-"):
        response = installation.client.get("/api/v4/projects", headers={"PRIVATE-TOKEN": secret})
        assert (response.status_code, response.get_json()) == (401, {"message": NO_DEPLOY_TOKENS})
    assert installation.client.get("/api/v4/projects", headers=login(issued)).status_code == 401


def test_a_new_installation_lets_nobody_in(installation: Installation) -> None:
    """There is no credential until one is made (S18)."""
    for name, secret in (("admin", "admin"), ("root", "5iveL!fe"), ("test", "test")):
        assert installation.client.get("/api/v4/projects", headers={"PRIVATE-TOKEN": secret}).status_code == 401
        assert installation.client.get("/api/v4/projects", headers=basic(name, secret)).status_code == 401
    assert installation.client.get("/api/v4/projects").get_json() == []


def test_logins_are_not_written_down_by_reading(world: World) -> None:
    """Reading with any credential changes nothing in the database."""
    before = world.dump()
    for who in world.headers:
        world.call(who, f"GET /projects/{world.place(PROJECT).id}")
    assert world.dump() == before
