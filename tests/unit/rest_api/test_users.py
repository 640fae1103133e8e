"""Users by the REST API: what each sees of the others, and what administrators do with them."""

import pytest

from registry_auth.values import TokenScope
from tests.unit.installation import basic
from tests.unit.rest_api.world import World, personal_token

NAMES = {"id", "username", "name", "state"}


def test_life_of_a_user(world: World) -> None:
    """A user is made, changed, blocked, unblocked and deleted; credentials follow at once."""
    sent = {"username": "New.User", "name": "New User", "email": "New@Example.com", "password": "correct horse"}
    made = world.call("administrator", "POST /users", sent)
    user = made.get_json()
    shown = {
        "id": user["id"],
        "username": "New.User",
        "name": "New User",
        "state": "active",
        "email": "new@example.com",
        "is_admin": False,
        "created_at": "2026-07-02T12:00:00.000Z",
    }
    assert (made.status_code, user) == (201, shown)
    one = f"/users/{user['id']}"
    headers = personal_token(world.installation, user["id"])
    assert world.client.get("/api/v4/user", headers=headers).get_json() == shown
    changed = world.call(
        "administrator", f"PUT {one}", {"name": "Other", "email": "b@example.com", "password": "battery staple", "admin": True}
    )
    assert changed.get_json() == {**shown, "name": "Other", "email": "b@example.com", "is_admin": True}
    passwords = {"correct horse": 401, "battery staple": 200}
    assert {each: world.client.get("/jwt/auth", headers=basic("new.user", each)).status_code for each in passwords} == passwords
    assert world.client.get("/api/v4/deploy_tokens", headers=headers).status_code == 200
    unchanged = world.call("administrator", f"PUT {one}", {"name": "", "email": "", "password": "", "admin": ""})
    assert unchanged.get_json() == changed.get_json()
    for verb, state, status in (
        ("block", "blocked", 403),
        ("block", "blocked", 403),
        ("unblock", "active", 200),
        ("unblock", "active", 200),
    ):
        switched = world.call("administrator", f"POST {one}/{verb}")
        assert (switched.status_code, switched.get_json()) == (201, True)
        assert world.call("administrator", f"GET {one}").get_json()["state"] == state
        assert world.client.get("/api/v4/user", headers=headers).status_code == status
    assert world.call("administrator", f"DELETE {one}").status_code == 204
    assert world.client.get("/api/v4/user", headers=headers).status_code == 401
    for operation in (f"GET {one}", f"PUT {one}", f"DELETE {one}", f"POST {one}/block"):
        assert world.call("administrator", operation).status_code == 404


def test_users_see_names_alone_of_others(world: World) -> None:
    """E-mail address and administrator mark are for administrators and the user; nobody sees a password."""
    user = world.users["bystander"]
    for address in (f"/users/{user}", f"/users/{world.users['administrator']}", f"/users/{world.users['stranger']}"):
        assert world.call("stranger", f"GET {address}").get_json().keys() == NAMES
        assert world.call("administrator", f"GET {address}").get_json().keys() == NAMES | {"email", "is_admin", "created_at"}
    assert {frozenset(each) for each in world.call("stranger", "GET /users").get_json()} == {frozenset(NAMES)}
    assert world.call("stranger", "GET /user").get_json().keys() == NAMES | {"email", "is_admin", "created_at"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("username=OWNER", ["owner"]),
        ("username=nobody", []),
        ("search=OWN", ["owner", "owner_above", "blocked_owner"]),
        ("search=owner&active=true", ["owner", "owner_above"]),
        ("blocked=true", ["blocked_owner"]),
        ("blocked=false&search=blocked", ["blocked_owner"]),
        ("search=%", []),
    ],
)
def test_users_are_searched(world: World, query: str, names: list[str]) -> None:
    """By the whole name whatever its case, by parts of names, and by state."""
    assert [user["username"] for user in world.call("stranger", f"GET /users?{query}").get_json()] == names


def test_e_mail_addresses_are_no_search_key(world: World) -> None:
    """Nobody finds out an e-mail address by searching for it."""
    world.installation.users.create("hidden", email="secret@example.com")
    for query in ("search=secret", "username=secret@example.com", "search=example.com"):
        assert world.call("stranger", f"GET /users?{query}").get_json() == []


def test_roles_do_not_make_an_administrator(world: World) -> None:
    """A user cannot be made an administrator by anybody but one, nor with a token that may only read."""
    before = world.dump()
    world.headers = {**world.headers, "reader": personal_token(world.installation, world.users["administrator"], TokenScope.READ_API)}
    before = world.dump()
    for who in ("owner", "owner above", "stranger", "reader"):
        for operation in ("POST /users", f"PUT /users/{world.users['owner']}"):
            assert world.call(who, operation, {"username": "new", "admin": True, "is_admin": True}).status_code == 403
    assert world.dump() == before
    made = world.call("administrator", "POST /users", {"username": "new", "is_admin": True, "is_administrator": True, "state": "blocked"})
    assert (made.get_json()["is_admin"], made.get_json()["state"]) == (False, "active")
