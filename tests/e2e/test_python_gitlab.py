"""The REST API with python-gitlab as it is released: what its documentation shows works here."""

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from gitlab import Gitlab, GitlabAuthenticationError, GitlabDeleteError, GitlabGetError
from gitlab.base import RESTObjectList
from gitlab.const import AccessLevel

from .http_calls import claims
from .peers.availability import require
from .peers.containers_tools import Skopeo
from .peers.stock_registry import REGISTRIES, StockRegistry
from .python_gitlab import ROLES, TEAM, People, as_token, logged_in, remembered
from .token_server import TokenServer

FOREVER = "2099-12-31"
MANY = 45


@pytest.fixture
def administrator(people: People) -> Gitlab:
    """Give the administrator's client."""
    return people["administrator"]


@pytest.fixture
def owner(people: People) -> Gitlab:
    """Give the client of the team's owner."""
    return people["owner"]


@pytest.fixture
def team(owner: Gitlab) -> Any:
    """Give the group in which the people have their roles."""
    return owner.groups.get(TEAM)


@pytest.fixture(params=["project", "group"])
def place(request: pytest.FixtureRequest, owner: Gitlab, team: Any, name: str) -> Any:
    """Make a project, or a group, that no other test has."""
    if request.param == "project":
        return owner.projects.create({"name": name, "namespace_id": team.id})
    return owner.groups.create({"name": name, "path": name, "parent_id": team.id})


@pytest.fixture(scope="module")
def many(people: People) -> Any:
    """Make a project with many deploy tokens."""
    project = people["administrator"].projects.create({"name": "many"})
    for number in range(MANY):
        remembered(project.deploytokens.create({"name": f"token {number}", "scopes": ["read_registry"]}).token)
    return project


def ids(entries: Any) -> list[int]:
    """Give the ids of what is listed."""
    return [entry.id for entry in entries]


def names(entries: Any) -> set[str]:
    """Give the paths, or where there are none the user names, of what is listed."""
    return {getattr(entry, "path", None) or entry.username for entry in entries}


@pytest.mark.parametrize("way", ["private_token", "oauth_token"])
def test_log_in(api_server: TokenServer, owner: Gitlab, way: str) -> None:
    """A personal access token logs in as a private token and as an OAuth token, and `auth` tells whose it is."""
    with logged_in(api_server, str(owner.private_token), way) as client:
        client.auth()

        assert client.user is not None
        assert (client.user.username, client.user.is_admin, client.user.state) == ("owner", False, "active")


@pytest.mark.parametrize(
    ("given", "username", "expires_at"),
    [
        pytest.param({}, None, None, id="nothing-else"),
        pytest.param({"username": "", "expires_at": ""}, None, None, id="empty-as-in-the-documentation"),
        pytest.param({"username": "robot+1"}, "robot+1", None, id="user-name"),
        pytest.param({"expires_at": FOREVER}, None, f"{FOREVER}T00:00:00.000Z", id="expiry-date"),
        pytest.param({"username": "robot", "expires_at": FOREVER}, "robot", f"{FOREVER}T00:00:00.000Z", id="both"),
    ],
)
def test_deploy_tokens(place: Any, given: dict[str, str], username: str | None, expires_at: str | None) -> None:
    """A deploy token is made, shown with its secret this once, listed, got and deleted in both ways."""
    wanted = {"name": "token1", "scopes": ["read_repository", "read_registry"], **given}
    first, second = (place.deploytokens.create(wanted) for _ in range(2))
    secrets = [as_token(made).secret for made in (first, second)]
    shown = place.deploytokens.get(first.id)

    assert all(secret.startswith("gldt-") for secret in secrets)
    assert len(set(secrets)) == 2
    assert first.asdict() == {**shown.asdict(), "token": secrets[0]}
    assert shown.name == "token1"
    assert shown.scopes == ["read_repository", "read_registry"]
    assert shown.username == (username or f"gitlab+deploy-token-{first.id}")
    assert shown.expires_at == expires_at
    assert (shown.revoked, shown.expired) == (False, False)
    assert ids(place.deploytokens.list()) == [first.id, second.id]
    place.deploytokens.delete(first.id)
    second.delete()
    assert place.deploytokens.list() == []
    with pytest.raises(GitlabGetError) as refused:
        place.deploytokens.get(first.id)
    assert refused.value.response_code == 404


