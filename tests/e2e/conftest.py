"""What is started once for all end-to-end tests, and the few groups, projects and tokens that many of them only read."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from gitlab import Gitlab

from .compose_project import ComposeProject
from .dependency_proxy import DependencyProxy
from .peers.availability import require
from .peers.containerd import Containerd
from .peers.containers_tools import Podman, Skopeo
from .peers.docker_engine import DockerClient, DockerEngine
from .peers.oci_layout import write_oci_layout
from .peers.postgresql import PostgresCluster
from .peers.stock_registry import REGISTRIES, RegistryLine, StockRegistry
from .people import Person, create_person
from .proxy_calls import administrator_of
from .python_gitlab import People, people_of_a_team
from .refused import REFUSED, Refused
from .secret_search import check_nothing_secret
from .stand_ins.python_image import import_python_image
from .stand_ins.registry_image import import_registry_image
from .token_server import KNOWN_SECRETS, PULL, Token, TokenServer
from .two_groups import Scene, make_tokens

_numbers = count(1)


@pytest.fixture(scope="session")
def token_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Serve the token server of the session. At its end nothing that it wrote may hold a secret."""
    with TokenServer(tmp_path_factory.mktemp("token-server")) as server:
        yield server
    check_nothing_secret(server)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Serve a token server for the tests of the REST API. At its end nothing that it wrote may hold a secret."""
    with TokenServer(tmp_path_factory.mktemp("api-server")) as server:
        yield server
    check_nothing_secret(server)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    """Run a PostgreSQL. Tests that stop it have one of their own."""
    require("postgres", "initdb")
    with PostgresCluster(tmp_path_factory.mktemp("postgres")) as cluster:
        KNOWN_SECRETS.add(cluster.password)
        yield cluster


@pytest.fixture(scope="session")
def people(api_server: TokenServer) -> Iterator[People]:
    """Make somebody of each role, an administrator and a stranger, and log them in at the REST API."""
    with people_of_a_team(api_server) as people:
        yield people


@pytest.fixture(scope="session", params=REGISTRIES, ids=lambda line: line.label)
def any_registry(
    request: pytest.FixtureRequest, token_server: TokenServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StockRegistry]:
    """Run each released registry in turn."""
    yield from _registry(request.param, token_server, tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="session")
def registry(token_server: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockRegistry]:
    """Run Debian's docker-registry 2.8.2."""
    yield from _registry(REGISTRIES[0], token_server, tmp_path_factory.mktemp("registry"))


def _registry(line: RegistryLine, server: TokenServer, directory: Path) -> Iterator[StockRegistry]:
    require(line.peer)
    with StockRegistry(line, directory, server.token_auth) as registry:
        yield registry


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockRegistry]:
    """Run the registry that stands in for Docker Hub. Tests that stop it have one of their own."""
    require("docker-registry")
    with StockRegistry(REGISTRIES[0], tmp_path_factory.mktemp("upstream"), None) as registry:
        yield registry


@pytest.fixture(scope="session")
def dependency_proxy(
    token_server: TokenServer, upstream: StockRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DependencyProxy]:
    """Run the dependency proxy. Tests that stop parts of it have one of their own."""
    require("docker-registry", "nginx")
    with DependencyProxy(token_server, upstream, tmp_path_factory.mktemp("dependency-proxy")) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def administrator(token_server: TokenServer) -> Iterator[Gitlab]:
    """Log an administrator in at the REST API."""
    with administrator_of(token_server, "administrator") as client:
        yield client


@pytest.fixture(scope="session")
def tokens_of_two_groups(administrator: Gitlab) -> tuple[dict[str, Token], dict[str, Token]]:
    """Make two groups that try everything on each other, with their tokens."""
    return make_tokens(administrator)


