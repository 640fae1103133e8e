"""The last use of tokens by the REST API: requests that log in move it (T10), and it is shown wherever a token is."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from registry_auth.application import create_app
from registry_auth.errors import UnavailableError
from registry_auth.last_use import REST_API, LastUse, LastUses
from registry_auth.rest_api.operations import PREFIX
from registry_auth.values import CallerKind, NamespaceKind, TokenScope
from tests.unit.installation import NOW, Installation, basic, login, secret_of
from tests.unit.last_used import everything_used, last_use, write_last_uses
from tests.unit.rest_api.world import NEVER_USED

HERE, THERE = "192.0.2.7", "2001:db8::7"
AT_REGISTRY = {"last_used_at": "2026-07-01T12:00:00.000Z", "last_used_ip": HERE, "last_used_service": "container_registry"}
BY_API = {"last_used_at": "2026-07-01T12:00:00.000Z", "last_used_ip": THERE, "last_used_service": "rest_api"}

EACH_KIND = pytest.mark.parametrize("kind", NamespaceKind)


@pytest.fixture
def served(installation: Installation) -> Installation:
    """Give an installation with a group, a project, an administrator and a user."""
    installation.group("g")
    installation.project("g/p")
    installation.user("administrator", is_administrator=True)
    installation.user("ada")
    return installation


@pytest.fixture
def administrator(served: Installation) -> Mapping[str, str]:
    """Give the header with which the administrator logs in."""
    return {"PRIVATE-TOKEN": secret_of(served.personal_token(served.users.get("administrator").id))}


def call(served: Installation, headers: Mapping[str, str], operation: str, sent: Any = None, address: str = THERE) -> TestResponse:
    """Send a request."""
    method, _, path = operation.partition(" ")
    return served.client.open(PREFIX + path, method=method, headers=headers, json=sent, environ_overrides={"REMOTE_ADDR": address})


def last_used(document: Mapping[str, object]) -> Mapping[str, object]:
    """Give the members that show a last use."""
    return {name: document[name] for name in NEVER_USED}


HEADERS: Mapping[str, Callable[[str], Mapping[str, str]]] = {
    "PRIVATE-TOKEN": lambda token: {"PRIVATE-TOKEN": token},
    "Bearer": lambda token: {"Authorization": f"Bearer {token}"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("scope", [TokenScope.API, TokenScope.READ_API])
def test_requests_that_log_in_move_the_last_use(
    served: Installation, headers: Callable[[str], Mapping[str, str]], scope: TokenScope
) -> None:
    """Whatever comes of the request afterwards, the token was used; the latest request counts."""
    issued = served.personal_token(served.users.get("ada").id, (scope,))
    requests = [
        ("GET /user", 200),
        ("GET /projects/nothing", 404),
        ("POST /projects", 403),
        ("GET /deploy_tokens", 403),
        ("GET /user", 200),
    ]
    for seconds, (operation, status) in enumerate(requests):
        served.clock.now = NOW + timedelta(seconds=seconds)
        address = f"192.0.2.{seconds}"
        assert call(served, headers(secret_of(issued)), operation, {"path": "x"}, address).status_code == status
        assert last_use(served, issued) == LastUse(served.clock(), address, REST_API)


def test_address_behind_proxies_is_the_clients(served: Installation, administrator: Mapping[str, str]) -> None:
    """The address that the outermost trusted proxy tells is recorded, and no invention before it."""
    served.app = create_app(served.settings.model_copy(update={"trusted_proxies": 1}))
    headers = {**administrator, "X-Forwarded-For": "10.6.6.6, 203.0.113.1"}
    assert call(served, headers, "GET /user").status_code == 200
    write_last_uses(served)
    assert call(served, headers, "GET /personal_access_tokens/self").get_json()["last_used_ip"] == "203.0.113.1"


@pytest.mark.parametrize("end", ["expired", "revoked", "rotated", "blocked"])
def test_dead_tokens_keep_their_last_use(served: Installation, end: str) -> None:
    """What was used before its end shows that use, however often it is sent afterwards."""
    ada = served.users.get("ada").id
    issued = served.personal_token(ada, expires_at=(NOW + timedelta(days=1)).date())
    headers = {"PRIVATE-TOKEN": secret_of(issued)}
    assert call(served, headers, "GET /user").status_code == 200
    served.clock.advance(days=1 if end == "expired" else 0, seconds=1)
    if end == "revoked":
        served.personal_access_tokens.revoke(issued.token.id)
    elif end == "rotated":
        served.personal_access_tokens.rotate(issued.token.id)
    elif end == "blocked":
        served.users.block(ada)
    assert call(served, headers, "GET /user", address=HERE).status_code == (403 if end == "blocked" else 401)
    assert last_use(served, issued) == LastUse(NOW, THERE, REST_API)


def test_refused_log_ins_record_nothing(served: Installation) -> None:
    """Wrong tokens, tokens without a scope for the API, deploy tokens, passwords and anonymous callers use no token."""
    ada = served.users.get("ada").id
    issued = served.personal_token(ada)
    foreign = served.personal_token(ada, (TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY))
    robot = served.token("g/p")
    refused: list[tuple[Mapping[str, str], int]] = [
        ({"PRIVATE-TOKEN": secret_of(issued).swapcase()}, 401),
        ({"PRIVATE-TOKEN": f"{secret_of(issued)}x"}, 401),
        ({"PRIVATE-TOKEN": "x", "Authorization": f"Bearer {secret_of(issued)}"}, 401),
        (basic("ada", secret_of(issued)), 401),
        ({"JOB-TOKEN": secret_of(issued)}, 401),
        ({"PRIVATE-TOKEN": secret_of(foreign)}, 403),
        ({"PRIVATE-TOKEN": secret_of(robot)}, 401),
        ({"DEPLOY-TOKEN": secret_of(robot)}, 401),
        (login(robot), 401),
        ({}, 401),
    ]
    for headers, status in refused:
        for operation in ("GET /user", "POST /projects"):
            assert call(served, headers, operation, {"path": "x"}).status_code == status
    assert call(served, {"PRIVATE-TOKEN": secret_of(issued)}, "GET /nowhere").status_code == 404
    for description in ("/api/v4/openapi.json", "/api/docs"):
        assert served.client.get(description, headers={"PRIVATE-TOKEN": secret_of(issued)}).status_code == 200
    assert everything_used(served) == set()


@EACH_KIND
def test_deploy_tokens_show_their_last_use(served: Installation, administrator: Mapping[str, str], kind: NamespaceKind) -> None:
    """It is shown by id, in every list and at a rotation, which keeps it; a token that was never used shows null."""
    path = "g" if kind is NamespaceKind.GROUP else "g/p"
    tokens = f"/{kind}s/{served.namespaces.get(kind, path).id}/deploy_tokens"
    made = call(served, administrator, f"POST {tokens}", {"name": "x", "scopes": ["read_registry"]}).get_json()
    other = served.token(path, kind=kind).token.id
    assert last_used(made) == NEVER_USED
    assert last_used(call(served, administrator, f"GET {tokens}/{made['id']}").get_json()) == NEVER_USED
    log_in = {"headers": basic(made["username"], made["token"]), "environ_overrides": {"REMOTE_ADDR": HERE}}
    assert served.client.get("/jwt/auth", **log_in).status_code == 200
    write_last_uses(served)
    assert last_used(call(served, administrator, f"GET {tokens}/{made['id']}").get_json()) == AT_REGISTRY
    for address in (tokens, "/deploy_tokens"):
        listed = call(served, administrator, f"GET {address}").get_json()
        assert {token["id"]: last_used(token) for token in listed} == {made["id"]: AT_REGISTRY, other: NEVER_USED}
    served.clock.advance(seconds=1)
    assert last_used(call(served, administrator, f"POST {tokens}/{made['id']}/rotate").get_json()) == AT_REGISTRY
    assert last_used(call(served, administrator, f"POST {tokens}/{other}/rotate").get_json()) == NEVER_USED


def test_personal_access_tokens_show_their_last_use(served: Installation, administrator: Mapping[str, str]) -> None:
    """It is shown by id, as `self` and in lists; the token that a rotation makes is another, and was never used."""
    ada = served.users.get("ada").id
    made = call(served, administrator, f"POST /users/{ada}/personal_access_tokens", {"name": "x", "scopes": ["api"]}).get_json()
    other = served.personal_token(ada).token.id
    assert last_used(made) == NEVER_USED
    holder = {"PRIVATE-TOKEN": made["token"]}
    assert call(served, holder, "GET /user").status_code == 200
    write_last_uses(served)
    for address in ("self", made["id"]):
        assert last_used(call(served, holder, f"GET /personal_access_tokens/{address}").get_json()) == BY_API
    listed = call(served, administrator, f"GET /personal_access_tokens?user_id={ada}").get_json()
    assert {token["id"]: last_used(token) for token in listed} == {made["id"]: BY_API, other: NEVER_USED}
    newer = call(served, holder, "POST /personal_access_tokens/self/rotate").get_json()
    assert last_used(newer) == NEVER_USED
    write_last_uses(served)
    assert last_used(call(served, administrator, f"GET /personal_access_tokens/{newer['id']}").get_json()) == NEVER_USED
    assert last_used(call(served, administrator, f"GET /personal_access_tokens/{made['id']}").get_json()) == BY_API


def test_a_page_is_one_look_up(served: Installation, administrator: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tokens a page has, their last uses are asked for once."""
    for _ in range(5):
        served.token("g/p")
        served.personal_token(served.users.get("ada").id)
    asked: list[tuple[CallerKind, int]] = []
    look_up = LastUses.of

    def watched(self: LastUses, kind: CallerKind, ids: Collection[int]) -> Mapping[int, LastUse]:
        asked.append((kind, len(ids)))
        return look_up(self, kind, ids)

    monkeypatch.setattr(LastUses, "of", watched)
    for address, count in (("/deploy_tokens", 5), ("/projects/g%2Fp/deploy_tokens?per_page=3", 3), ("/personal_access_tokens", 6)):
        assert len(call(served, administrator, f"GET {address}").get_json()) == count
    deploy, personal = CallerKind.DEPLOY_TOKEN, CallerKind.PERSONAL_ACCESS_TOKEN
    assert asked == [(deploy, 5), (deploy, 3), (personal, 6)]


@EACH_KIND
def test_a_rotation_that_cannot_be_shown_is_none(
    served: Installation, administrator: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, kind: NamespaceKind
) -> None:
    """When the last uses cannot be read the token keeps its secret: the answer with another one would be lost."""
    path = "g" if kind is NamespaceKind.GROUP else "g/p"
    issued = served.token(path, kind=kind)

    def fail(*_: object) -> None:
        raise UnavailableError("The database is away.")

    monkeypatch.setattr(LastUses, "of", fail)
    address = f"/{kind}s/{served.namespaces.get(kind, path).id}/deploy_tokens/{issued.token.id}"
    assert call(served, administrator, f"GET {address}").status_code == 503
    assert call(served, administrator, f"POST {address}/rotate").status_code == 503
    assert served.client.get("/jwt/auth", headers=login(issued)).status_code == 200