def test_deploy_tokens_of_all(administrator: Gitlab, api_server: TokenServer, place: Any) -> None:
    """The list of the whole installation holds those of every project and group, and `active` leaves out what nobody can use."""
    made = place.deploytokens.create({"name": "test", "scopes": ["read_registry"]})
    remembered(made.token)
    dead, _ = api_server.create_expired_token(administrator.projects.create({"name": f"{place.path}-dead"}).path_with_namespace)
    listed = administrator.deploytokens.list(get_all=True)
    active = administrator.deploytokens.list(get_all=True, active=True)

    assert {made.id, dead.id} <= set(ids(listed))
    assert made.id in ids(active)
    assert [token.id for token in listed if token.expired] == [token.id for token in listed if token.id not in ids(active)]
    assert dead.id not in ids(active)


def test_active_deploy_tokens_of_a_project(administrator: Gitlab, api_server: TokenServer, name: str) -> None:
    """The list of a project, too, leaves out on demand what nobody can use."""
    project = administrator.projects.create({"name": name})
    good = project.deploytokens.create({"name": "test", "scopes": ["read_registry"]})
    remembered(good.token)
    dead, _ = api_server.create_expired_token(project.path_with_namespace)

    assert ids(project.deploytokens.list()) == [good.id, dead.id]
    assert ids(project.deploytokens.list(active=False)) == [good.id, dead.id]
    assert ids(project.deploytokens.list(active=True)) == [good.id]


def test_all_pages(many: Any) -> None:
    """`get_all` follows the links to the last page, in order and without repeating anything."""
    listed = ids(many.deploytokens.list(get_all=True))

    assert len(listed) == MANY
    assert all(one < next_ for one, next_ in pairwise(listed))


def test_iterator(many: Any) -> None:
    """The iterator tells on its way on which page it is, which are beside it, and how much there is in all."""
    entries = many.deploytokens.list(iterator=True)
    assert isinstance(entries, RESTObjectList)
    assert (entries.total, entries.total_pages, entries.per_page, len(entries)) == (MANY, 3, 20, MANY)
    places = [(entries.prev_page, entries.current_page, entries.next_page) for _ in entries]

    assert places == [(None, 1, 2)] * 20 + [(1, 2, 3)] * 20 + [(2, 3, None)] * 5


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        pytest.param({}, 0, 19, id="first"),
        pytest.param({"page": 2, "per_page": 10}, 10, 19, id="middle"),
        pytest.param({"page": 3}, 40, 44, id="last"),
        pytest.param({"per_page": 100}, 0, 44, id="only-one"),
        pytest.param({"page": 9}, 160, 159, id="beyond"),
    ],
)
def test_pages(many: Any, asked: dict[str, int], first: int, last: int) -> None:
    """A page by its number holds what it should."""
    page = many.deploytokens.list(get_all=False, **asked)

    assert [token.name for token in page] == [f"token {number}" for number in range(first, last + 1)]


def test_rotation_of_a_deploy_token(api_server: TokenServer, place: Any, owner: Gitlab) -> None:
    """A deploy token gets a new secret by a request that python-gitlab has no method for: the old one is dead at once."""
    old = as_token(place.deploytokens.create({"name": "test", "scopes": ["read_registry"]}))
    answer: Any = owner.http_post(f"{place.deploytokens.path}/{old.id}/rotate")
    new = old.with_secret(answer["token"])

    assert (answer["id"], answer["username"]) == (old.id, old.username)
    assert [api_server.ask(token=token).status for token in (old, new)] == [401, 200]


def test_users(administrator: Gitlab, name: str) -> None:
    """A user is made, found, changed, blocked, unblocked and deleted."""
    password = remembered(f"a good password for {name}")
    user = administrator.users.create({"username": name, "name": "Some Body", "email": f"{name}@Example.com", "password": password})

    assert (user.username, user.name, user.email, user.is_admin) == (name, "Some Body", f"{name}@example.com", False)
    assert ids(administrator.users.list(username=name)) == [user.id]
    assert user.id in ids(administrator.users.list(get_all=True))
    user.name = "Somebody Else"
    user.admin = True
    user.save()
    changed = administrator.users.get(user.id)
    assert (changed.username, changed.name, changed.email, changed.is_admin) == (name, "Somebody Else", f"{name}@example.com", True)
    assert user.block() is True
    assert ids(administrator.users.list(blocked=True, username=name)) == [user.id]
    assert user.unblock() is True
    assert administrator.users.get(user.id).state == "active"
    user.delete()
    assert administrator.users.list(username=name) == []


