"""What belongs to others stays out of reach, whatever ids are sent along, and is not even known to exist (S8, S10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import pytest
from werkzeug.test import TestResponse

from registry_auth.values import NamespaceKind, Role, TokenScope, Visibility
from tests.unit.rest_api.role_table import TABLE, Row
from tests.unit.rest_api.test_roles import send
from tests.unit.rest_api.world import GROUP, PROJECT, World, personal_token

pytestmark = pytest.mark.one_store("the decision is made on what was looked up; the look-ups have tests of their own")

ACCESS_LEVELS = {role.name.lower(): int(role) for role in Role}
MEMBERS_OF_ALL_KINDS = [(kind, least) for kind, least in ((PROJECT, "maintainer"), (GROUP, "owner"))]


@dataclass(frozen=True, slots=True)
class Side:
    """A group, a project in it, a deploy token of each, and the owner of it all with a personal access token."""

    owner: int
    personal_token: int
    ids: Mapping[NamespaceKind, int]
    tokens: Mapping[NamespaceKind, int]


@pytest.fixture(params=[Visibility.PRIVATE, Visibility.PUBLIC])
def sides(world: World, request: pytest.FixtureRequest) -> tuple[Side, Side]:
    """Make two sides, `a` and `b`, whose owners have nothing to do with each other; both private or both public."""
    return _side(world, "a", request.param), _side(world, "b", request.param)


def _side(world: World, name: str, visibility: Visibility) -> Side:
    new = world.installation
    owner = new.user(name)
    paths = {GROUP: name, PROJECT: f"{name}/app"}
    ids = {kind: new.namespaces.create(kind, path, visibility=visibility).namespace.id for kind, path in paths.items()}
    new.member(name, owner, Role.OWNER, kind=GROUP)
    tokens = {kind: new.token(path, kind=kind).token.id for kind, path in paths.items()}
    world.headers = {**world.headers, name: personal_token(new, owner)}
    return Side(owner, new.personal_token(owner).token.id, ids, tokens)


def _smuggled(other: Side) -> dict[str, int | str]:
    """Give ids of the other side by every name that somebody might read them from."""
    names = {"owner_id": other.ids[PROJECT], "namespace_id": other.ids[GROUP], "parent_id": other.ids[GROUP], "id": other.ids[PROJECT]}
    names |= {"project_id": other.ids[PROJECT], "group_id": other.ids[GROUP], "token_id": other.tokens[PROJECT], "user_id": other.owner}
    return {**names, "owner": "b/app", "created_by": other.owner, "project": "b/app", "path": "app"}


def test_tokens_of_others_are_out_of_reach(world: World, sides: tuple[Side, Side]) -> None:
    """The owner of A reaches no token but A's: not by its id under A's path, not under its own path, not with ids in query or body."""
    a, b = sides
    before = world.dump()
    # A's tokens too are reached only under what they belong to, not under the group above.
    foreign = [("a", kind, token) for kind, token in product(NamespaceKind, b.tokens.values())]
    foreign += [("a", GROUP, a.tokens[PROJECT]), ("a", PROJECT, a.tokens[GROUP])]
    foreign += [("b", kind, token) for kind, token in product(NamespaceKind, [*b.tokens.values(), *a.tokens.values()])]
    for (name, kind, token), (method, suffix), extra in product(
        foreign, [("GET", ""), ("DELETE", ""), ("POST", "/rotate")], [{}, _smuggled(b), _smuggled(a)]
    ):
        side = a if name == "a" else b
        for ident in (str(side.ids[kind]), name if kind is GROUP else f"{name}%2Fapp"):
            path = f"/{kind}s/{ident}/deploy_tokens/{token}{suffix}"
            statuses = {
                world.call("a", f"{method} {path}", extra).status_code,
                world.call("a", f"{method} {path}", json=extra, query_string=extra).status_code,
            }
            assert statuses <= ({404} if name == "a" else {403, 404}), (method, path)
    assert world.dump() == before


@pytest.mark.parametrize("kind", NamespaceKind)
def test_lists_and_new_tokens_stay_on_ones_own_side(world: World, sides: tuple[Side, Side], kind: NamespaceKind) -> None:
    """Ids of others in query and body neither show nor make tokens of theirs."""
    a, b = sides
    address = f"/{kind}s/{a.ids[kind]}/deploy_tokens"
    listed = world.call("a", f"GET {address}", _smuggled(b)).get_json()
    assert [token["id"] for token in listed] == [a.tokens[kind]]
    shown = world.call("a", f"GET {address}/{a.tokens[kind]}", _smuggled(b)).get_json()
    assert shown["id"] == a.tokens[kind]
    new = {**_smuggled(b), "name": "new", "scopes": ["read_registry"]}
    made = world.call("a", f"POST {address}", new, query_string=_smuggled(b)).get_json()
    assert (made["owner"]["full_path"], made["created_by"]["id"]) == ("a" if kind is GROUP else "a/app", a.owner)
    for method, suffix in (("GET", ""), ("POST", "")):
        refused = world.call("a", f"{method} /{kind}s/{b.ids[kind]}/deploy_tokens{suffix}", new)
        assert refused.status_code in {403, 404}


def test_what_is_in_the_groups_of_others_stays(world: World, sides: tuple[Side, Side]) -> None:
    """The owner of A makes, changes and deletes nothing of B, and gives nobody a role there."""
    _, b = sides
    before = world.dump()
    user = world.users["bystander"]
    requests = [
        ("POST /projects", {"namespace_id": b.ids[GROUP], "path": "new"}),
        ("POST /groups", {"parent_id": b.ids[GROUP], "path": "new"}),
        ("POST /projects", {"path": "b/new"}),
        ("POST /groups", {"path": "b/new"}),
    ]
    for kind in NamespaceKind:
        place = f"/{kind}s/{b.ids[kind]}"
        requests += [
            (f"PUT {place}", {"name": "new"}),
            (f"DELETE {place}", {}),
            (f"POST {place}/members", {"user_id": user, "access_level": 10}),
            (f"POST {place}/members", {"user_id": sides[0].owner, "access_level": 50}),
            (f"PUT {place}/members/{b.owner}", {"access_level": 10}),
            (f"DELETE {place}/members/{b.owner}", {}),
        ]
    statuses = {(operation, str(sent)): world.call("a", operation, sent).status_code for operation, sent in requests}
    assert {request: status for request, status in statuses.items() if status not in {400, 403, 404}} == {}
    assert world.dump() == before


@pytest.mark.parametrize("path", ["../b/new", "app/../../b", "b/new", "b%2Fnew", "./new", "/b", "b/", "..", ".", "b\\new"])
def test_paths_lead_nowhere_else(world: World, sides: tuple[Side, Side], path: str) -> None:
    """The path of something new is one component of the group that it is made in."""
    before = world.dump()
    for operation, parent in (("POST /projects", "namespace_id"), ("POST /groups", "parent_id")):
        response = world.call("a", operation, {"path": path, parent: sides[0].ids[GROUP]})
        assert (response.status_code, response.get_json()["message"].keys()) == (400, {"path"})
        assert world.call("a", operation, {"name": path, parent: sides[0].ids[GROUP]}).status_code == 400
    assert world.dump() == before


def test_personal_access_tokens_of_others_are_out_of_reach(world: World, sides: tuple[Side, Side]) -> None:
    """Nobody but an administrator shows, rotates or revokes the token of another user, or lists or makes one."""
    _, b = sides
    before = world.dump()
    for who in ("a", "owner", "maintainer", "stranger"):
        one = f"/personal_access_tokens/{b.personal_token}"
        for operation in (f"GET {one}", f"DELETE {one}", f"POST {one}/rotate"):
            assert world.call(who, operation, {"user_id": b.owner}).status_code == 404
        assert world.call(who, "GET /personal_access_tokens", {"user_id": b.owner}).status_code == 403
        made = world.call(who, f"POST /users/{b.owner}/personal_access_tokens", {"name": "new", "scopes": ["api"]})
        assert made.status_code == 403
    assert world.dump() == before


def test_self_is_the_token_of_the_request(world: World, sides: tuple[Side, Side]) -> None:
    """Another id beside `self` leads to no other token, and the list is one's own whatever it is called for."""
    _, b = sides
    smuggled = {"token_id": b.personal_token, "id": b.personal_token}
    shown = world.call("a", "GET /personal_access_tokens/self", smuggled).get_json()
    assert shown["user_id"] == sides[0].owner
    listed = world.call("a", "GET /personal_access_tokens", {**smuggled, "user": b.owner, "owner": b.owner}).get_json()
    assert {token["user_id"] for token in listed} == {sides[0].owner}
    rotated = world.call("a", "POST /personal_access_tokens/self/rotate", smuggled, query_string=smuggled).get_json()
    assert rotated["user_id"] == sides[0].owner
    assert world.installation.personal_access_tokens.get(b.personal_token).revoked_at is None


