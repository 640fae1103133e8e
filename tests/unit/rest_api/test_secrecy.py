"""Secrets stay out of the log lines and answers of the REST API, wherever people put them (S17)."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from registry_auth.rest_api.operations import PREFIX
from tests.unit.installation import basic, secret_of
from tests.unit.rest_api.role_table import OPERATIONS
from tests.unit.rest_api.world import GROUP, PROJECT, World

pytestmark = pytest.mark.one_store("log lines and answers are made without the store")

PASSWORD = "C0rrect-H0rse-Battery-Staple"

# As a credential, good or bad, at every place where people put one.
CREDENTIALS: dict[str, Callable[[str], Mapping[str, Any]]] = {
    "PRIVATE-TOKEN": lambda secret: {"headers": {"PRIVATE-TOKEN": secret}},
    "Bearer": lambda secret: {"headers": {"Authorization": f"Bearer {secret}"}},
    "Basic": lambda secret: {"headers": basic("bystander", secret)},
    "user name of Basic": lambda secret: {"headers": basic(secret, "")},
    "Authorization": lambda secret: {"headers": {"Authorization": secret}},
    "JOB-TOKEN": lambda secret: {"headers": {"JOB-TOKEN": secret}},
    "two": lambda secret: {"headers": {"PRIVATE-TOKEN": f"{secret} {secret}"}},
    "query": lambda secret: {"query_string": {"private_token": secret, "access_token": secret, secret: secret}},
    "cookie": lambda secret: {"headers": {"Cookie": f"private_token={secret}"}},
}

# What else operations need beside the field that holds a secret.
GOOD = {"name": "x", "path": "x", "scopes": ["read_registry"], "access_level": 10, "username": "stranger"}
# Free text, which is stored and shown as it was given, or looked for.
FREE_TEXT = {"name", "search", "query"}
# What is named in a refusal when it is not there or breaks a rule; a token is struck out of it, a password could not be told apart.
NAMED = {"username", "path"}

BODIES: dict[str, Callable[[str], Mapping[str, Any]]] = {
    "bare": lambda secret: {"data": secret, "content_type": "application/json"},
    "string": lambda secret: {"data": json.dumps(secret), "content_type": "application/json"},
    "list": lambda secret: {"data": json.dumps([secret]), "content_type": "application/json"},
    "cut off": lambda secret: {"data": f'{{"token": "{secret}"', "content_type": "application/json"},
    "text": lambda secret: {"data": secret, "content_type": "text/plain"},
    "content type": lambda secret: {"data": "x", "content_type": f"application/{secret}"},
    "form": lambda secret: {"data": secret, "content_type": "application/x-www-form-urlencoded"},
    "multipart": lambda secret: {"data": secret, "content_type": f"multipart/form-data; boundary={secret}"},
}


@pytest.fixture
def secrets(world: World) -> list[str]:
    """Make a secret of each kind: good, dead and wrong tokens, and a password."""
    new = world.installation
    user = new.user("holder", password=PASSWORD)
    good, dead = new.personal_token(user), new.personal_token(user)
    new.personal_access_tokens.revoke(dead.token.id)
    revoked = new.token(world.place(PROJECT).path)
    new.deploy_tokens.revoke(revoked.token.id)
    return [secret_of(good), secret_of(dead), secret_of(revoked), world.place(PROJECT).token, "glpat-" + "Wr0ng" * 6 + "xx", PASSWORD]


def address_of(world: World, path: str) -> str:
    """Give the address of an operation, with ids that there are."""
    place = world.place(GROUP if path.startswith("/groups") else PROJECT)
    ids = {"id": place.id, "token_id": place.token_id, "user_id": world.users["member"]}
    return PREFIX + path.format_map(ids)


def addresses(world: World) -> list[tuple[str, str]]:
    """Give method and address of each operation."""
    return [(method, address_of(world, path)) for method, _, path in (operation.partition(" ") for operation in sorted(OPERATIONS))]


def fields(world: World) -> Iterator[tuple[str, str, str]]:
    """Give each field that an operation takes beside its path, with method and address."""
    for path, methods in world.client.get(f"{PREFIX}/openapi.json").get_json()["paths"].items():
        for method, operation in methods.items():
            names = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for name in [*names, *body.get("properties", ())]:
                yield method.upper(), address_of(world, path), name


def parts_of(secret: str) -> tuple[str, ...]:
    """Give the secret and its halves, without the prefix that every token has."""
    body = re.sub("^gl[a-z]+-", "", secret)
    return secret, body[:16], body[-16:]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Log everything, the libraries too, and give what was logged."""
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text + "".join(f"{record.getMessage()}{record.args}{record.exc_text}" for record in caplog.records)


