"""ctr at docker-registry 2.8.2: a Kubernetes node, which asks for tokens by POST first."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from .peers.availability import require
from .peers.containerd import Containerd
from .peers.stock_registry import REGISTRIES, StockRegistry
from .recording_proxy import Recording, recording_proxy
from .refused import Refused
from .token_server import Token, TokenServer

NO_RIGHT = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope"


@pytest.fixture(scope="module")
def recording(token_server: TokenServer) -> Iterator[Recording]:
    """Run a proxy in front of the token server that sees how it is asked."""
    with recording_proxy(token_server.url) as recording:
        yield recording


@pytest.fixture(scope="module")
def observed(token_server: TokenServer, recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockRegistry]:
    """Run a docker-registry 2.8.2 that sends its clients to the proxy."""
    require(REGISTRIES[0].peer)
    auth = replace(token_server.token_auth, realm=f"{recording.url}/jwt/auth")
    with StockRegistry(REGISTRIES[0], tmp_path_factory.mktemp("registry"), auth) as registry:
        yield registry


@pytest.fixture
def image(containerd: Containerd, observed: StockRegistry, project: str, layout: Path, name: str) -> str:
    """Give an image of the private project that is in containerd's store and in no registry."""
    reference = f"{observed.host}/{project}/{name}/app:1"
    containerd.import_layout(layout, reference).check()
    return reference


@pytest.fixture
def pushed(containerd: Containerd, writer: Token, image: str) -> str:
    """Give an image of the private project that is in the registry and no longer in containerd's store."""
    containerd.push(image, writer.credentials).check()
    containerd.remove_image(image).check()
    return image


def test_push_and_pull(containerd: Containerd, recording: Recording, writer: Token, image: str) -> None:
    """An image goes into the registry and comes back, every token asked for by a POST that succeeds."""
    before = len(recording.requests)
    containerd.push(image, writer.credentials).check()
    containerd.remove_image(image).check()
    containerd.pull(image, writer.credentials).check()
    asked = recording.requests[before:]

    assert len(asked) >= 2
    assert {(request.method, request.status, request.has_authorization) for request in asked} == {("POST", 200, False)}
    assert all(request.form["grant_type"] == ["password"] and request.form["client_id"] == ["containerd-client"] for request in asked)


def test_push_asks_for_one_repository_several_times(
    containerd: Containerd, recording: Recording, writer: Token, observed: StockRegistry, image: str
) -> None:
    """A push sends one scope field with several scopes for the same repository, and gets what it needs."""
    before = len(recording.requests)
    containerd.push(image, writer.credentials).check()
    repository = image.removeprefix(f"{observed.host}/").rpartition(":")[0]
    scopes = [request.form["scope"] for request in recording.requests[before:]]

    assert [f"repository:{repository}:pull repository:{repository}:pull,push"] in scopes


def test_a_refused_token(containerd: Containerd, recording: Recording, pushed: str, refused: Refused) -> None:
    """A refused POST is tried again by GET with Basic, and both are answered 401."""
    before = len(recording.requests)
    pulled = containerd.pull(pushed, refused.token.credentials)
    asked = [(request.method, request.has_authorization, request.status) for request in recording.requests[before:]]

    assert pulled.returncode == 1
    assert "failed to fetch oauth token: unexpected status: 401 Unauthorized" in pulled.output
    assert asked == [("POST", False, 401), ("GET", True, 401)]


@pytest.mark.parametrize("holder", ["write_only", "public_writer", None], ids=["write-only", "foreign", "anonymous"])
def test_pull_without_the_right(request: pytest.FixtureRequest, containerd: Containerd, pushed: str, holder: str | None) -> None:
    """A private image cannot be pulled with write_registry alone, with a foreign token or with none."""
    credentials = None if holder is None else request.getfixturevalue(holder).credentials
    pulled = containerd.pull(pushed, credentials)

    assert pulled.returncode == 1
    assert NO_RIGHT in pulled.output


def test_pull_without_a_registry_scope(containerd: Containerd, pushed: str, scopeless: Token) -> None:
    """A token that can do nothing at the registry is refused with 403."""
    pulled = containerd.pull(pushed, scopeless.credentials)

    assert pulled.returncode == 1
    assert "failed to fetch oauth token: unexpected status: 403 Forbidden" in pulled.output


def test_push_with_a_read_only_token(containerd: Containerd, reader: Token, image: str) -> None:
    """With read_registry alone a push is refused."""
    refused = containerd.push(image, reader.credentials)

    assert refused.returncode == 1
    assert re.search("insufficient_scope|401 Unauthorized", refused.output), refused.output


def test_anonymous_pull_of_a_public_image(
    containerd: Containerd, observed: StockRegistry, public_project: str, public_writer: Token, layout: Path, name: str
) -> None:
    """A public image needs no credentials."""
    reference = f"{observed.host}/{public_project}/{name}:1"
    containerd.import_layout(layout, reference).check()
    containerd.push(reference, public_writer.credentials).check()
    containerd.remove_image(reference).check()

    containerd.pull(reference).check()