def test_path_wins_over_query_and_body(world: World) -> None:
    """An id that is sent beside the one in the address does not replace it."""
    victim, bystander = world.users["owner"], world.users["bystander"]
    place = world.place(PROJECT)
    removal = f"DELETE /projects/{place.id}/members/{victim}"
    assert world.call("developer", removal, {"user_id": world.users["developer"]}).status_code == 403
    changed = world.call("administrator", f"PUT /users/{bystander}", {"user_id": victim, "name": "new"}, query_string={"user_id": victim})
    assert (changed.status_code, changed.get_json()["id"]) == (200, bystander)
    made = world.call("administrator", f"POST /users/{bystander}/personal_access_tokens?user_id={victim}", {"name": "x", "scopes": "api"})
    assert made.get_json()["user_id"] == bystander
    for body in ({"user_id": victim}, {"token_id": place.token_id}):
        response = world.call("administrator", f"PUT /projects/{place.id}/members/{world.users['member']}", {**body, "access_level": 10})
        assert response.get_json()["id"] == world.users["member"]


def _levels(world: World, kind: NamespaceKind) -> Mapping[int, Role]:
    return {member.user_id: member.role for member in world.installation.memberships.list(kind, world.place(kind).path)}


@pytest.mark.parametrize("kind", NamespaceKind)
@pytest.mark.parametrize("who", ACCESS_LEVELS)
def test_nobody_rises_by_oneself(world: World, kind: NamespaceKind, who: str) -> None:
    """No member gets a higher role by changing, adding or adding again oneself, nor by way of the group above."""
    me = world.users[who]
    before = _levels(world, kind)
    for level in [level for level in ACCESS_LEVELS.values() if level > ACCESS_LEVELS[who]]:
        place = f"/{kind}s/{world.place(kind).id}/members"
        for operation, sent in (
            (f"PUT {place}/{me}", {"access_level": level}),
            (f"PUT {place}/{me}?access_level={level}", {"access_level": level, "user_id": world.users["owner"]}),
            (f"POST {place}", {"access_level": level, "user_id": me}),
            ("POST /groups/top/members", {"access_level": level, "user_id": me}),
            ("PUT /groups/top/members/" + str(me), {"access_level": level}),
        ):
            assert world.call(who, operation, sent).status_code == 403
    assert _levels(world, kind) == before