def test_blocked_and_deleted_users(administrator: Gitlab, api_server: TokenServer, name: str) -> None:
    """Who is blocked is told so, who is unblocked gets in again, and who is deleted is unknown."""
    user = administrator.users.create({"username": name})
    made = user.personal_access_tokens.create({"name": "test", "scopes": ["read_api"]})
    with logged_in(api_server, made.token) as client:
        client.auth()
        user.block()
        with pytest.raises(Exception, match="403: 403 Forbidden - Your account has been blocked") as blocked:
            client.auth()
        user.unblock()
        client.auth()
        user.delete()
        with pytest.raises(GitlabAuthenticationError, match="401: 401 Unauthorized - The personal access token is wrong"):
            client.auth()

    assert isinstance(blocked.value, GitlabGetError)


def test_personal_access_tokens(administrator: Gitlab, api_server: TokenServer, name: str) -> None:
    """A token is made for a user, who lists it, sees it as `self`, rotates it in three ways and deletes it."""
    user = administrator.users.create({"username": name})
    made = user.personal_access_tokens.create({"name": "first", "scopes": ["api"], "expires_at": FOREVER})
    assert (made.name, made.user_id, made.scopes, made.expires_at, made.active) == ("first", user.id, ["api"], FOREVER, True)
    with logged_in(api_server, made.token) as client:
        other = user.personal_access_tokens.create({"name": "other", "scopes": ["read_api", "read_registry"]})
        remembered(other.token)
        own = client.personal_access_tokens.get("self")
        assert own.id == made.id
        assert ids(client.personal_access_tokens.list()) == [made.id, other.id]
        assert ids(administrator.personal_access_tokens.list(user_id=user.id)) == [made.id, other.id]
        assert client.personal_access_tokens.get(other.id).scopes == ["read_api", "read_registry"]

        rotated = client.personal_access_tokens.get(other.id).rotate()
        remembered(rotated["token"])
        assert (rotated["name"], rotated["expires_at"], rotated["active"]) == ("other", None, True)
        again = client.personal_access_tokens.rotate(rotated["id"], expires_at="2098-01-01")
        remembered(again["token"])
        assert again["expires_at"] == "2098-01-01"
        assert [token.active for token in client.personal_access_tokens.list()] == [True, False, False, True]
        assert ids(client.personal_access_tokens.list(state="active")) == [made.id, again["id"]]
        client.personal_access_tokens.delete(again["id"])
        assert client.personal_access_tokens.get(again["id"]).revoked

        newest = own.rotate(self_rotate=True)
    with logged_in(api_server, newest["token"]) as client:
        client.personal_access_tokens.get("self").delete()
        with pytest.raises(GitlabAuthenticationError, match=r"401: invalid_token|401: .*was revoked on \d{4}-\d\d-\d\d\."):
            client.auth()


def test_projects(owner: Gitlab, team: Any, name: str) -> None:
    """A project is made, got by id and by path, listed, changed and deleted."""
    project = owner.projects.create({"name": f"The {name}", "namespace_id": team.id})
    path = f"{TEAM}/the-{name}"

    assert (project.path_with_namespace, project.name, project.visibility) == (path, f"The {name}", "private")
    assert owner.projects.get(project.id).asdict() == owner.projects.get(path).asdict() == project.asdict()
    assert owner.projects.get(path, lazy=True).deploytokens.list() == []
    assert ids(owner.projects.list(search=f"the-{name}")) == [project.id]
    project.name = "Another name"
    project.save()
    assert owner.projects.get(path).name == "Another name"
    assert project.namespace["full_path"] == TEAM
    project.delete()
    with pytest.raises(GitlabGetError, match="404: 404 Project Not Found"):
        owner.projects.get(path)


