"""Members by the REST API; who may give which role is in test_foreign_objects."""

import pytest

from registry_auth.values import NamespaceKind, Role
from tests.unit.rest_api.world import World

EACH_KIND = pytest.mark.parametrize("kind", NamespaceKind)


@EACH_KIND
def test_life_of_a_membership(world: World, kind: NamespaceKind) -> None:
    """A user is added by id or name, shown by id, gets another role, and is removed; the access level is GitLab's number."""
    user = world.users["bystander"]
    members = f"/{kind}s/{world.place(kind).id}/members"
    for named in ({"user_id": user}, {"username": "BYSTANDER"}):
        shown = {
            "id": user,
            "username": "bystander",
            "name": "bystander",
            "state": "active",
            "access_level": 20,
            "created_at": "2026-07-02T12:00:00.000Z",
        }
        made = world.call("owner", f"POST {members}", {**named, "access_level": 20})
        assert (made.status_code, made.get_json()) == (201, shown)
        assert world.call("guest", f"GET {members}/{user}").get_json() == shown
        changed = world.call("owner", f"PUT {members}/{user}", {"access_level": "30", "expires_at": ""})
        assert (changed.status_code, changed.get_json()) == (200, {**shown, "access_level": 30})
        removed = world.call("owner", f"DELETE {members}/{user}")
        assert (removed.status_code, removed.data) == (204, b"")
        for method in ("GET", "DELETE"):
            assert world.call("owner", f"{method} {members}/{user}").status_code == 404
        assert world.call("owner", f"PUT {members}/{user}", {"access_level": 30}).status_code == 404


@EACH_KIND
def test_lists_show_inherited_members_only_where_asked(world: World, kind: NamespaceKind) -> None:
    """`members` has those of the place itself, `members/all` each user once, with the highest role here and above."""
    place = world.place(kind)
    world.installation.member("top", world.users["guest"], Role.MAINTAINER, kind=NamespaceKind.GROUP)
    direct = {member["username"]: member["access_level"] for member in world.call("guest", f"GET /{kind}s/{place.id}/members").get_json()}
    roles = {role.name.lower(): int(role) for role in Role}
    assert direct == {**roles, "member": 30, "blocked_owner": 50}
    listed = world.call("guest", f"GET /{kind}s/{place.id}/members/all").get_json()
    assert {member["username"]: member["access_level"] for member in listed} == {**direct, "guest": 40, "owner_above": 50}
    assert len(listed) == len(direct) + 1
    one = f"/{kind}s/{place.id}/members"
    assert world.call("guest", f"GET {one}/{world.users['owner above']}").status_code == 404
    assert world.call("guest", f"GET {one}/all/{world.users['owner above']}").get_json()["access_level"] == 50
    assert world.call("guest", f"GET {one}/all/{world.users['guest']}").get_json()["access_level"] == 40


def test_members_are_searched_and_shown_by_name_alone(world: World) -> None:
    """A search finds names; e-mail addresses and administrators stay unknown, and blocked members are marked."""
    members = f"GET /projects/{world.place(NamespaceKind.PROJECT).id}/members"
    (found,) = world.call("guest", f"{members}?query=BLOCK").get_json()
    assert (found["username"], found["state"]) == ("blocked_owner", "blocked")
    assert found.keys() == {"id", "username", "name", "state", "access_level", "created_at"}


@EACH_KIND
def test_a_last_owner_may_leave(world: World, kind: NamespaceKind) -> None:
    """Nobody is held; administrators go on managing what has no owner any more."""
    place = world.place(kind)
    for name in ("owner", "blocked owner"):
        assert world.call("administrator", f"DELETE /{kind}s/{place.id}/members/{world.users[name]}").status_code == 204
    assert world.call("owner", f"GET /{kind}s/{place.id}").status_code == 404
    assert world.call("administrator", f"GET /{kind}s/{place.id}/deploy_tokens").status_code == 200
