"""Who may do what at the dependency proxy: every credential at every place, by real requests after a real token."""

import pytest
from gitlab import Gitlab

from .dependency_proxy import DependencyProxy
from .http_calls import claims
from .peers.stock_registry import StockRegistry
from .permission_table import NEEDS, TEAM, Table
from .proxy_calls import (
    ALL,
    READ,
    WRITE,
    Repository,
    deploy_token,
    digest_of,
    error,
    full_name,
    insufficient,
    make_groups,
    make_image,
    mint,
    signed,
)
from .python_gitlab import ROLES, remembered
from .registry_calls import begin_upload, challenge, delete_manifest, list_tags
from .token_server import PULL_AND_PUSH, Token, TokenServer

PUBLIC = "table-public"

# The deploy tokens' places, by what they are to the team.
PLACES = {
    "its own": TEAM,
    "the one above": "table/above",
    "the one at the top": "table",
    "the one below": f"{TEAM}/below",
    "a neighbour": "table/neighbour",
    "one whose name begins alike": f"{TEAM}-2",
    "one whose name is a part": "table/above/tea",
}
COVERING = ("its own", "the one above", "the one at the top")

# Scopes of deploy tokens, and what they let through. None: the log-in is refused.
DEPLOY_SCOPES: dict[tuple[str, ...], str | None] = {
    READ: "pull",
    WRITE: ALL,
    READ + WRITE: ALL,
    PULL_AND_PUSH: None,
    ("read_repository", "read_package_registry", "write_package_registry"): None,
    READ + PULL_AND_PUSH: "pull",
    ("read_registry", *WRITE): ALL,
}

# The same for personal access tokens.
PERSONAL_SCOPES: dict[tuple[str, ...], str | None] = {
    ("api",): ALL,
    READ: "pull",
    WRITE: ALL,
    READ + WRITE: ALL,
    ("read_api", *READ): "pull",
    ("read_api",): None,
    PULL_AND_PUSH: None,
}
ROLE_ALLOWS = {"guest": "pull", "reporter": "pull", "developer": "pull,push", "maintainer": ALL, "owner": ALL}

OF_A_PROJECT = (
    "This deploy token is one of a project. The dependency proxy belongs to groups: "
    "it takes deploy tokens of the group itself or of a group above it."
)
LACKS = "The dependency proxy needs read_virtual_registry to pull, write_virtual_registry to pull, push and delete"


@pytest.fixture(scope="module")
def table(token_server: TokenServer, dependency_proxy: DependencyProxy, upstream: StockRegistry, administrator: Gitlab) -> Table:
    """Make the groups, and the image that everybody is tried on."""
    token_server.create_project(f"{TEAM}/app")
    make_groups(administrator, *sorted(set(PLACES.values()) - {TEAM, "table", "table/above"}))
    cached = Repository(upstream.host, "library/table").push(make_image("cached"), "1")
    name = full_name(TEAM, "table")
    writer = deploy_token(administrator, WRITE, group=TEAM)
    pushed = Repository(dependency_proxy.host, name, signed(token_server, writer, name)).push(make_image("pushed"), "pushed")
    return Table(token_server, dependency_proxy, administrator, name, cached, pushed)


def personal_tokens(administrator: Gitlab, username: str, places: dict[str, str], *, admin: bool = False) -> dict[tuple[str, ...], Token]:
    """Make a user with a role in each of these places, and personal access tokens: one for each row of the table of scopes."""
    user = administrator.users.create({"username": username, "admin": admin})
    for path, role in places.items():
        kind = administrator.projects if path.endswith("/app") else administrator.groups
        kind.get(path).members.create({"user_id": user.id, "access_level": ROLES[role]})

    def token(scopes: tuple[str, ...]) -> Token:
        made = user.personal_access_tokens.create({"name": "test", "scopes": list(scopes)})
        return Token(made.id, username, remembered(made.token))

    return {scopes: token(scopes) for scopes in PERSONAL_SCOPES}


def both(role: str, scopes: str | None) -> str | None:
    """Give what role and scopes let through together."""
    return None if scopes is None else ",".join(action for action in scopes.split(",") if action in role.split(","))


@pytest.mark.parametrize("place", PLACES)
def test_deploy_tokens_of_groups(table: Table, place: str) -> None:
    """Those of the group and of groups above it do what their scopes say; all others log in, and may do nothing."""
    tokens = {scopes: deploy_token(table.administrator, scopes, group=PLACES[place]) for scopes in DEPLOY_SCOPES}

    found = {scopes: table.allowed(token.credentials) for scopes, token in tokens.items()}

    held = ALL if place in COVERING else ""
    assert found == {scopes: both(held, let_through) for scopes, let_through in DEPLOY_SCOPES.items()}


