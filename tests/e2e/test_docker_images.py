"""`docker push` and `docker pull` at docker-registry 2.8.2: what each token may do with images."""

import re
from dataclasses import dataclass

import pytest

from .peers.docker_engine import DockerClient, DockerEngine
from .peers.stock_registry import StockRegistry
from .refused import Refused
from .token_server import Token, TokenServer

DENIED = "denied: requested access to the resource is denied"


def pull_denied(reference: str) -> str:
    """Give all that docker prints when the right to pull is missing: the same for a repository that does not exist."""
    repository = reference.rpartition(":")[0]
    return (
        f"Error response from daemon: pull access denied for {repository}, "
        f"repository does not exist or may require 'docker login': {DENIED}"
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """Images that are in the registry and not on the machine: one for each visibility of a project."""

    private: str
    internal: str
    public: str


@pytest.fixture(scope="session")
def stored(
    request: pytest.FixtureRequest, docker_engine: DockerEngine, registry: StockRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Stored:
    """Push one image to each of the three projects, with the project's own token."""
    client = DockerClient(docker_engine, tmp_path_factory.mktemp("docker"))
    references = []
    for project, owner in (("project", "writer"), ("internal_project", "internal_writer"), ("public_project", "public_writer")):
        reference = f"{registry.host}/{request.getfixturevalue(project)}/stored:1"
        client.import_image(reference, f"stored in {project}").check()
        client.login(registry.host, *request.getfixturevalue(owner).credentials).check()
        client.push(reference).check()
        client.remove_image(reference).check()
        references.append(reference)
    return Stored(*references)


@pytest.mark.parametrize(
    ("holder", "below"),
    [
        pytest.param("writer", "", id="project-token-on-the-project-itself"),
        pytest.param("writer", "/deeply/nested/app", id="project-token-on-a-nested-path"),
        pytest.param("group_writer", "/app", id="group-token-on-a-project-of-a-subgroup"),
        pytest.param("group_writer", "/deeply/nested/app", id="group-token-on-a-nested-path"),
    ],
)
def test_push_pull_and_run(
    request: pytest.FixtureRequest, docker: DockerClient, registry: StockRegistry, project: str, name: str, holder: str, below: str
) -> None:
    """A pushed image comes back whole and runs."""
    reference = f"{registry.host}/{project}{below}:{name}"
    docker.login(registry.host, *request.getfixturevalue(holder).credentials).check()
    docker.import_image(reference, name).check()

    pushed = docker.push(reference).check()
    docker.remove_image(reference).check()
    pulled = docker.pull(reference).check()
    marker = docker.run(reference, "/bin/cat", "/marker").check()

    assert f"{name}: digest: sha256:" in pushed.output
    assert f"Status: Downloaded newer image for {reference}" in pulled.output
    assert marker.output.strip() == name


def test_a_user_name_with_every_permitted_character_pushes(
    docker: DockerClient, registry: StockRegistry, token_server: TokenServer, project: str, name: str
) -> None:
    """The account that docker names in its requests may hold plus signs and dots."""
    reference = f"{registry.host}/{project}/{name}:1"
    docker.login(registry.host, *token_server.create_token(project=project, username="A.b+c_d-9").credentials).check()
    docker.import_image(reference, name).check()

    assert "digest: sha256:" in docker.push(reference).check().output


def test_a_read_only_token_pulls_but_cannot_push(
    docker: DockerClient, registry: StockRegistry, stored: Stored, project: str, reader: Token, name: str
) -> None:
    """With read_registry alone a pull succeeds and a push is denied."""
    reference = f"{registry.host}/{project}/{name}:1"
    docker.login(registry.host, *reader.credentials).check()
    docker.import_image(reference, name).check()

    pulled = docker.pull(stored.private)
    pushed = docker.push(reference)
    docker.remove_image(stored.private).check()

    assert pulled.returncode == 0
    assert pushed.returncode == 1
    assert DENIED in pushed.output.splitlines()


@pytest.mark.parametrize("holder", ["write_only", "public_writer"], ids=["write-only", "foreign"])
def test_a_token_without_the_right_neither_pulls_nor_pushes(
    request: pytest.FixtureRequest, docker: DockerClient, registry: StockRegistry, stored: Stored, project: str, name: str, holder: str
) -> None:
    """With write_registry alone, or with another project's token, a private project is closed."""
    reference = f"{registry.host}/{project}/{name}:1"
    docker.login(registry.host, *request.getfixturevalue(holder).credentials).check()
    docker.import_image(reference, name).check()

    pulled = docker.pull(stored.private)
    pushed = docker.push(reference)

    assert (pulled.returncode, pulled.output.strip()) == (1, pull_denied(stored.private))
    assert (pushed.returncode, pushed.output.strip().splitlines()[-1]) == (1, DENIED)


@pytest.mark.parametrize("holder", ["writer", "write_only", None], ids=["foreign", "foreign-write-only", "anonymous"])
def test_who_has_no_right_of_their_own_pulls_public_images_only(
    request: pytest.FixtureRequest, docker: DockerClient, registry: StockRegistry, stored: Stored, holder: str | None
) -> None:
    """A public project's image can be pulled by everybody, with any token or none; an internal one's cannot, nor can it be pushed to."""
    if holder is not None:
        docker.login(registry.host, *request.getfixturevalue(holder).credentials).check()

    internal = docker.pull(stored.internal)
    public = docker.pull(stored.public)
    overwrite = stored.public.replace(":1", ":2")
    docker.tag(stored.public, overwrite).check()
    pushed = docker.push(overwrite)
    docker.remove_image(stored.public, overwrite).check()

    assert public.returncode == 0
    assert (internal.returncode, internal.output.strip()) == (1, pull_denied(stored.internal))
    assert pushed.returncode == 1
    assert DENIED in pushed.output.splitlines()


def test_anonymously_private_and_missing_look_alike(docker: DockerClient, registry: StockRegistry, stored: Stored) -> None:
    """Nobody learns from docker's message whether a private image exists."""
    missing = f"{registry.host}/no/such/image:1"

    assert docker.pull(stored.private).output.strip() == pull_denied(stored.private)
    assert docker.pull(missing).output.strip() == pull_denied(missing)


def test_a_refused_token_that_docker_remembers(
    docker: DockerClient, registry: StockRegistry, stored: Stored, project: str, refused: Refused, name: str
) -> None:
    """A token that died after the login is refused at the next pull and push, which say why; docker never goes on anonymously."""
    docker.remember(registry.host, *refused.token.credentials)
    reference = f"{registry.host}/{project}/{name}:1"
    docker.import_image(reference, name).check()

    pulled, pulled_public, pushed = docker.pull(stored.private), docker.pull(stored.public), docker.push(reference)

    for reply, image in ((pulled, stored.private), (pulled_public, stored.public)):
        address = f"http://{registry.host}/v2/{image.split('/', 1)[1].replace(':', '/manifests/')}"
        pattern = re.escape(f'Error response from daemon: Head "{address}": unauthorized: ') + refused.message
        assert reply.returncode == 1
        assert re.fullmatch(pattern, reply.output.strip())
    assert pushed.returncode == 1
    assert re.fullmatch(f"unauthorized: {refused.message}", pushed.output.strip().splitlines()[-1])


def test_a_push_after_the_token_was_revoked(
    docker: DockerClient, registry: StockRegistry, token_server: TokenServer, project: str, name: str
) -> None:
    """The first push works, the one after the revocation does not."""
    token = token_server.create_token(project=project)
    first, second = (f"{registry.host}/{project}/{name}:{tag}" for tag in (1, 2))
    docker.login(registry.host, *token.credentials).check()
    docker.import_image(first, name).check()
    docker.tag(first, second).check()

    docker.push(first).check()
    token_server.revoke(token)
    pushed = docker.push(second)

    assert pushed.returncode == 1
    assert re.fullmatch(r"unauthorized: This deploy token was revoked on \d{4}-\d\d-\d\d\.", pushed.output.strip().splitlines()[-1])


def test_a_layer_is_mounted_from_another_repository(
    docker: DockerClient, registry: StockRegistry, project: str, group_writer: Token, name: str
) -> None:
    """A layer that a readable repository has already is not sent again."""
    source, target = f"{project}/{name}/source", f"{project}/{name}/target"
    docker.login(registry.host, *group_writer.credentials).check()
    docker.import_image(f"{registry.host}/{source}:1", name).check()
    docker.tag(f"{registry.host}/{source}:1", f"{registry.host}/{target}:1").check()

    docker.push(f"{registry.host}/{source}:1").check()
    pushed = docker.push(f"{registry.host}/{target}:1").check()

    assert f"Mounted from {source}" in pushed.output


def test_a_layer_is_not_mounted_from_a_repository_that_may_not_be_read(
    docker: DockerClient, registry: StockRegistry, project: str, internal_project: str, writer: Token, internal_writer: Token, name: str
) -> None:
    """The right to mount from somewhere else is asked for and not granted: docker sends the layer, and the push succeeds."""
    source, target = f"{registry.host}/{project}/{name}:1", f"{registry.host}/{internal_project}/{name}:1"
    docker.login(registry.host, *writer.credentials).check()
    docker.import_image(source, name).check()
    docker.tag(source, target).check()
    docker.push(source).check()
    docker.login(registry.host, *internal_writer.credentials).check()

    pushed = docker.push(target).check()

    assert "Pushed" in pushed.output
    assert "Mounted" not in pushed.output