@pytest.mark.parametrize(("kind", "least"), MEMBERS_OF_ALL_KINDS)
@pytest.mark.parametrize("target", ACCESS_LEVELS)
@pytest.mark.parametrize("who", ACCESS_LEVELS)
def test_roles_reach_as_far_as_ones_own(world: World, kind: NamespaceKind, least: str, who: str, target: str) -> None:
    """Who manages members changes and removes those up to the own role, and gives out no higher one."""
    members = f"/{kind}s/{world.place(kind).id}/members"
    may_manage = ACCESS_LEVELS[who] >= ACCESS_LEVELS[least]
    for name, level in ACCESS_LEVELS.items():
        may = may_manage and ACCESS_LEVELS[who] >= max(ACCESS_LEVELS[target], level)
        assert world.call(who, f"PUT {members}/{world.users[target]}", {"access_level": level}).status_code == (200 if may else 403), name
        world.restore()
        may = may_manage and ACCESS_LEVELS[who] >= level
        added = world.call(who, f"POST {members}", {"user_id": world.users["bystander"], "access_level": level})
        assert added.status_code == (201 if may else 403), name
        world.restore()
    may = who == target or (may_manage and ACCESS_LEVELS[who] >= ACCESS_LEVELS[target])
    assert world.call(who, f"DELETE {members}/{world.users[target]}").status_code == (204 if may else 403)
    assert (world.users[target] in _levels(world, kind)) is not may


def test_role_of_a_project_is_none_in_its_group(world: World) -> None:
    """The owner of a project alone sees the private group that it is in, and may do nothing there."""
    new = world.installation
    group = world.place(GROUP)
    new.project(f"{group.path}/app")
    new.member(f"{group.path}/app", world.users["bystander"], Role.OWNER)
    before = world.dump()
    assert world.call("bystander", f"GET /groups/{group.id}").status_code == 200
    assert group.path in {shown["full_path"] for shown in world.call("bystander", "GET /groups").get_json()}
    assert world.call("bystander", "GET /groups?membership=true").get_json() == []
    refused: list[tuple[str, Mapping[str, object]]] = [
        (f"GET /groups/{group.id}/deploy_tokens", {}),
        (f"DELETE /groups/{group.id}/deploy_tokens/{group.token_id}", {}),
        (f"PUT /groups/{group.id}", {"visibility": "private"}),
        (f"DELETE /groups/{group.id}", {}),
        (f"POST /groups/{group.id}/members", {"user_id": world.users["bystander"], "access_level": 10}),
        ("POST /projects", {"namespace_id": group.id, "path": "new"}),
        ("POST /groups", {"parent_id": group.id, "path": "new"}),
    ]
    assert [world.call("bystander", operation, sent).status_code for operation, sent in refused] == [403] * len(refused)
    assert world.dump() == before