def test_groups(owner: Gitlab, team: Any, name: str) -> None:
    """A group is made, got by id and by path, listed, changed, looked into and deleted with all that is in it."""
    group = owner.groups.create({"name": f"The {name}", "path": name, "parent_id": team.id})
    path = f"{TEAM}/{name}"
    subgroup = owner.groups.create({"name": "deep", "path": "deep", "parent_id": group.id})
    deeper = owner.groups.create({"name": "deeper", "path": "deeper", "parent_id": subgroup.id})
    near = owner.projects.create({"name": "near", "namespace_id": group.id})
    far = owner.projects.create({"name": "far", "namespace_id": deeper.id})

    assert (group.full_path, group.name, group.visibility) == (path, f"The {name}", "private")
    assert owner.groups.get(group.id).asdict() == owner.groups.get(path).asdict() == group.asdict()
    assert group.id in ids(owner.groups.list(get_all=True))
    assert ids(group.projects.list()) == [near.id]
    assert set(ids(group.projects.list(include_subgroups=True))) == {near.id, far.id}
    assert ids(group.subgroups.list()) == [subgroup.id]
    assert set(ids(group.descendant_groups.list())) == {subgroup.id, deeper.id}
    assert names(owner.groups.get(path, lazy=True).subgroups.list()) == {"deep"}
    group.name = "Another name"
    group.save()
    assert owner.groups.get(path).name == "Another name"
    assert group.dependency_proxy_enabled
    group.dependency_proxy_enabled = False
    group.save()
    assert not group.dependency_proxy_enabled
    assert [owner.groups.get(each.id).dependency_proxy_enabled for each in (group, subgroup)] == [False, True]
    group.delete()
    for get, gone in ((owner.groups.get, group.id), (owner.groups.get, deeper.id), (owner.projects.get, far.id)):
        with pytest.raises(GitlabGetError, match=r"404: 404 (Group|Project) Not Found"):
            get(gone)


@pytest.mark.parametrize("by", ["user_id", "username"])
def test_members(administrator: Gitlab, place: Any, name: str, by: str) -> None:
    """A member is added by id or user name, got, listed, also among inherited ones, given another role and removed in both ways."""
    user = administrator.users.create({"username": f"member-{name}"})
    wanted = {by: user.id if by == "user_id" else user.username, "access_level": AccessLevel.DEVELOPER}
    member = place.members.create(wanted)

    assert (member.id, member.username, member.access_level) == (user.id, user.username, AccessLevel.DEVELOPER)
    assert user.username in names(place.members.list())
    assert "guest" not in names(place.members.list())
    assert names(place.members_all.list()) >= {user.username, *ROLES}
    assert place.members_all.get(user.id).access_level == AccessLevel.DEVELOPER
    member.access_level = AccessLevel.REPORTER
    member.save()
    assert place.members.get(user.id).access_level == AccessLevel.REPORTER
    member.delete()
    place.members.create(wanted)
    place.members.delete(user.id)
    assert user.username not in names(place.members_all.list())


def test_deploy_token_from_making_to_deleting(
    api_server: TokenServer, owner: Gitlab, team: Any, name: str, skopeo: Skopeo, layout: Path, tmp_path: Path
) -> None:
    """A deploy token that was made over the API pushes with skopeo, and is worth nothing once it is deleted."""
    require("docker-registry")
    project = owner.projects.create({"name": name, "namespace_id": team.id})
    made = project.deploytokens.create({"name": "test", "scopes": ["read_registry", "write_registry"], "expires_at": FOREVER})
    token, image = as_token(made), f"{TEAM}/{name}"
    scope = f"repository:{image}:pull,push"
    with StockRegistry(REGISTRIES[0], tmp_path / "registry", api_server.token_auth) as registry:
        assert skopeo.login(registry.host, *token.credentials).returncode == 0
        skopeo.copy(f"oci:{layout}", f"docker://{registry.host}/{image}:1").check()
        granted = claims(api_server.jwt(scope, token=token))
        made.delete()
        pushed_again = skopeo.copy(f"oci:{layout}", f"docker://{registry.host}/{image}:2")
        logged_in_again = skopeo.login(registry.host, *token.credentials)

    assert granted["sub"] == token.username
    assert [(entry["name"], entry["actions"]) for entry in granted["access"]] == [(image, ["pull", "push"])]
    assert api_server.ask(scope, token=token).refusal()[:2] == (401, "UNAUTHORIZED")
    assert pushed_again.returncode != 0
    assert logged_in_again.returncode != 0
    with pytest.raises(GitlabDeleteError, match=f"404: 404 Not Found - There is no deploy token {made.id}"):
        made.delete()


def test_expiry_of_a_deploy_token_shows(administrator: Gitlab, api_server: TokenServer, name: str) -> None:
    """An expired token is still listed, says so, and can be deleted."""
    project = administrator.projects.create({"name": name})
    dead, day = api_server.create_expired_token(project.path_with_namespace)
    shown = project.deploytokens.get(dead.id)

    assert (shown.expired, shown.revoked) == (True, False)
    assert date.fromisoformat(shown.expires_at[:10]) == day
    shown.delete()
    assert project.deploytokens.list() == []