@pytest.fixture
def scene(
    token_server: TokenServer,
    dependency_proxy: DependencyProxy,
    upstream: StockRegistry,
    tokens_of_two_groups: tuple[dict[str, Token], dict[str, Token]],
    name: str,
) -> Scene:
    """Give the two groups at the dependency proxy, with an image name that no other test has."""
    return Scene(token_server, dependency_proxy, upstream, *tokens_of_two_groups, name)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """Run a Docker daemon."""
    require("dockerd", "docker", "containerd", "ctr", "busybox", "ip")
    with DockerEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def compose_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeProject]:
    """Build the images of the compose file. Each module brings the project up, and takes it down for the next one."""
    require("dockerd", "docker", "docker-compose", "containerd", "ctr", "busybox", "ip", "docker-registry")
    directory = tmp_path_factory.mktemp("compose")
    copy = directory / "registry-auth"
    copy.mkdir()
    with DockerEngine(own_network=True) as engine:
        docker = DockerClient(engine, directory / "docker")
        import_registry_image(docker, directory)
        import_python_image(docker, directory)
        project = ComposeProject(copy, docker)
        project.compose("build", timeout=250).check()
        yield project


@pytest.fixture
def docker(docker_engine: DockerEngine, tmp_path: Path) -> DockerClient:
    """Give Debian's docker command, logged in nowhere."""
    return DockerClient(docker_engine, tmp_path / "docker")


@pytest.fixture
def skopeo(tmp_path: Path) -> Skopeo:
    """Give a skopeo, logged in nowhere."""
    require("skopeo")
    (tmp_path / "skopeo").mkdir()
    return Skopeo(tmp_path / "skopeo")


@pytest.fixture
def podman(tmp_path: Path) -> Podman:
    """Give a podman, logged in nowhere."""
    require("podman")
    (tmp_path / "podman").mkdir()
    return Podman(tmp_path / "podman")


@pytest.fixture(scope="session")
def containerd() -> Iterator[Containerd]:
    """Run a containerd with ctr."""
    require("containerd", "ctr")
    with Containerd() as daemon:
        yield daemon


@pytest.fixture
def name() -> str:
    """Give a name that no other test has: for images, and for projects of a test's own."""
    return f"t{next(_numbers)}"


@pytest.fixture
def layout(tmp_path: Path, name: str) -> Path:
    """Give an image that no other test has, as an OCI layout."""
    return write_oci_layout(tmp_path / "layout", name)


@pytest.fixture(scope="session")
def project(token_server: TokenServer) -> str:
    """Make a private project in a subgroup."""
    return token_server.create_project("group/subgroup/project")


@pytest.fixture(scope="session")
def public_project(token_server: TokenServer) -> str:
    """Make a public project."""
    return token_server.create_project("open/project", "public")


@pytest.fixture(scope="session")
def internal_project(token_server: TokenServer) -> str:
    """Make an internal project."""
    return token_server.create_project("inside/project", "internal")


@pytest.fixture(scope="session")
def writer(token_server: TokenServer, project: str) -> Token:
    """Make a token that pulls from and pushes to the private project."""
    return token_server.create_token(project=project)


@pytest.fixture(scope="session")
def reader(token_server: TokenServer, project: str) -> Token:
    """Make a token that only pulls from the private project."""
    return token_server.create_token(project=project, scopes=PULL)


@pytest.fixture(scope="session")
def group_writer(token_server: TokenServer, project: str) -> Token:
    """Make a token of the group above the subgroup of the private project."""
    return token_server.create_token(group=project.partition("/")[0])


@pytest.fixture(scope="session")
def write_only(token_server: TokenServer, project: str) -> Token:
    """Make a token of the private project that may write but not read."""
    return token_server.create_token(project=project, scopes=["write_registry"])


@pytest.fixture(scope="session")
def scopeless(token_server: TokenServer, project: str) -> Token:
    """Make a token of the private project without any scope that counts at the container registry."""
    return token_server.create_token(project=project, scopes=["read_repository"])


@pytest.fixture(scope="session")
def public_writer(token_server: TokenServer, public_project: str) -> Token:
    """Make a token that pulls from and pushes to the public project: a foreign one for all others."""
    return token_server.create_token(project=public_project)


@pytest.fixture(scope="session")
def internal_writer(token_server: TokenServer, internal_project: str) -> Token:
    """Make a token that pulls from and pushes to the internal project."""
    return token_server.create_token(project=internal_project)


@pytest.fixture(scope="session", params=REFUSED)
def refused(request: pytest.FixtureRequest, token_server: TokenServer, project: str) -> Refused:
    """Give each kind of token that is refused, for the private project."""
    return REFUSED[request.param](token_server, project)


@pytest.fixture
def person(token_server: TokenServer) -> Person:
    """Make a user who is a member of nothing."""
    return create_person(token_server)
