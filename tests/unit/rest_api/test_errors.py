"""Refusals under `/api`: JSON as GitLab's REST API has it, on every address and method; nothing of this installation in a body."""

import logging
from collections.abc import Mapping

import pytest
from werkzeug.exceptions import Gone, ServiceUnavailable

from registry_auth.errors import TooManyWrongSecretsError, UnavailableError
from tests.unit.installation import Installation
from tests.unit.rest_api.world import GROUP, PROJECT, World, personal_token

pytestmark = pytest.mark.one_store("refusals have their form without the store")

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"]
UNKNOWN = [
    "/api/",
    "/api/v4",
    "/api/v4/",
    "/api/v3/projects",
    "/api/graphql",
    "/api/v4/nothing",
    "/api/v4//projects",
    "/api/v4/deploy_token",
]
UNKNOWN += ["/api/v4/user/1", "/api/v4/users/1/keys", "/api/%00", "/api/v4/%ff%fe", "/api/<script>", "/api/v4/PROJECTS", "/api/docs/x"]
OUTSIDE = ["/api", "/apix/v4", "/API/v4/projects", "/v4/projects", "/jwt/api/v4"]


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_addresses_are_404_in_the_words_of_the_api(world: World, path: str) -> None:
    """An address under `/api` that there is not has `error`, whoever asks and however."""
    for method in METHODS:
        for headers in ({}, world.headers["administrator"], world.headers["wrong token"]):
            response = world.client.open(path, method=method, headers=headers)
            assert (response.status_code, response.content_type) == (404, "application/json"), method
            assert response.headers["Cache-Control"] == "no-store"
            assert method == "HEAD" or response.get_json() == {"error": "404 Not Found"}