def test_deploy_tokens_of_a_project(table: Table) -> None:
    """They are refused at the log-in, with the reason and no other name."""
    tokens = [deploy_token(table.administrator, scopes, project=f"{TEAM}/app") for scopes in DEPLOY_SCOPES]

    assert {table.refusal(token.credentials) for token in tokens} == {OF_A_PROJECT}


def test_log_ins_without_a_scope_that_counts(table: Table) -> None:
    """They are refused with what the credential has and what it lacks."""
    deploy = deploy_token(table.administrator, PULL_AND_PUSH, group=TEAM)
    personal = personal_tokens(table.administrator, "table-scopeless", {TEAM: "owner"})

    assert table.refusal(deploy.credentials) == f"This deploy token has only the scopes read_registry, write_registry. {LACKS}."
    assert table.refusal(personal["read_api",].credentials) == (
        f"This personal access token has only the scope read_api. {LACKS}; or api for all that its user may do."
    )
    assert table.refusal(personal[PULL_AND_PUSH].credentials) == (
        f"This personal access token has only the scopes read_registry, write_registry. {LACKS}; or api for all that its user may do."
    )


@pytest.mark.parametrize("place", [TEAM, "table/above", f"{TEAM}/below", f"{TEAM}/app"])
@pytest.mark.parametrize("role", ROLES)
def test_personal_access_tokens_of_members(table: Table, role: str, place: str) -> None:
    """A role in the group or above it counts as far as the scopes go; one below it or in a project of it does not."""
    tokens = personal_tokens(table.administrator, f"table-{role}-{place.replace('/', '-')}", {place: role})

    found = {scopes: table.allowed(token.credentials) for scopes, token in tokens.items()}

    held = ROLE_ALLOWS[role] if place in {TEAM, "table/above"} else ""
    assert found == {scopes: both(held, let_through) for scopes, let_through in PERSONAL_SCOPES.items()}


@pytest.mark.parametrize(
    ("who", "places", "held"),
    [
        ("stranger", {}, ""),
        ("foreigner", {"table/neighbour": "owner", f"{TEAM}-2": "owner", "table/above/tea": "owner"}, ""),
        ("promoted", {"table/above": "guest", TEAM: "developer"}, "pull,push"),
        ("never-demoted", {"table/above": "owner", TEAM: "guest"}, ALL),
    ],
)
def test_personal_access_tokens_of_others(table: Table, who: str, places: dict[str, str], held: str) -> None:
    """Roles elsewhere give nothing, and of several the highest counts."""
    tokens = personal_tokens(table.administrator, f"table-{who}", places)

    found = {scopes: table.allowed(token.credentials) for scopes, token in tokens.items()}

    assert found == {scopes: both(held, let_through) for scopes, let_through in PERSONAL_SCOPES.items()}


def test_personal_access_tokens_of_administrators(table: Table) -> None:
    """They can do everything that their scopes let through."""
    tokens = personal_tokens(table.administrator, "table-second-administrator", {}, admin=True)

    assert {scopes: table.allowed(token.credentials) for scopes, token in tokens.items()} == PERSONAL_SCOPES


@pytest.mark.parametrize(
    ("role", "place", "held"),
    [("guest", TEAM, "pull"), ("developer", "table/above", "pull,push"), ("maintainer", TEAM, ALL), ("owner", f"{TEAM}/app", "")],
)
def test_passwords(table: Table, role: str, place: str, held: str) -> None:
    """A password does all that the role allows."""
    username, password = f"table-password-{role}", remembered(f"correct horse {role} battery")
    user = table.administrator.users.create({"username": username, "password": password})
    kind = table.administrator.projects if place.endswith("/app") else table.administrator.groups
    kind.get(place).members.create({"user_id": user.id, "access_level": ROLES[role]})

    assert table.allowed((username, password)) == held


def test_anonymous(table: Table) -> None:
    """Anonymous tokens are issued, and open nothing."""
    assert table.allowed(None) == ""


def test_without_any_token(table: Table) -> None:
    """Who comes without a token is told where to get one, and with which scope."""
    repository = Repository(table.proxy.host, table.name)
    asked = {"pull": ("GET", "manifests/1"), "push": ("PUT", "manifests/1"), "delete": ("DELETE", f"manifests/{table.cached.digest}")}

    for action, (method, place) in asked.items():
        answer = repository.ask(method, place)
        wanted = {
            "realm": f"{table.server.url}/jwt/auth",
            "service": "dependency_proxy",
            "scope": f"repository:{table.name}:{NEEDS[action]}",
        }
        assert error(answer) == (401, "UNAUTHORIZED")
        assert challenge(answer) == wanted