@pytest.mark.parametrize("given", CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_are_not_repeated(
    world: World, secrets: list[str], said: Callable[[], str], given: Callable[[str], Mapping[str, Any]]
) -> None:
    """Good, dead, wrong or in the wrong header: no answer of any operation and no log line holds the credential, not even half."""
    answers = ""
    for secret in secrets:
        for method, address in addresses(world):
            if method in {"DELETE", "POST"} and address.endswith(("self", "rotate")):
                continue  # these issue a secret where they succeed
            response = world.client.open(address, method=method, **given(secret))
            answers += f"{response.headers}{response.text}"
    everything = said() + answers
    assert not [part for secret in secrets for part in parts_of(secret) if part in everything]


def test_secrets_in_wrong_fields_are_not_repeated(world: World, secrets: list[str], said: Callable[[], str]) -> None:
    """A secret in a field where something else belongs is not in the refusal, nor in the log, with all other fields right."""
    refusals, refused_fields = "", set()
    for method, address, field in fields(world):
        for secret in secrets:
            if field in FREE_TEXT or (field in NAMED and secret == PASSWORD):
                continue
            for value in ({field: secret}, {f"{field}[]": secret}, {field: [secret]}):
                given = {"query_string": value} if method == "GET" else {"json": GOOD | value}
                response = world.client.open(address, method=method, headers=world.headers["administrator"], **given)
                if response.status_code < 300:
                    continue
                refused_fields.add(field)
                refusals += f"{response.headers}{response.text}"
    everything = said() + refusals
    assert not [part for secret in secrets for part in parts_of(secret) if part in everything]
    assert {"scopes", "expires_at", "user_id", "username", "path", "visibility", "email", "page", "namespace_id"} <= refused_fields


@pytest.mark.parametrize("given", BODIES.values(), ids=BODIES)
def test_secrets_in_broken_bodies_are_not_repeated(
    world: World, secrets: list[str], said: Callable[[], str], given: Callable[[str], Mapping[str, Any]]
) -> None:
    """What cannot be read is refused without being shown."""
    answers = ""
    for secret in secrets:
        for method, address in addresses(world):
            if method in {"POST", "PUT"} and not address.endswith(("rotate", "block")):
                response = world.client.open(address, method=method, headers=world.headers["administrator"], **given(secret))
                answers += f"{response.headers}{response.text}"
    everything = said() + answers
    assert not [part for secret in secrets for part in parts_of(secret) if part in everything]


def test_secrets_in_addresses_are_not_repeated(world: World, secrets: list[str], said: Callable[[], str]) -> None:
    """A token in the path, where an id belongs, is not in the refusal."""
    answers = ""
    for secret in secrets:
        for operation in sorted(OPERATIONS):
            method, _, path = operation.partition(" ")
            for who in ("anonymous", "administrator"):
                response = world.call(who, f"{method} {re.sub('{[a-z_]+}', secret, path)}/{'' if '{' in path else secret}".rstrip("/"))
                answers += f"{response.headers}{response.text}" if response.status_code >= 300 else ""
    everything = said() + answers
    assert not [part for secret in secrets for part in parts_of(secret) if part in everything]


def test_no_secret_is_in_the_trace_of_a_mistake(
    world: World, secrets: list[str], said: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When something breaks within an operation, the trace tells neither the credential nor the secret that was just made."""
    made: list[str] = []

    def fail(issued: Any, _now: object) -> None:
        made.append(issued.secret.get_secret_value())
        raise RuntimeError(f"in the middle of {issued}")

    for module, name in (("deploy_tokens", "issued_deploy_token_json"), ("personal_access_tokens", "issued_personal_access_token_json")):
        monkeypatch.setattr(f"registry_auth.rest_api.{module}.{name}", fail)
    user = world.users["bystander"]
    requests = [(f"POST /projects/{world.place(PROJECT).id}/deploy_tokens", GOOD), (f"POST /users/{user}/personal_access_tokens", GOOD)]
    requests += [("POST /users", {"username": "new", "password": PASSWORD})]
    statuses = [world.call("administrator", operation, sent).status_code for operation, sent in requests]
    assert statuses == [500, 500, 201]
    assert "in the middle of" in said()
    hidden = [*secrets, *made, world.headers["administrator"]["PRIVATE-TOKEN"]]
    assert not [part for secret in hidden for part in parts_of(secret) if part in said()]
