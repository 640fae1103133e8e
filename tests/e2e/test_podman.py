"""podman at docker-registry 2.8.2."""

from pathlib import Path

import pytest

from .peers.containers_tools import Podman
from .peers.stock_registry import StockRegistry
from .refused import Refused
from .token_server import Token

DENIED = "denied: requested access to the resource is denied"


@pytest.fixture
def image(registry: StockRegistry, project: str, name: str) -> str:
    """Give a reference in the private project that nobody has used."""
    return f"{registry.host}/{project}/{name}/app:1"


def test_push_and_pull(podman: Podman, registry: StockRegistry, writer: Token, layout: Path, image: str) -> None:
    """An image goes into the registry and comes back."""
    assert podman.login(registry.host, *writer.credentials).check().output == "Login Succeeded!\n"
    podman.import_layout(layout, image).check()

    podman.push(image).check()
    podman.remove_image(image).check()
    podman.pull(image).check()

    assert image in podman.podman("images", "--format", "{{.Repository}}:{{.Tag}}").check().output.splitlines()


def test_login_with_a_refused_token(podman: Podman, registry: StockRegistry, refused: Refused) -> None:
    """At login podman keeps the server's sentence to itself."""
    login = podman.login(registry.host, *refused.token.credentials)

    assert (login.returncode, login.output) == (125, f'Error: logging into "{registry.host}": invalid username/password\n')


def test_login_without_a_registry_scope(podman: Podman, registry: StockRegistry, scopeless: Token) -> None:
    """A token that can do nothing at the registry cannot log in."""
    login = podman.login(registry.host, *scopeless.credentials)

    assert login.returncode == 125
    assert login.output.endswith("Requesting bearer token: invalid status code from registry 403 (Forbidden)\n")


def test_a_read_only_token_pulls_but_cannot_push(
    podman: Podman, registry: StockRegistry, writer: Token, reader: Token, layout: Path, image: str
) -> None:
    """With read_registry alone a pull succeeds and a push, of another tag of the same image, is denied."""
    podman.import_layout(layout, image).check()
    podman.login(registry.host, *writer.credentials).check()
    podman.push(image).check()
    other = image.replace(":1", ":2")
    podman.login(registry.host, *reader.credentials).check()

    pulled = podman.pull(image)
    podman.tag(image, other).check()
    pushed = podman.push(other)

    assert pulled.returncode == 0
    assert pushed.returncode == 125
    assert DENIED in pushed.output.splitlines()


def test_anonymous_pull_of_a_private_image(podman: Podman, registry: StockRegistry, writer: Token, layout: Path, image: str) -> None:
    """Without a login an image that is there is as good as missing."""
    podman.import_layout(layout, image).check()
    podman.login(registry.host, *writer.credentials).check()
    podman.push(image).check()
    podman.logout(registry.host).check()

    existing, missing = (podman.pull(reference) for reference in (image, image.replace("/app", "/missing")))

    for pulled in (existing, missing):
        assert pulled.returncode == 125
        assert DENIED in pulled.output.splitlines()