@pytest.mark.parametrize("visibility", ["internal", "public"])
def test_visibility_opens_nothing(table: Table, visibility: str) -> None:
    """What everybody may see at the container registry, nobody may pull here without a role."""
    group = f"{PUBLIC}-{visibility}"
    table.administrator.groups.create({"name": group, "path": group, "visibility": visibility})
    tokens = personal_tokens(table.administrator, f"table-visitor-{visibility}", {})
    foreign = deploy_token(table.administrator, WRITE, group=TEAM)
    name = full_name(group, "table")

    for credentials in (None, tokens["api",].credentials, foreign.credentials):
        jwt = str(mint(table.server, f"repository:{name}:{ALL}", credentials=credentials).granted()["token"])
        assert insufficient(Repository(table.proxy.host, name, jwt).ask("GET", "manifests/1")) == f"repository:{name}:pull"


def test_token_that_asks_for_less(table: Table) -> None:
    """A signed token gives no more than was asked when it was fetched, whatever its credential holds."""
    writer = deploy_token(table.administrator, WRITE, group=TEAM)
    asked = {
        "pull": [200, 401, 401],
        "push": [401, 401, 401],
        "delete": [401, 401, 404],
        "pull,push": [200, 202, 401],
        "*": [200, 202, 404],
    }
    unknown = f"manifests/{digest_of(b'nothing')}"

    def found(actions: str) -> list[int]:
        repository = Repository(table.proxy.host, table.name, signed(table.server, writer, table.name, actions=actions))
        return [repository.ask("GET", "manifests/1").status, repository.begin_upload().status, repository.status("DELETE", unknown)]

    assert {actions: found(actions) for actions in asked} == asked


def test_token_is_good_for_its_names_alone(table: Table) -> None:
    """Not for names that begin or end alike, nor for the same image of another group that its credential covers too."""
    writer = deploy_token(table.administrator, WRITE, group="table")
    others = [full_name(f"{TEAM}/below", "table"), full_name("table/above", "table"), full_name(TEAM, "tabl"), f"{table.name}/x"]
    jwt = signed(table.server, writer, *others)

    answer = Repository(table.proxy.host, table.name, jwt).ask("GET", "manifests/1")

    assert {entry["name"] for entry in claims(jwt)["access"]} == set(others)
    assert insufficient(answer) == f"repository:{table.name}:pull"


def test_virtual_scopes_at_the_container_registry(table: Table, registry: StockRegistry) -> None:
    """They give nothing there: alone the log-in is refused, and beside the scopes that count they add nothing."""
    project = f"{TEAM}/app"
    scope = f"repository:{project}:{ALL}"
    personal = personal_tokens(table.administrator, "table-both", {TEAM: "owner"})
    refused = [
        deploy_token(table.administrator, READ + WRITE, group=TEAM),
        deploy_token(table.administrator, READ + WRITE, project=project),
        personal[READ + WRITE],
    ]
    mixed = deploy_token(table.administrator, ("read_registry", *WRITE), group=TEAM)
    jwt = str(mint(table.server, scope, credentials=mixed.credentials, service="container_registry").granted()["token"])

    for token in refused:
        assert mint(table.server, scope, credentials=token.credentials, service="container_registry").refusal()[:2] == (403, "DENIED")
    assert list_tags(registry, project, jwt).status == 404
    assert [attempt(registry, project, jwt).status for attempt in (begin_upload, delete_manifest)] == [401, 401]


def test_tokens_of_one_service_at_the_other(table: Table, registry: StockRegistry) -> None:
    """A token for the dependency proxy opens nothing at a container registry, nor the other way round."""
    project = f"{TEAM}/app"
    token = deploy_token(table.administrator, (*PULL_AND_PUSH, *WRITE), group=TEAM)
    proxy_jwt = signed(table.server, token, table.name, project)
    registry_jwt = str(
        mint(table.server, f"repository:{project}:{ALL}", credentials=token.credentials, service="container_registry").granted()["token"]
    )
    answer = Repository(table.proxy.host, table.name, registry_jwt).ask("GET", "manifests/1")

    assert list_tags(registry, project, registry_jwt).status == 404
    assert [list_tags(registry, name, proxy_jwt).status for name in (project, table.name)] == [401, 401]
    assert error(answer) == (401, "UNAUTHORIZED")
    assert challenge(answer)["error"] == "invalid_token"
    assert Repository(table.proxy.host, table.name, proxy_jwt).status("GET", "manifests/1") == 200


def test_groups_images_are_no_projects_images(table: Table) -> None:
    """What the container registry's service grants on a name of the dependency proxy is nothing, and nothing here on a project's name."""
    token = deploy_token(table.administrator, (*PULL_AND_PUSH, *WRITE), group=TEAM)
    elsewhere = mint(table.server, f"repository:{table.name}:{ALL}", credentials=token.credentials, service="container_registry")
    here = mint(table.server, f"repository:{TEAM}/app:{ALL}", "registry:catalog:*", credentials=token.credentials)

    assert [claims(str(answer.granted()["token"]))["access"] for answer in (elsewhere, here)] == [[], []]
