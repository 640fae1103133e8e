"""Pushes to the dependency proxy of what is partly there already: images built on cached ones, copies, mounted layers."""

import re
from pathlib import Path

import pytest

from .dependency_proxy import DependencyProxy
from .peers.containers_tools import Podman, Skopeo
from .peers.docker_engine import DockerClient
from .peers.stock_registry import StockRegistry
from .token_server import Token, TokenServer
from .upstream import PublishedImage, publish, publish_index

IMAGES = "clients/pushes/dependency_proxy/containers"


@pytest.fixture(scope="module")
def writer(token_server: TokenServer) -> Token:
    """Make a group and a token that pulls and pushes there."""
    token_server.document("group", "create", "clients/pushes")
    return token_server.create_token(group="clients/pushes", scopes=["write_virtual_registry"])


@pytest.fixture
def published(upstream: StockRegistry, name: str, tmp_path: Path) -> PublishedImage:
    """Publish an official image at the upstream."""
    return publish(upstream, f"library/{name}", "1", tmp_path)


@pytest.fixture
def runnable(docker: DockerClient, upstream: StockRegistry, name: str) -> str:
    """Publish an image with a shell at the upstream, of which docker keeps nothing; give its name there without `library`."""
    reference = f"{upstream.host}/library/{name}:1"
    docker.import_image(reference, f"base {name}").check()
    docker.push(reference).check()
    docker.remove_image(reference).check()
    return name


@pytest.mark.parametrize("buildkit", [False, True], ids=["legacy", "buildkit"])
def test_docker_build_on_a_cached_image(
    docker: DockerClient, dependency_proxy: DependencyProxy, writer: Token, runnable: str, buildkit: bool
) -> None:
    """The base comes from the cache; what is built on it is pushed with all layers, as another tag of it, comes back and runs."""
    base, built = (f"{dependency_proxy.host}/{IMAGES}/{runnable}:{tag}" for tag in ("1", "built"))
    docker.login(dependency_proxy.host, *writer.credentials).check()

    docker.build(built, f"FROM {base}\nRUN echo built > /built\n", buildkit=buildkit).check()
    pushed = docker.push(built).check()
    docker.remove_image(built, *([] if buildkit else [base])).check()
    docker.forget_builds().check()
    docker.pull(built).check()

    assert re.findall(": (Layer already exists|Mounted from|Pushed)", pushed.output) == ["Pushed"] * 2
    assert docker.run(built, "/bin/cat", "/marker", "/built").check().output == f"base {runnable}\nbuilt\n"


def test_podman_build_on_a_cached_image(
    podman: Podman, dependency_proxy: DependencyProxy, writer: Token, published: PublishedImage, name: str, tmp_path: Path
) -> None:
    """With podman it is the same: nothing of the base is taken to be in the store."""
    assert published.repository == f"library/{name}"
    base, built = (f"{dependency_proxy.host}/{IMAGES}/{name}:{tag}" for tag in ("1", "built"))
    context = tmp_path / "context"
    context.mkdir()
    (context / "built").write_text(name)
    (context / "Dockerfile").write_text(f"FROM {base}\nCOPY built /built\n")
    podman.login(dependency_proxy.host, *writer.credentials).check()

    podman.build(built, context).check()
    image_id = podman.image_id(built)
    podman.push(built).check()
    podman.remove_image(built, base).check()
    podman.pull(built).check()

    assert podman.image_id(built) == image_id
    assert dependency_proxy.stores(f"{IMAGES}/{name}", "built", image_id)


def test_docker_mounts_a_pushed_layer(docker: DockerClient, dependency_proxy: DependencyProxy, writer: Token, name: str) -> None:
    """A layer that another image of the group has in the store is not sent again."""
    first, second = (f"{dependency_proxy.host}/{IMAGES}/{name}/{image}:1" for image in ("first", "second"))
    docker.login(dependency_proxy.host, *writer.credentials).check()
    docker.import_image(first, name).check()
    docker.tag(first, second).check()

    docker.push(first).check()
    pushed = docker.push(second).check()
    docker.remove_image(first, second).check()
    docker.pull(second).check()

    assert f"Mounted from {IMAGES}/{name}/first" in pushed.output


def test_docker_mounts_nothing_from_the_cache(
    docker: DockerClient, dependency_proxy: DependencyProxy, writer: Token, runnable: str
) -> None:
    """The layer of a cached image has to be sent to the store, also where docker asks for it to be mounted."""
    source, target = (f"{dependency_proxy.host}/{IMAGES}/{image}:1" for image in (runnable, f"tools/{runnable}"))
    docker.login(dependency_proxy.host, *writer.credentials).check()
    docker.pull(source).check()
    docker.tag(source, target).check()

    pushed = docker.push(target).check()
    docker.remove_image(source, target).check()
    docker.pull(target).check()

    assert re.findall(": (Layer already exists|Mounted from|Pushed)", pushed.output) == ["Pushed"]


@pytest.mark.parametrize(("pushed_before", "mounts"), [(False, ["202"]), (True, ["201"])], ids=["cached", "pushed"])
def test_skopeo_copies_within_the_group(
    skopeo: Skopeo,
    dependency_proxy: DependencyProxy,
    writer: Token,
    published: PublishedImage,
    tmp_path: Path,
    pushed_before: bool,
    mounts: list[str],
) -> None:
    """Copies are whole; a layer is mounted into another image (201) if it was pushed, and has to be sent (202) if it is only cached."""
    name = published.repository.removeprefix("library/")
    source = f"docker://{dependency_proxy.host}/{IMAGES}/{name}:1"
    skopeo.login(dependency_proxy.host, *writer.credentials).check()
    skopeo.copy(source, f"dir:{tmp_path}/here").check()  # now skopeo knows where the layers are
    if pushed_before:
        skopeo.copy(f"dir:{tmp_path}/here", source).check()

    for image, tag in ((f"{name}/other", "1"), (name, "2")):
        skopeo.copy(source, f"docker://{dependency_proxy.host}/{IMAGES}/{image}:{tag}").check()
        assert dependency_proxy.stores(f"{IMAGES}/{image}", tag, *published.blobs)

    asked = rf'"POST /v2/{IMAGES}/{name}/other/blobs/uploads/\?from=\S+&mount=\S+ HTTP/1.1" (\d+)'
    assert re.findall(asked, dependency_proxy.nginx.log()) == mounts


def test_skopeo_copies_an_index(
    skopeo: Skopeo, dependency_proxy: DependencyProxy, upstream: StockRegistry, writer: Token, name: str, tmp_path: Path
) -> None:
    """An index is copied with the images of all platforms, each of which is in the cache alone before."""
    images = {architecture: publish(upstream, f"library/{name}", architecture, tmp_path) for architecture in ("amd64", "arm64")}
    index = publish_index(upstream, f"library/{name}", "1", images)
    source, copy = (f"docker://{dependency_proxy.host}/{IMAGES}/{image}" for image in (f"{name}:1", f"{name}:2"))
    skopeo.login(dependency_proxy.host, *writer.credentials).check()

    skopeo.copy(source, copy, every_platform=True).check()
    skopeo.copy(copy, f"dir:{tmp_path}/back", every_platform=True).check()

    blobs = [blob for image in images.values() for blob in image.blobs]
    assert dependency_proxy.stores(f"{IMAGES}/{name}", "2", *blobs)
    assert (tmp_path / "back" / "manifest.json").read_bytes() == index.manifest
