"""Groups and projects by the REST API: what is shown, made, changed and deleted, and what stays."""

import pytest

from registry_auth.values import NamespaceKind, Role, Visibility
from tests.unit.rest_api.world import GROUP, PROJECT, World

EACH_KIND = pytest.mark.parametrize("kind", NamespaceKind)
PARENT = {PROJECT: "namespace_id", GROUP: "parent_id"}
NOW = "2026-07-02T12:00:00.000Z"


def full_path(shown: dict[str, str]) -> str:
    """Give the path of a group or project as it is shown."""
    return shown.get("full_path") or shown["path_with_namespace"]


def test_groups_and_projects_are_shown_as_in_gitlab(world: World) -> None:
    """The members have GitLab's names; a project names the group that it is in."""
    top = world.call("administrator", "POST /groups", {"name": "New Team", "visibility": "internal"}).get_json()
    id_ = top["id"]
    assert top == {
        "id": id_,
        "name": "New Team",
        "path": "new-team",
        "full_path": "new-team",
        "parent_id": None,
        "visibility": "internal",
        "dependency_proxy_enabled": True,
        "created_at": NOW,
    }
    project = world.call("administrator", "POST /projects", {"path": "app", "name": "The App", "namespace_id": id_}).get_json()
    assert project == {
        "id": project["id"],
        "name": "The App",
        "path": "app",
        "path_with_namespace": "new-team/app",
        "parent_id": id_,
        "namespace": {"id": id_, "path": "new-team", "kind": "group", "full_path": "new-team"},
        "visibility": "private",
        "created_at": NOW,
    }
    assert world.call("administrator", f"GET /projects/{project['id']}").get_json() == project
    assert world.call("administrator", "GET /projects/new-team%2Fapp").get_json() == project
    assert world.call("administrator", "GET /groups/new-team").get_json() == top
    root = world.call("administrator", "POST /projects", {"name": "root"}).get_json()
    assert (root["namespace"], root["parent_id"], root["name"], root["path"]) == (None, None, "root", "root")


@EACH_KIND
def test_maintainers_of_a_group_make_what_is_in_it(world: World, kind: NamespaceKind) -> None:
    """What is made is under the group that was named by its id, and who makes a group owns it: the two happen together."""
    group = world.place(GROUP, Visibility.PUBLIC)
    sent = {"path": "new", PARENT[kind]: group.id, "visibility": "public"}
    made = world.call("maintainer", f"POST /{kind}s", sent)
    assert (made.status_code, full_path(made.get_json()), made.get_json()["visibility"]) == (201, f"{group.path}/new", "public")
    members = world.installation.memberships.list(kind, f"{group.path}/new")
    expected = [(world.users["maintainer"], Role.OWNER)] if kind is GROUP else []
    assert [(member.user_id, member.role) for member in members] == expected