def test_neighbours_with_a_longer_name_are_others(world: World) -> None:
    """An owner of `team` is nobody in `team10`: whole components count (S16)."""
    new = world.installation
    new.group("team", Visibility.PRIVATE)
    new.group("team10", Visibility.PRIVATE)
    new.project("team10/app")
    new.member("team", world.users["bystander"], Role.OWNER, kind=GROUP)
    for path in ("/groups/team10", "/projects/team10%2Fapp", "/projects/team10%2Fapp/deploy_tokens", "/projects/team%2F../team10%2Fapp"):
        assert world.call("bystander", f"GET {path}").status_code == 404
    listed = [group["full_path"] for group in world.call("bystander", "GET /groups?search=team").get_json()]
    assert listed == ["team"]


def test_taking_away_acts_at_once(world: World) -> None:
    """The next request after a membership ends, a project turns private, or a user is blocked is decided anew (S20)."""
    place, public = world.place(PROJECT), world.place(PROJECT, Visibility.PUBLIC)
    tokens = f"GET /projects/{place.id}/deploy_tokens"
    memberships = world.installation.memberships
    assert world.call("maintainer", tokens).status_code == 200
    memberships.update(PROJECT, place.path, world.users["maintainer"], Role.DEVELOPER)
    assert world.call("maintainer", tokens).status_code == 403
    memberships.remove(PROJECT, place.path, world.users["maintainer"])
    assert world.call("maintainer", tokens).status_code == 404
    assert world.call("stranger", f"GET /projects/{public.id}").status_code == 200
    world.installation.namespaces.update(PROJECT, public.path, visibility=Visibility.PRIVATE)
    assert world.call("stranger", f"GET /projects/{public.id}").status_code == 404
    world.installation.users.block(world.users["owner"])
    assert world.call("owner", tokens).status_code == 403


def _same(one: TestResponse, other: TestResponse) -> bool:
    return (one.status, one.data, list(one.headers)) == (other.status, other.data, list(other.headers))


@pytest.mark.parametrize(
    "row", [row for row in TABLE if "{id}" in row.operation or {"namespace_id", "parent_id"} & row.sent.keys()], ids=str
)
def test_hidden_looks_like_missing(world: World, row: Row) -> None:
    """A group or project that a caller may not know of is answered as when it is gone: status, body and headers."""
    callers = ("anonymous", "stranger", "deploy token")
    hidden = [send(world, row, who, Visibility.PRIVATE) for who in callers]
    for kind in NamespaceKind:
        world.installation.namespaces.delete(kind, world.place(kind).path, recursive=True)
    missing = [send(world, row, who, Visibility.PRIVATE) for who in callers]
    assert all(map(_same, hidden, missing))


def test_tokens_of_others_look_like_missing_ones(world: World, sides: tuple[Side, Side]) -> None:
    """A deploy token or personal access token of somebody else is answered as when it is gone."""
    a, b = sides
    requests = [
        (method, f"/{kind}s/{a.ids[kind]}/deploy_tokens/{token}{suffix}")
        for kind, token in product(NamespaceKind, b.tokens.values())
        for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"))
    ]
    one = f"/personal_access_tokens/{b.personal_token}"
    requests += [("GET", one), ("DELETE", one), ("POST", f"{one}/rotate")]
    hidden = [world.call("a", f"{method} {path}") for method, path in requests]
    world.installation.users.delete(b.owner)
    world.installation.namespaces.delete(GROUP, "b", recursive=True)
    missing = [world.call("a", f"{method} {path}") for method, path in requests]
    assert all(map(_same, hidden, missing))
    assert {response.status_code for response in hidden} == {404}


def test_lists_hide_what_one_may_not_know_of(world: World) -> None:
    """Groups and projects are listed for those who see them; filters show nothing more."""
    seen = {
        "anonymous": {"public"},
        "stranger": {"public", "internal"},
        "guest": {"public", "internal", "private"},
        "owner above": {"public", "internal", "private"},
        "administrator": {"public", "internal", "private"},
    }
    for (who, visible), kind in product(seen.items(), NamespaceKind):
        for query in ("", "visibility=private", "search=private", "owned=true", "membership=true", "min_access_level=10"):
            listed = world.call(who, f"GET /{kind}s?{query}").get_json()
            assert {entry["visibility"] for entry in listed} <= visible
        inside = world.call(who, f"GET /groups/top/{'projects' if kind is PROJECT else 'subgroups'}").get_json()
        assert {entry["visibility"] for entry in inside} == visible


def test_read_tokens_hide_what_their_user_may_not_know_of(world: World) -> None:
    """A token with `read_api` sees what its user sees, and nothing else."""
    world.headers = {**world.headers, "reader": personal_token(world.installation, world.users["stranger"], TokenScope.READ_API)}
    assert world.call("reader", f"GET /projects/{world.place(PROJECT).id}").status_code == 404
    assert {project["visibility"] for project in world.call("reader", "GET /projects").get_json()} == {"internal", "public"}
