"""Deploy tokens by the REST API: what is shown, once and afterwards, and what the tokens then do at the registry."""

from datetime import date, timedelta

import pytest

from registry_auth.values import NamespaceKind
from tests.unit.installation import basic
from tests.unit.rest_api.world import NEVER_USED, World

SHOWN = {"id", "name", "username", "expires_at", "scopes", "revoked", "expired", "owner", "created_by", *NEVER_USED}
EACH_KIND = pytest.mark.parametrize("kind", NamespaceKind)


def granted(world: World, username: str, secret: str, path: str) -> int | list[str]:
    """Ask the token endpoint for a pull, and give the actions that were granted or the status of the refusal."""
    response = world.client.get(f"/jwt/auth?scope=repository:{path}:pull", headers=basic(username, secret))
    if response.status_code != 200:
        return response.status_code
    access = world.installation.claims(response.get_json()["token"])["access"]
    return [action for entry in access for action in entry["actions"]]


@EACH_KIND
def test_life_of_a_token(world: World, kind: NamespaceKind) -> None:
    """A token is made, shown without its secret, listed, rotated with another secret, and deleted; the registry agrees at each step."""
    place = world.place(kind)
    world.installation.project(f"{place.path}/app") if kind is NamespaceKind.GROUP else None
    image = f"{place.path}/app/image" if kind is NamespaceKind.GROUP else f"{place.path}/image"
    tokens = f"/{kind}s/{place.id}/deploy_tokens"
    made = world.call("owner", f"POST {tokens}", {"name": "deploy", "scopes": ["read_registry"], "expires_at": "2030-01-01"})
    issued = made.get_json()
    owner = {"id": world.users["owner"], "username": "owner", "name": "owner", "state": "active"}
    shown = {
        "id": issued["id"],
        "name": "deploy",
        "username": f"gitlab+deploy-token-{issued['id']}",
        "expires_at": "2030-01-01T00:00:00.000Z",
        "scopes": ["read_registry"],
        "revoked": False,
        "expired": False,
        "owner": {"kind": kind, "full_path": place.path},
        "created_by": owner,
        **NEVER_USED,
    }
    assert (made.status_code, issued) == (201, {**shown, "token": issued["token"]})
    assert granted(world, issued["username"], issued["token"], image) == ["pull"]
    one = f"{tokens}/{issued['id']}"
    assert world.call("maintainer", f"GET {one}").get_json() == shown
    assert world.call("maintainer", f"GET {tokens}").get_json()[-1] == shown
    rotated = world.call("owner", f"POST {one}/rotate")
    secret = rotated.get_json()["token"]
    assert (rotated.status_code, rotated.get_json()) == (200, {**shown, "token": secret})
    assert secret != issued["token"]
    assert [granted(world, issued["username"], each, image) for each in (issued["token"], secret)] == [401, ["pull"]]
    deleted = world.call("owner", f"DELETE {one}")
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert granted(world, issued["username"], secret, image) == 401
    for operation in (f"GET {one}", f"DELETE {one}", f"POST {one}/rotate"):
        assert world.call("owner", operation).status_code == 404


@EACH_KIND
def test_rotation_may_overlap(world: World, kind: NamespaceKind) -> None:
    """The older secret works as many seconds longer as were asked for."""
    place = world.place(kind)
    name = f"gitlab+deploy-token-{place.token_id}"
    address = f"POST /{kind}s/{place.id}/deploy_tokens/{place.token_id}/rotate"
    newer = world.call("owner", address, {"overlap": 60}).get_json()["token"]
    for seconds, status in ((59, 200), (1, 401)):
        world.installation.clock.advance(seconds=seconds)
        assert world.client.get("/jwt/auth", headers=basic(name, place.token)).status_code == status
        assert world.client.get("/jwt/auth", headers=basic(name, newer)).status_code == 200


@EACH_KIND
@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_dead_tokens_are_shown_and_cannot_be_rotated(world: World, kind: NamespaceKind, end: str) -> None:
    """A token that has ended is listed with the reason, left out of the active ones, and not revived; it can be deleted."""
    place = world.place(kind)
    issued = world.installation.token(place.path, kind=kind, expires_at=date(2026, 7, 10))
    if end == "revoked":
        world.installation.deploy_tokens.revoke(issued.token.id)
    else:
        world.installation.clock.advance(days=8)
    tokens = f"/{kind}s/{place.id}/deploy_tokens"
    one = f"{tokens}/{issued.token.id}"
    shown = world.call("maintainer", f"GET {one}").get_json()
    assert (shown["revoked"], shown["expired"]) == (end == "revoked", end == "expired")
    for query, listed in (("", 2), ("active=false", 2), ("active=", 2), ("active=true", 1), ("active=1", 1)):
        response = world.call("maintainer", f"GET {tokens}?{query}")
        assert (len(response.get_json()), response.headers["X-Total"]) == (listed, str(listed))
    before = world.dump()
    assert world.call("owner", f"POST {one}/rotate").status_code == 409
    assert world.dump() == before
    assert world.call("owner", f"DELETE {one}").status_code == 204


def test_expired_counts_from_midnight_utc(world: World) -> None:
    """A token is shown as expired from 00:00 UTC of its date, and not a second before."""
    place = world.place(NamespaceKind.PROJECT)
    issued = world.installation.token(place.path, expires_at=date(2026, 7, 10))
    one = f"GET /projects/{place.id}/deploy_tokens/{issued.token.id}"
    clock = world.installation.clock
    clock.now = clock.now.replace(day=9, hour=23, minute=59, second=59)
    for expired in (False, True):
        assert world.call("maintainer", one).get_json()["expired"] is expired
        active = world.call("maintainer", f"GET /projects/{place.id}/deploy_tokens?active=true").get_json()
        assert (issued.token.id in [token["id"] for token in active]) is not expired
        clock.now += timedelta(seconds=1)


def test_administrators_list_all_tokens(world: World) -> None:
    """The list of all has those of every group and project, with their owners."""
    listed = world.call("administrator", "GET /deploy_tokens?per_page=100").get_json()
    assert {(token["owner"]["kind"], token["owner"]["full_path"]) for token in listed} == {
        (kind, place.path) for (kind, _), place in world.places.items()
    }
    assert {frozenset(token) for token in listed} == {frozenset(SHOWN)}
    place = world.place(NamespaceKind.GROUP)
    world.installation.deploy_tokens.revoke(place.token_id)
    active = world.call("administrator", "GET /deploy_tokens?active=true").get_json()
    assert {token["id"] for token in listed} - {token["id"] for token in active} == {place.token_id}


def test_tokens_for_ci_show_what_they_hold(world: World) -> None:
    """The token with GitLab's name for CI holds the registry scopes too, and says so."""
    address = f"POST /projects/{world.place(NamespaceKind.PROJECT).id}/deploy_tokens"
    made = world.call("owner", address, {"name": "gitlab-deploy-token", "scopes": ["read_repository"]}).get_json()
    assert made["scopes"] == ["read_repository", "read_registry", "write_registry"]


def test_tokens_outlive_who_made_them(world: World) -> None:
    """When the user is deleted the token stays, made by nobody."""
    address = f"/projects/{world.place(NamespaceKind.PROJECT).id}/deploy_tokens"
    made = world.call("owner", f"POST {address}", {"name": "x", "scopes": "read_registry"}).get_json()
    assert world.call("administrator", f"DELETE /users/{world.users['owner']}").status_code == 204
    assert world.call("maintainer", f"GET {address}/{made['id']}").get_json()["created_by"] is None
