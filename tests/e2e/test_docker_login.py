"""`docker login` at docker-registry 2.8.2: who gets in, and what the others read."""

import re
import string
from pathlib import Path

import pytest

from .peers.docker_engine import DockerClient, DockerEngine, docker_clis
from .peers.stock_registry import StockRegistry
from .refused import WRONG, Refused
from .token_server import KNOWN_SECRETS, Token, TokenServer

pytestmark = pytest.mark.usefixtures("token_server")

SCOPELESS = (
    "denied: This deploy token has only the scope read_repository. "
    "The container registry needs read_registry to pull, and write_registry with it to push."
)

# What a secret may hold that a shell, a URL, a form or a header could change on the way.
ODD_SECRETS = ["se:cr:et", "plus+plus", "user@host", "50%25", "a&b=c", "é à ü", "日本語", "gldt-日本語", "x" * 1000]


@pytest.fixture(params=docker_clis(), ids=lambda cli: str(cli.parent).replace("/", "-").strip("-"))
def any_docker(request: pytest.FixtureRequest, docker_engine: DockerEngine, tmp_path: Path) -> DockerClient:
    """Give each docker command of this machine, logged in nowhere."""
    return DockerClient(docker_engine, tmp_path / "docker", request.param)


def printed(message: str, host: str) -> str:
    """Give the pattern of all that docker prints when a login is refused."""
    return re.escape(f'Error response from daemon: Get "http://{host}/v2/": ') + message


def test_login_with_a_good_token(any_docker: DockerClient, registry: StockRegistry, writer: Token) -> None:
    """A deploy token logs in, and docker keeps it."""
    login = any_docker.login(registry.host, *writer.credentials).check()

    assert "Login Succeeded" in login.output
    assert any_docker.remembers(registry.host)


def test_login_with_a_refused_token(any_docker: DockerClient, registry: StockRegistry, refused: Refused) -> None:
    """Whoever holds the right secret of a dead token reads why it is dead; everybody else reads one and the same sentence."""
    login = any_docker.login(registry.host, *refused.token.credentials)

    assert login.returncode == 1
    assert re.fullmatch(printed(f"unauthorized: {refused.message}", registry.host), login.output.strip())
    assert not any_docker.remembers(registry.host)


@pytest.mark.parametrize("secret", ODD_SECRETS, ids=ascii)
def test_login_with_odd_characters_in_a_wrong_secret(docker: DockerClient, registry: StockRegistry, name: str, secret: str) -> None:
    """A wrong secret is just wrong, whatever characters it is made of."""
    KNOWN_SECRETS.add(secret)
    login = docker.login(registry.host, name, secret)

    assert login.returncode == 1
    assert re.fullmatch(printed(re.escape(f"unauthorized: {WRONG}"), registry.host), login.output.strip())


def test_login_without_a_registry_scope(any_docker: DockerClient, registry: StockRegistry, scopeless: Token) -> None:
    """A token that can do nothing at the registry is told at login which scope it has and which it would need."""
    login = any_docker.login(registry.host, *scopeless.credentials)

    assert login.returncode == 1
    assert re.fullmatch(printed(re.escape(SCOPELESS), registry.host), login.output.strip())


def test_login_with_every_permitted_character_in_the_user_name(
    any_docker: DockerClient, registry: StockRegistry, token_server: TokenServer, project: str
) -> None:
    """Letters, digits, dot, plus, underscore and hyphen arrive in a user name as they were given."""
    username = f"{string.ascii_letters}{string.digits}.+_-"
    token = token_server.create_token(project=project, username=username)

    any_docker.login(registry.host, *token.credentials).check()
    wrong = any_docker.login(registry.host, username.swapcase(), token.secret)

    assert token.username == username
    assert wrong.returncode == 1


def test_login_during_the_overlap_of_a_rotation(
    docker: DockerClient, registry: StockRegistry, token_server: TokenServer, project: str
) -> None:
    """After a rotation with an overlap both secrets work; after another one without, only the newest does."""
    oldest = token_server.create_token(project=project)
    older = token_server.rotate(oldest, overlap=600)
    both = [docker.login(registry.host, *token.credentials) for token in (oldest, older)]
    newest = token_server.rotate(older)
    only_one = [docker.login(registry.host, *token.credentials) for token in (oldest, older, newest)]

    assert [login.returncode for login in both] == [0, 0]
    assert [login.returncode for login in only_one] == [1, 1, 0]
    assert len({oldest.secret, older.secret, newest.secret}) == 3