@pytest.mark.parametrize("path", OUTSIDE)
def test_addresses_outside_have_the_words_of_the_registry(world: World, path: str) -> None:
    """Only what is under `/api/` is answered as the API does."""
    response = world.client.get(path)
    assert (response.status_code, response.get_json()["errors"][0]["code"]) == (404, "UNSUPPORTED")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("projects", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("projects/1", {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}),
        ("user", {"GET", "HEAD", "OPTIONS"}),
        ("users/1/block", {"OPTIONS", "POST"}),
        ("personal_access_tokens/self", {"GET", "HEAD", "OPTIONS", "DELETE"}),
        ("openapi.json", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_wrong_methods_name_the_right_ones(world: World, path: str, allowed: set[str]) -> None:
    """405 and OPTIONS say what there is in the header Allow, to everybody."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"):
        if method in allowed - {"OPTIONS"}:
            continue
        response = world.client.open(f"/api/v4/{path}", method=method)
        assert set(response.headers["Allow"].split(", ")) == allowed
        if method == "OPTIONS":
            assert (response.status_code, response.data) == (200, b"")
        else:
            assert (response.status_code, response.get_json()) == (405, {"error": "405 Not Allowed"})


def test_head_is_get_without_a_body(world: World) -> None:
    """HEAD asks for the same rights as GET, and has its status and headers."""
    place = world.place(PROJECT)
    for path in (
        "/user",
        "/projects",
        f"/projects/{place.id}",
        f"/projects/{place.id}/deploy_tokens",
        "/nothing",
        "/users/abc",
        "/deploy_tokens",
    ):
        for who in ("anonymous", "stranger", "maintainer", "owner's read_api token", "owner's read_registry token", "wrong token"):
            get, head = world.call(who, f"GET {path}"), world.call(who, f"HEAD {path}")
            assert (head.status, head.data, list(head.headers)) == (get.status, b"", list(get.headers))


def test_every_answer_of_an_operation_is_json_that_nobody_stores(world: World) -> None:
    """Success and refusal alike are JSON or empty, and may not be kept by a cache."""
    place = world.place(PROJECT)
    requests = [("owner", "GET /user"), ("anonymous", "GET /user"), ("stranger", f"GET /projects/{place.id}"), ("owner", "GET /users/x")]
    requests += [("owner", "POST /projects"), ("owner", f"PATCH /projects/{place.id}"), ("owner's read_api token", "POST /groups")]
    for who, operation in requests:
        response = world.call(who, operation)
        assert (response.content_type, response.headers["Cache-Control"]) == ("application/json", "no-store")
    deleted = world.call("owner", f"DELETE /projects/{place.id}/deploy_tokens/{place.token_id}")
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert deleted.headers["Cache-Control"] == "no-store"


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("operation", "sent", "status", "message"),
    [
        ("POST /users", {"username": "owner"}, 409, "The user name 'owner' is taken."),
        ("POST /users", {"username": "OWNER"}, 409, "The user name 'OWNER' is taken."),
        ("POST /users", {"username": "x", "email": "a@EXAMPLE.com"}, 409, "Another user has this e-mail address."),
        ("PUT /users/{stranger}", {"email": "A@example.com"}, 409, "Another user has this e-mail address."),
        ("POST /users", {"username": "-x"}, 400, {"username": None}),
        ("POST /users", {"username": "a:b"}, 400, {"username": None}),
        ("POST /users", {"username": "x", "email": "nobody"}, 400, {"email": None}),
        ("POST /users", {"username": "x", "password": "short"}, 400, {"password": ["A password has 8 to 128 characters."]}),
        ("POST /users", {"username": "x", "password": "x" * 129}, 400, {"password": ["A password has 8 to 128 characters."]}),
        ("POST /users", {"username": "x", "password": "glpat-12345678"}, 400, {"password": ["A password cannot begin like a token."]}),
        ("POST /users", {"username": "x", "name": " "}, 400, {"name": None}),
        ("PUT /users/{stranger}", {"username": "other", "name": "new"}, 400, {"username": None}),
        ("POST /groups", {"path": "top"}, 400, {"path": ["The path 'top' is taken by a group."]}),
        ("POST /projects", {"path": "top"}, 400, {"path": ["The path 'top' is taken by a group."]}),
        ("POST /projects", {"path": "Not A Path"}, 400, {"path": None}),
        ("POST /projects", {"path": "x" * 256}, 400, {"path": None}),
        ("POST /projects", {"path": "dependency_proxy"}, 400, {"path": None}),
        ("POST /projects", {"name": "żółw"}, 400, {"path": None}),
        ("POST /groups", {"path": "gone", "parent_id": "{group}"}, 400, {"path": None}),
        ("POST /projects", {"path": "gone", "namespace_id": "{group}"}, 400, {"path": None}),
        (
            "POST /projects",
            {"path": "new", "namespace_id": "{group}", "visibility": "public"},
            409,
            "The group 'top/private-group' is private: nothing in it can be public.",
        ),
        ("PUT /projects/{project}", {"path": "other"}, 400, {"path": ["Paths never change: the images would not move along."]}),
        ("PUT /projects/{project}", {"name": " "}, 400, {"name": None}),
        (
            "PUT /groups/top",
            {"visibility": "private"},
            409,
            "The group 'top/internal-group' in it is internal: change that first.",
        ),
        (
            "POST /projects/{project}/members",
            {"username": "guest", "access_level": "30"},
            409,
            "The user 'guest' is a member of the project 'top/private-project' already.",
        ),
        (
            "POST /projects/{project}/members",
            {"access_level": "30", "user_id": "{bystander}", "expires_at": "2030-01-01"},
            400,
            {"expires_at": None},
        ),
        ("PUT /projects/{project}/members/{guest}", {"access_level": "30", "expires_at": "2030-01-01"}, 400, {"expires_at": None}),
        (
            "POST /users/{stranger}/personal_access_tokens",
            {"name": "x", "scopes": "api", "expires_at": "2020-01-01"},
            400,
            {"expires_at": None},
        ),
        ("POST /personal_access_tokens/self/rotate", {"expires_at": "2020-01-01"}, 400, {"expires_at": None}),
        ("POST /personal_access_tokens/1/rotate", {}, None, "Personal access token 1 is revoked: make a new one."),
    ],
    ids=str,
)
def test_rules_that_are_broken_are_named(
    world: World, operation: str, sent: dict[str, str], status: int | None, message: str | Mapping[str, list[str] | None]
) -> None:
    """What breaks a rule is 400 with a sentence for the field, what contradicts what exists 409; nothing is half done."""
    world.installation.users.create("holder", email="a@example.com")
    if status is None:
        status = 409
        world.installation.personal_access_tokens.revoke(1)
    values = {**world.users, "group": world.place(GROUP).id, "project": world.place(PROJECT).id}
    before = world.dump()
    response = world.call("administrator", operation.format_map(values), {name: value.format_map(values) for name, value in sent.items()})
    answered = response.get_json()["message"]
    assert response.status_code == status
    if isinstance(message, str):
        assert answered == message
    else:
        assert answered.keys() == message.keys()
        assert all(sentences is None or answered[name] == sentences for name, sentences in message.items())
        assert all(isinstance(sentence, str) for sentences in answered.values() for sentence in sentences)
    assert world.dump() == before


def test_missing_names_are_a_parameter_error(world: World) -> None:
    """Of two parameters one is needed, and the answer says which."""
    for operation, sent in (("POST /projects", {}), ("POST /groups", {"path": "", "name": ""})):
        response = world.call("administrator", operation, sent)
        assert (response.status_code, response.get_json()) == (
            400,
            {"error": "name, path are missing, at least one parameter must be provided"},
        )
    response = world.call("administrator", f"POST /projects/{world.place(PROJECT).id}/members", {"access_level": 10})
    sentence = "user_id, username are missing, at least one parameter must be provided"
    assert (response.status_code, response.get_json()) == (400, {"error": sentence})


@pytest.mark.both_stores
@pytest.mark.parametrize("fault", ["no database", "table missing"])
def test_outage_is_503_and_names_no_file(installation: Installation, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """A failing store is 503 with Retry-After, never an empty list or a wrong token; the reason is for the log alone."""
    headers = personal_token(installation, installation.user("administrator", is_administrator=True))
    client = installation.client
    if fault == "no database":
        installation.store.take_away()
    else:
        with installation.database.schema_change() as connection:
            connection.exec_driver_sql("DROP TABLE memberships")
            connection.exec_driver_sql("DROP TABLE deploy_token_secrets")
            connection.exec_driver_sql("DROP TABLE deploy_tokens")
    for path in ("user", "deploy_tokens"):
        response = client.get(f"/api/v4/{path}", headers=headers)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert response.get_json() == {"message": "503 Service Unavailable - Try again in a few seconds."}
    assert {record.getMessage().partition(":")[0] for record in caplog.records if record.name == "registry_auth.http_errors"} == {
        "unavailable"
    }


@pytest.mark.parametrize(
    ("error", "status", "body", "retry_after"),
    [
        (RuntimeError("inner secret of /etc/x"), 500, {"message": "500 Internal Server Error - The log of the server says more."}, None),
        (UnavailableError("inner /var/lib/x"), 503, {"message": "503 Service Unavailable - Try again in a few seconds."}, "5"),
        (
            TooManyWrongSecretsError(42, who="caller='inner'"),
            429,
            {"message": "429 Too Many Requests - Too many wrong secrets from this address. Try again in 42 seconds."},
            "42",
        ),
        (ServiceUnavailable("inner", retry_after=7), 503, {"error": "503 Service Unavailable"}, "7"),
        (Gone("inner"), 410, {"error": "410 Gone"}, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_of_ours_tell_nothing_of_the_inside(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    body: dict[str, str],
    retry_after: str | None,
) -> None:
    """What goes wrong within is JSON for the client, and a line or a trace in the log."""

    def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr("registry_auth.credentials.authentication.Authentication.api_caller", fail)
    response = installation.client.get("/api/v4/user", headers={"PRIVATE-TOKEN": "x"})
    assert (response.status_code, response.get_json(), response.headers.get("Retry-After")) == (status, body, retry_after)
    assert "inner" not in f"{response.text}{response.headers}"
    if status == 500:
        assert "inner secret of /etc/x" in caplog.text
        assert caplog.records[-1].levelno == logging.ERROR


def test_refused_log_ins_are_logged_with_what_an_operator_needs(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the kind of failure, the address, and the holder of a token that has ended."""
    for who in ("wrong token", "owner's revoked token", "blocked owner"):
        world.call(who, "GET /user")
    lines = [record.getMessage() for record in caplog.records if record.name == "registry_auth.http_errors"]
    wrong, revoked, blocked = lines
    assert wrong.startswith("refused: status=401 address=127.0.0.1 caller=unknown reason=The personal access token is wrong")
    assert revoked.startswith("refused: status=401 address=127.0.0.1 caller='owner' credential=")
    assert revoked.endswith(" reason=This personal access token was revoked on 2026-07-01.")
    assert "caller='blocked_owner' credential=" in blocked
