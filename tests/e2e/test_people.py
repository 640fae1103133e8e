"""Users at docker-registry 2.8.2: what each role and each scope allows, and who lists the catalog."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from .peers.containers_tools import Podman, Skopeo
from .peers.docker_engine import DockerClient
from .peers.processes import Finished
from .peers.stock_registry import StockRegistry
from .people import Person, create_person
from .token_server import EVERYTHING, PULL, PULL_AND_PUSH, Token, TokenServer

DENIED = "denied: requested access to the resource is denied"
ROLES = ("guest", "reporter", "developer", "maintainer", "owner")
VISIBILITIES = ("private", "internal", "public")

# What everybody may do with the images of a private, an internal and a public project.
ALLOWED = {
    "nobody": ("", "", "pull"),
    "stranger": ("", "pull", "pull"),
    "guest": ("", "pull", "pull"),
    "reporter": ("pull", "pull", "pull"),
    "developer": ("pull push", "pull push", "pull push"),
    "maintainer": ("pull push delete", "pull push delete", "pull push delete"),
    "owner": ("pull push delete", "pull push delete", "pull push delete"),
    "administrator": ("pull push delete", "pull push delete", "pull push delete"),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """Finds out by trying, with skopeo, what somebody may do. `places` are the tests' three projects, each with its own deploy token."""

    skopeo: Skopeo
    registry: StockRegistry
    layout: Path
    name: str
    places: dict[str, tuple[str, Token]]

    def new_image(self, visibility: str) -> str:
        """Put an image into the project of this visibility, and name it."""
        project, owner = self.places[visibility]
        image = f"{self.registry.host}/{project}/{self.name}:1"
        self.login(owner.credentials)
        self._push(image).check()
        self.skopeo.logout(self.registry.host).check()
        return image

    def login(self, credentials: tuple[str, str]) -> None:
        """Log in at the registry."""
        self.skopeo.login(self.registry.host, *credentials).check()

    def pulls(self, image: str) -> bool:
        """Say whether whoever is logged in now can pull the image."""
        return self.skopeo.inspect(image, tags=False).returncode == 0

    def allowed(self, image: str) -> str:
        """Give what whoever is logged in now can do with the image, after checking that the rest is denied. It may be gone afterwards."""
        attempts = {
            "pull": self.skopeo.inspect(image, tags=False),
            "push": self._push(image.replace(":1", ":2")),
            "delete": self.skopeo.delete(image),
        }
        succeeded = [action for action, attempt in attempts.items() if attempt.returncode == 0]
        refused = [attempt.output for action, attempt in attempts.items() if action not in succeeded]
        assert all(DENIED in output or "(401 Unauthorized)" in output for output in refused), refused
        assert self.pulls(image) is ("pull" in succeeded and "delete" not in succeeded)
        return " ".join(succeeded)

    def _push(self, image: str) -> Finished:
        return self.skopeo.copy(f"oci:{self.layout}:latest", f"docker://{image}")


@pytest.fixture(scope="module")
def places(request: pytest.FixtureRequest) -> dict[str, tuple[str, Token]]:
    """Give a project of each visibility, and a deploy token that pushes to it."""
    fixtures = (("project", "writer"), ("internal_project", "internal_writer"), ("public_project", "public_writer"))
    projects = [(request.getfixturevalue(project), request.getfixturevalue(owner)) for project, owner in fixtures]
    return dict(zip(VISIBILITIES, projects, strict=True))


@pytest.fixture
def trial(skopeo: Skopeo, registry: StockRegistry, layout: Path, name: str, places: dict[str, tuple[str, Token]]) -> Trial:
    """Give a way to find out what somebody may do with an image that no other test has."""
    return Trial(skopeo, registry, layout, name, places)


@pytest.fixture(scope="module")
def holders(token_server: TokenServer, places: dict[str, tuple[str, Token]]) -> dict[str, Person]:
    """Make a user for each role, held in all three projects, a stranger, who holds none, and an administrator."""
    everybody = {who: create_person(token_server) for who in (*ROLES, "stranger")}
    for role in ROLES:
        for path, _ in places.values():
            token_server.add_member(everybody[role].username, role, project=path)
    return {**everybody, "administrator": create_person(token_server, admin=True)}


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize("who", ALLOWED)
def test_what_each_role_allows(trial: Trial, holders: dict[str, Person], who: str, visibility: str) -> None:
    """Members do what their role allows, strangers what the visibility allows, and administrators everything."""
    image = trial.new_image(visibility)
    if who in holders:
        trial.login(holders[who].token.credentials)

    assert trial.allowed(image) == ALLOWED[who][VISIBILITIES.index(visibility)]


