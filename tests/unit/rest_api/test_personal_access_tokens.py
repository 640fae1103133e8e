"""Personal access tokens by the REST API; whose tokens one reaches is in test_foreign_objects."""

from datetime import date

import pytest

from tests.unit.rest_api.world import NEVER_USED, World

SHOWN = {"id", "name", "revoked", "created_at", "scopes", "user_id", "active", "expires_at", *NEVER_USED}


def user_status(world: World, secret: str) -> int:
    """Give the status that a log-in with the secret gets."""
    return world.client.get("/api/v4/user", headers={"PRIVATE-TOKEN": secret}).status_code


@pytest.mark.parametrize("by", ["id", "self"])
def test_life_of_a_token(world: World, by: str) -> None:
    """A token is made by an administrator, shown without its secret, replaced by another with the same rights, and revoked."""
    user = world.users["bystander"]
    sent = {"name": "ci", "scopes": ["read_registry", "api"], "expires_at": "2030-01-01"}
    made = world.call("administrator", f"POST /users/{user}/personal_access_tokens", sent)
    issued = made.get_json()
    shown = {
        "id": issued["id"],
        "name": "ci",
        "revoked": False,
        "created_at": "2026-07-02T12:00:00.000Z",
        "scopes": ["api", "read_registry"],
        "user_id": user,
        "active": True,
        "expires_at": "2030-01-01",
        **NEVER_USED,
    }
    assert (made.status_code, issued) == (201, {**shown, "token": issued["token"]})
    world.headers = {**world.headers, "holder": {"PRIVATE-TOKEN": issued["token"]}}
    one = f"/personal_access_tokens/{issued['id'] if by == 'id' else 'self'}"
    assert world.call("holder", f"GET {one}").get_json() == shown
    assert shown in world.call("holder", "GET /personal_access_tokens").get_json()
    rotated = world.call("holder", f"POST {one}/rotate")
    newer = rotated.get_json()
    assert rotated.status_code == 200
    assert newer["id"] > issued["id"]
    assert newer == {**shown, "id": newer["id"], "token": newer["token"]}
    assert [user_status(world, each["token"]) for each in (issued, newer)] == [401, 200]
    old = world.call("administrator", f"GET /personal_access_tokens/{issued['id']}").get_json()
    assert old == {**shown, "revoked": True, "active": False}
    world.headers = {**world.headers, "holder": {"PRIVATE-TOKEN": newer["token"]}}
    one = f"/personal_access_tokens/{newer['id'] if by == 'id' else 'self'}"
    revoked = world.call("holder", f"DELETE {one}")
    assert (revoked.status_code, revoked.data, user_status(world, newer["token"])) == (204, b"", 401)


def test_rotation_may_change_the_expiry_date_and_nothing_else(world: World) -> None:
    """Another date is taken, other scopes or another user are not."""
    sent = {"expires_at": "2031-05-05", "scopes": ["read_registry"], "name": "other", "user_id": world.users["owner"]}
    rotated = world.call("bystander", "POST /personal_access_tokens/self/rotate", sent).get_json()
    assert (rotated["expires_at"], rotated["scopes"], rotated["name"], rotated["user_id"]) == (
        "2031-05-05",
        ["api"],
        "token",
        world.users["bystander"],
    )


@pytest.mark.parametrize(("end", "sentence"), [("revoked", "is revoked: make a new one."), ("expired", "is expired: make a new one.")])
def test_dead_tokens_are_shown_and_cannot_be_rotated(world: World, end: str, sentence: str) -> None:
    """A token that has ended stays in the list and is not revived."""
    new = world.installation
    issued = new.personal_token(world.users["bystander"], expires_at=date(2026, 7, 10)).token.id
    if end == "revoked":
        new.personal_access_tokens.revoke(issued)
    else:
        new.clock.advance(days=8)
    shown = world.call("bystander", f"GET /personal_access_tokens/{issued}").get_json()
    assert (shown["revoked"], shown["active"]) == (end == "revoked", False)
    before = world.dump()
    refused = world.call("bystander", f"POST /personal_access_tokens/{issued}/rotate", {"expires_at": "2030-01-01"})
    assert (refused.status_code, refused.get_json()) == (409, {"message": f"Personal access token {issued} {sentence}"})
    assert world.dump() == before


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 4),
        ("state=active", 2),
        ("state=inactive", 2),
        ("revoked=true", 1),
        ("revoked=false", 3),
        ("search=TOK", 4),
        ("search=x", 0),
        ("state=", 4),
    ],
)
def test_tokens_are_filtered(world: World, query: str, count: int) -> None:
    """By state, by revocation and by name."""
    new, user = world.installation, world.users["bystander"]
    new.personal_access_tokens.revoke(new.personal_token(user).token.id)
    new.personal_token(user, expires_at=date(2026, 7, 10))
    new.clock.advance(days=8)
    listed = world.call("bystander", f"GET /personal_access_tokens?{query}")
    assert listed.headers["X-Total"] == str(count)
    assert all(each.keys() == SHOWN and each["user_id"] == user for each in listed.get_json())


def test_administrators_see_the_tokens_of_all(world: World) -> None:
    """The list of an administrator has every user's tokens, or those of one."""
    listed = world.call("administrator", "GET /personal_access_tokens?per_page=100").get_json()
    assert {each["user_id"] for each in listed} == set(world.users.values())
    user = world.users["owner"]
    of_one = world.call("administrator", f"GET /personal_access_tokens?user_id={user}").get_json()
    assert {each["user_id"] for each in of_one} == {user}
    assert world.call("owner", f"GET /personal_access_tokens?user_id={user}").get_json() == of_one


@pytest.mark.parametrize("scopes", [["read_repository"], ["sudo"], ["read_registry", "read_package_registry"], []])
def test_scopes_of_other_tokens_are_refused(world: World, scopes: list[str]) -> None:
    """Only scopes that mean something for a user's token are given."""
    before = world.dump()
    address = f"POST /users/{world.users['bystander']}/personal_access_tokens"
    response = world.call("administrator", address, {"name": "x", "scopes": scopes})
    assert response.status_code == 400
    assert "scopes" in str(response.get_json())
    assert world.dump() == before
