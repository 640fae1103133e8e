"""skopeo at docker-registry 2.8.2."""

import re
from pathlib import Path

import pytest

from .peers.containers_tools import Skopeo
from .peers.processes import Finished
from .peers.stock_registry import StockRegistry
from .refused import Refused
from .token_server import Token, TokenServer

# How skopeo words that the registry wants more than the token grants; `\n` stands in the message as two characters.
DENIED = r"errors:\ndenied: requested access to the resource is denied\n"


def fatal(reply: Finished) -> str:
    """Give the message with which skopeo ended, as it prints it."""
    assert reply.returncode == 1
    match = re.search(r'level=fatal msg="(.*)"$', reply.output.strip())
    assert match
    return match[1]


@pytest.fixture
def image(registry: StockRegistry, project: str, name: str) -> str:
    """Give a reference in the private project that nobody has used."""
    return f"{registry.host}/{project}/{name}/app:1"


def test_push_inspect_and_pull(skopeo: Skopeo, registry: StockRegistry, writer: Token, layout: Path, image: str, tmp_path: Path) -> None:
    """An image goes into the registry, is described, and comes back."""
    assert skopeo.login(registry.host, *writer.credentials).check().output == "Login Succeeded!\n"
    skopeo.copy(f"oci:{layout}:latest", f"docker://{image}").check()

    described = skopeo.inspect(image).check()
    skopeo.copy(f"docker://{image}", f"oci:{tmp_path}/copy:latest").check()

    assert f'"Name": "{image.rpartition(":")[0]}"' in described.output
    assert skopeo.list_tags(image.rpartition(":")[0]).check().output.split() == [
        "{", '"Repository":', f'"{image.rpartition(":")[0]}",', '"Tags":', "[", '"1"', "]", "}",
    ]  # fmt: skip
    assert {path.name for path in layout.glob("blobs/*/*")} <= {path.name for path in (tmp_path / "copy").glob("blobs/*/*")}


def test_login_with_a_refused_token(skopeo: Skopeo, registry: StockRegistry, refused: Refused) -> None:
    """At login skopeo keeps the server's sentence to itself."""
    login = skopeo.login(registry.host, *refused.token.credentials)

    assert fatal(login) == rf"logging into \"{registry.host}\": invalid username/password"


def test_login_without_a_registry_scope(skopeo: Skopeo, registry: StockRegistry, scopeless: Token) -> None:
    """A token that can do nothing at the registry cannot log in."""
    login = skopeo.login(registry.host, *scopeless.credentials)

    assert fatal(login).endswith("Requesting bearer token: invalid status code from registry 403 (Forbidden)")


def test_pull_with_a_token_revoked_after_the_login(
    skopeo: Skopeo, registry: StockRegistry, token_server: TokenServer, project: str, image: str
) -> None:
    """Once logged in, whoever comes back with a revoked token reads so."""
    token = token_server.create_token(project=project)
    skopeo.login(registry.host, *token.credentials).check()
    token_server.revoke(token)

    told = r"unable to retrieve auth token: invalid username/password: unauthorized: This deploy token was revoked on \d{4}-\d\d-\d\d\.$"
    assert re.search(told, fatal(skopeo.inspect(image)))


@pytest.mark.parametrize("holder", ["reader", "write_only", "public_writer"], ids=["read-only", "write-only", "foreign"])
def test_push_without_the_right(
    request: pytest.FixtureRequest, skopeo: Skopeo, registry: StockRegistry, layout: Path, image: str, holder: str
) -> None:
    """Without both scopes, or with another project's token, a push is denied and leaves no image."""
    skopeo.login(registry.host, *request.getfixturevalue(holder).credentials).check()
    pushed = skopeo.copy(f"oci:{layout}:latest", f"docker://{image}")
    skopeo.login(registry.host, *request.getfixturevalue("writer").credentials).check()

    assert DENIED in fatal(pushed)
    assert "manifest unknown" in fatal(skopeo.inspect(image))


def test_pull_without_the_right(
    skopeo: Skopeo, registry: StockRegistry, writer: Token, public_writer: Token, layout: Path, image: str
) -> None:
    """Neither a foreign token nor nobody pulls a private image that is there."""
    skopeo.login(registry.host, *writer.credentials).check()
    skopeo.copy(f"oci:{layout}:latest", f"docker://{image}").check()

    skopeo.login(registry.host, *public_writer.credentials).check()
    foreign = skopeo.inspect(image)
    skopeo.logout(registry.host).check()
    anonymous = skopeo.inspect(image)

    assert DENIED in fatal(foreign)
    assert DENIED in fatal(anonymous)


def test_delete(skopeo: Skopeo, registry: StockRegistry, writer: Token, layout: Path, image: str) -> None:
    """A deploy token never deletes, also when it asks for everything with `*`; the image stays."""
    skopeo.login(registry.host, *writer.credentials).check()
    skopeo.copy(f"oci:{layout}:latest", f"docker://{image}").check()

    deleted = skopeo.delete(image)

    assert re.match(r"Failed to delete /v2/.*\\\"Action\\\":\\\"delete\\\".* \(401 Unauthorized\)$", fatal(deleted))
    skopeo.inspect(image).check()