@pytest.mark.parametrize(
    ("who", "scopes", "expected"),
    [
        ("owner", PULL, "pull"),
        ("owner", ["write_registry"], ""),
        ("owner", PULL_AND_PUSH, "pull push"),
        ("owner", EVERYTHING, "pull push delete"),
        ("owner", ["read_api", "read_registry"], "pull"),
        ("administrator", PULL, "pull"),
        ("administrator", PULL_AND_PUSH, "pull push"),
        ("reporter", PULL_AND_PUSH, "pull"),
        ("stranger", PULL_AND_PUSH, ""),
    ],
    ids=lambda value: value or "nothing" if isinstance(value, str) else "+".join(value),
)
def test_what_each_scope_lets_through(
    trial: Trial, token_server: TokenServer, holders: dict[str, Person], who: str, scopes: Sequence[str], expected: str
) -> None:
    """A personal access token can do what its user may do and its scopes let through; deleting needs `api`."""
    image = trial.new_image("private")
    trial.login(token_server.create_personal_token(holders[who].username, scopes).credentials)

    assert trial.allowed(image) == expected


@pytest.mark.parametrize("role", ["developer", "maintainer"])
def test_a_password_can_do_what_its_user_may_do(trial: Trial, holders: dict[str, Person], role: str) -> None:
    """No scope bounds it, the role does."""
    image = trial.new_image("private")
    trial.login((holders[role].username, holders[role].password))

    assert trial.allowed(image) == ALLOWED[role][0]


def test_a_role_in_a_group_counts_in_its_projects(trial: Trial, token_server: TokenServer, project: str, person: Person) -> None:
    """It is inherited down to the projects of subgroups, and a lower role there takes nothing away."""
    image = trial.new_image("private")
    token_server.add_member(person.username, "developer", group=project.partition("/")[0])
    token_server.add_member(person.username, "guest", project=project)
    trial.login(person.token.credentials)

    assert trial.allowed(image) == "pull push"


def test_a_role_in_a_project_counts_nowhere_else(trial: Trial, token_server: TokenServer, project: str, person: Person) -> None:
    """The owner of a neighbour whose name begins alike is a stranger."""
    image = trial.new_image("private")
    neighbour = token_server.create_project(f"{project}-of-{person.username.lower()}")
    token_server.add_member(person.username, "owner", project=neighbour)
    trial.login(person.token.credentials)

    assert trial.allowed(image) == ""


def test_the_end_of_a_membership_acts_at_the_next_token(trial: Trial, token_server: TokenServer, project: str, person: Person) -> None:
    """Whoever is logged in stays so, and finds the project closed."""
    image = trial.new_image("private")
    token_server.add_member(person.username, "owner", project=project)
    trial.login(person.token.credentials)
    before = trial.pulls(image)

    token_server.remove_member(person.username, project=project)

    assert before
    assert trial.allowed(image) == ""
    trial.login(person.token.credentials)


def test_docker_pushes_and_pulls(
    docker: DockerClient, registry: StockRegistry, holders: dict[str, Person], project: str, name: str
) -> None:
    """A developer's image comes back whole and runs."""
    reference = f"{registry.host}/{project}/{name}:1"
    docker.login(registry.host, *holders["developer"].token.credentials).check()
    docker.import_image(reference, name).check()

    pushed = docker.push(reference).check()
    docker.remove_image(reference).check()
    docker.pull(reference).check()

    assert "digest: sha256:" in pushed.output
    assert docker.run(reference, "/bin/cat", "/marker").check().output.strip() == name


def test_docker_is_denied_what_a_reporter_may_not_do(
    docker: DockerClient, registry: StockRegistry, holders: dict[str, Person], project: str, name: str
) -> None:
    """A push without the right ends in docker's usual words."""
    reference = f"{registry.host}/{project}/{name}:1"
    docker.login(registry.host, *holders["reporter"].token.credentials).check()
    docker.import_image(reference, name).check()

    pushed = docker.push(reference)

    assert pushed.returncode == 1
    assert DENIED in pushed.output.splitlines()


def search(podman: Podman, registry: StockRegistry, token: Token, words: str) -> Finished:
    """Look for repositories with these words in their names, as podman does by listing the catalog."""
    podman.login(registry.host, *token.credentials).check()
    return podman.podman("search", "--tls-verify=false", "--authfile", str(podman.authfile), f"{registry.host}/{words}")


@pytest.mark.parametrize("scopes", [EVERYTHING, PULL], ids="+".join)
def test_administrators_list_the_catalog(
    podman: Podman, trial: Trial, token_server: TokenServer, holders: dict[str, Person], scopes: Sequence[str]
) -> None:
    """With any scope that reads they find the repositories of all projects."""
    repositories = {trial.new_image(visibility).removesuffix(":1") for visibility in VISIBILITIES}
    token = token_server.create_personal_token(holders["administrator"].username, scopes)

    everything, found = (search(podman, trial.registry, token, words).check() for words in ("", f"/{trial.name}"))

    assert everything.output.splitlines()[1:]
    assert {line.strip() for line in found.output.splitlines()[1:]} == repositories


@pytest.mark.parametrize(("who", "scopes"), [("maintainer", EVERYTHING), ("owner", EVERYTHING), ("administrator", ["write_registry"])])
def test_nobody_else_lists_the_catalog(
    podman: Podman, registry: StockRegistry, token_server: TokenServer, holders: dict[str, Person], who: str, scopes: Sequence[str]
) -> None:
    """It names the repositories of everybody; and a token that cannot read lists nothing."""
    token = token_server.create_personal_token(holders[who].username, scopes)

    listed = search(podman, registry, token, "")

    assert listed.returncode == 125
    assert DENIED in listed.output.splitlines()