def test_nothing_is_half_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the membership of a new group cannot be made, the group is not made either."""
    before = world.dump()

    def fail(*_arguments: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr("registry_auth.accounts.memberships.Memberships._add", fail)
    response = world.call("maintainer", "POST /groups", {"path": "new", "parent_id": world.place(GROUP).id})
    assert response.status_code == 500
    assert world.dump() == before


@EACH_KIND
def test_deleted_paths_stay_reserved(world: World, kind: NamespaceKind) -> None:
    """Deleting answers 202 and takes all below with it; the path is taken again by administrators who say so, and nothing old works."""
    new = world.installation
    place = world.place(kind)
    issued = new.token(place.path, kind=kind)
    if kind is GROUP:
        new.project(f"{place.path}/sub/app")
        new.token(f"{place.path}/sub/app")
    name = place.path.rpartition("/")[2]
    top = new.namespaces.get(GROUP, "top").id
    deleted = world.call("owner", f"DELETE /{kind}s/{place.id}")
    assert (deleted.status_code, deleted.get_json()) == (202, {"message": "202 Accepted"})
    assert world.call("administrator", f"GET /{kind}s/{place.id}").status_code == 404
    assert not [row for row in world.dump()["namespaces"] if str(row[2]).startswith(f"{place.path}/")]
    assert new.deploy_tokens.list((GROUP, "top")) == []
    again = {"path": name, PARENT[kind]: top}
    refused = world.call("administrator", f"POST /{kind}s", again)
    assert (refused.status_code, refused.get_json()["message"].keys()) == (400, {"path"})
    assert "reuse_path" in refused.get_json()["message"]["path"][0]
    assert world.call("owner above", f"POST /{kind}s", {**again, "reuse_path": True}).status_code == 403
    made = world.call("administrator", f"POST /{kind}s", {**again, "reuse_path": True})
    assert made.status_code == 201
    assert made.get_json()["id"] > place.id
    assert world.call("administrator", f"GET /{kind}s/{made.get_json()['id']}/deploy_tokens").get_json() == []
    assert world.call("guest", f"GET /{kind}s/{made.get_json()['id']}").status_code == 404
    assert new.lookup.find(issued.secret.get_secret_value()) is None


@EACH_KIND
def test_names_and_visibility_change_and_paths_do_not(world: World, kind: NamespaceKind) -> None:
    """A change shows at once; the own path may be sent along, as clients do, another is an error and nothing else is changed then."""
    place = world.place(kind)
    address = f"PUT /{kind}s/{place.id}"
    own = place.path.rpartition("/")[2]
    changed = world.call("owner", address, {"name": "Other name", "visibility": "internal", "path": own}).get_json()
    assert (changed["name"], changed["visibility"], full_path(changed)) == ("Other name", "internal", place.path)
    refused = world.call("owner", address, {"name": "Third name", "path": "third"})
    assert refused.status_code == 400
    unchanged = world.call("owner", address, {"name": "", "visibility": "", "description": "ignored"})
    assert (unchanged.status_code, unchanged.get_json()) == (200, changed)


@pytest.mark.parametrize(("off", "on"), [(False, True), ("false", "true"), ("0", "1"), ("off", "on")])
def test_dependency_proxy_of_a_group_is_switched(world: World, off: object, on: object) -> None:
    """It is on at first; a group shows what was switched in itself, in lists too, and a change without the field leaves it alone."""
    place = world.place(GROUP)
    put, field = f"PUT /groups/{place.id}", "dependency_proxy_enabled"
    assert world.call("guest", f"GET /groups/{place.id}").get_json()[field] is True
    assert world.call("owner", put, {field: off}).get_json()[field] is False
    assert world.call("guest", f"GET /groups/{place.id}").get_json()[field] is False
    for nothing in ({}, {"name": "new"}, {field: ""}, {field: None}):
        assert world.call("owner", put, nothing).get_json()[field] is False
    assert {group["full_path"] for group in world.call("administrator", "GET /groups").get_json() if not group[field]} == {place.path}
    assert world.call("owner", put, {field: on}).get_json()[field] is True


@pytest.mark.parametrize("sent", ["nonsense", 2, [], {}])
def test_switch_that_is_none_is_refused(world: World, sent: object) -> None:
    """The answer names the field and what it should be, and nothing is changed."""
    before = world.dump()
    refused = world.call("owner", f"PUT /groups/{world.place(GROUP).id}", {"name": "new", "dependency_proxy_enabled": sent})
    assert refused.status_code == 400
    assert refused.get_json()["error"].startswith("dependency_proxy_enabled does not have a valid value: a valid boolean")
    assert world.dump() == before


def test_project_ignores_the_switch_of_groups(world: World) -> None:
    """Parameters that an operation does not know are ignored, and a project shows no switch."""
    before = world.dump()
    answer = world.call("owner", f"PUT /projects/{world.place(PROJECT).id}", {"dependency_proxy_enabled": False})
    assert answer.status_code == 200
    assert "dependency_proxy_enabled" not in answer.get_json()
    assert world.dump() == before


def test_filters_and_orders_of_lists(world: World) -> None:
    """Lists are searched, filtered and ordered, each filter on its own and together."""
    world.installation.project("zoo/Äpp".lower().replace("ä", "a"), Visibility.PUBLIC)
    world.installation.namespaces.update(PROJECT, "zoo/app", name="Żółw")
    world.installation.project("zoo/sub/deep")
    wanted = {
        "GET /projects": ["top/internal-project", "top/private-project", "top/public-project", "zoo/app", "zoo/sub/deep"],
        "GET /projects?search=TERNAL": ["top/internal-project"],
        "GET /projects?search=zoo/": ["zoo/app", "zoo/sub/deep"],
        "GET /projects?visibility=public": ["top/public-project", "zoo/app"],
        "GET /projects?visibility=public&search=zoo": ["zoo/app"],
        "GET /projects?sort=desc": ["zoo/sub/deep", "zoo/app", "top/public-project", "top/private-project", "top/internal-project"],
        "GET /projects?order_by=id&sort=desc&per_page=1": ["zoo/sub/deep"],
        "GET /projects?order_by=name&sort=desc&per_page=1": ["zoo/app"],
        "GET /projects?order_by=created_at&per_page=1": ["top/private-project"],
        "GET /groups?top_level_only=true": ["top", "zoo"],
        "GET /groups?search=zoo": ["zoo", "zoo/sub"],
        "GET /groups/zoo/projects": ["zoo/app"],
        "GET /groups/zoo/projects?include_subgroups=true": ["zoo/app", "zoo/sub/deep"],
        "GET /groups/zoo/subgroups": ["zoo/sub"],
        "GET /groups/top/descendant_groups": ["top/internal-group", "top/private-group", "top/public-group"],
    }
    assert {operation: [full_path(entry) for entry in world.call("administrator", operation).get_json()] for operation in wanted} == wanted


@pytest.mark.parametrize(
    ("who", "query", "count"),
    [
        ("owner", "owned=true", 3),
        ("maintainer", "owned=true", 0),
        ("maintainer", "min_access_level=40", 3),
        ("maintainer", "min_access_level=50", 0),
        ("guest", "membership=true", 3),
        ("guest", "membership=true&min_access_level=20", 0),
        ("owner above", "owned=true", 3),
        ("stranger", "membership=true", 0),
        ("stranger", "membership=false", 2),
        ("anonymous", "membership=true", 0),
        ("anonymous", "owned=true", 0),
        ("administrator", "owned=true", 3),
    ],
)
def test_lists_of_what_one_belongs_to(world: World, who: str, query: str, count: int) -> None:
    """`owned`, `membership` and `min_access_level` count inherited roles, and administrators as owners."""
    assert world.call(who, f"GET /projects?{query}").headers["X-Total"] == str(count)
