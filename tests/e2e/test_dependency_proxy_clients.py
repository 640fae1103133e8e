"""docker, podman, skopeo and ctr at the dependency proxy: they pull what is cached, push, and get back what was pushed."""

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from .dependency_proxy import DependencyProxy
from .peers.availability import require
from .peers.containerd import Containerd
from .peers.processes import free_port
from .peers.stock_registry import REGISTRIES, StockRegistry
from .proxy_calls import full_name
from .proxy_clients import CLIENTS, Client
from .token_server import Token, TokenServer
from .upstream import PublishedImage, publish, publish_index

GROUP, OTHER_GROUP = "clients/one", "clients/two"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """Give each client in turn."""
    return CLIENTS[request.param](tmp_path, request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def writer(token_server: TokenServer) -> Token:
    """Make a token that pulls and pushes under both groups."""
    for group in (GROUP, OTHER_GROUP):
        token_server.document("group", "create", group)
    return token_server.create_token(group="clients", scopes=["write_virtual_registry"])


@pytest.fixture(scope="module")
def reader(token_server: TokenServer, writer: Token) -> Token:
    """Make a token that only pulls."""
    assert writer
    return token_server.create_token(group=GROUP, scopes=["read_virtual_registry"])


@pytest.fixture(scope="module")
def own_upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockRegistry]:
    """Run an upstream that these tests may stop."""
    require("docker-registry")
    with StockRegistry(REGISTRIES[0], tmp_path_factory.mktemp("upstream"), None) as registry:
        yield registry


@pytest.fixture(scope="module")
def own_proxy(
    token_server: TokenServer, own_upstream: StockRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DependencyProxy]:
    """Run a dependency proxy in front of that upstream."""
    require("nginx")
    with DependencyProxy(token_server, own_upstream, tmp_path_factory.mktemp("dependency-proxy")) as proxy:
        yield proxy


@pytest.fixture
def published(own_upstream: StockRegistry, name: str, tmp_path: Path) -> PublishedImage:
    """Publish an official image at the upstream that these tests may stop."""
    return publish(own_upstream, f"library/{name}", "1", tmp_path)


def test_pull_while_the_upstream_is_down(
    client: Client, own_upstream: StockRegistry, own_proxy: DependencyProxy, reader: Token, published: PublishedImage, name: str
) -> None:
    """The first pull comes from the upstream; later ones, by tag and by digest, from the cache."""
    image = f"{own_proxy.host}/{full_name(GROUP, name)}"
    by_tag, by_digest = f"{image}:1", f"{image}@{published.digest}"
    client.login(own_proxy.host, reader)

    client.pull(by_tag).check()
    ids = [client.image_id(by_tag)]
    own_proxy.wait_for_copies(published.repository, *published.blobs)
    own_upstream.stop()
    try:
        for previous, reference in ((by_tag, by_digest), (by_digest, by_tag)):
            client.forget(previous)
            client.pull(reference).check()
            ids.append(client.image_id(reference))
    finally:
        own_upstream.start()

    assert ids == [published.blobs[0]] * 3


def test_nested_image_for_several_platforms(
    client: Client, dependency_proxy: DependencyProxy, upstream: StockRegistry, reader: Token, name: str, tmp_path: Path
) -> None:
    """Names may be deep, and of an image for several platforms each client takes its own."""
    image = f"grafana/loki/{name}"
    images = {architecture: publish(upstream, image, architecture, tmp_path) for architecture in _ARCHITECTURES.values()}
    publish_index(upstream, image, "1", images)
    reference = f"{dependency_proxy.host}/{full_name(GROUP, image)}:1"
    client.login(dependency_proxy.host, reader)

    client.pull(reference).check()

    assert client.image_id(reference) == images[_ARCHITECTURES[platform.machine()]].blobs[0]


def test_push_of_a_new_image(client: Client, dependency_proxy: DependencyProxy, writer: Token, name: str) -> None:
    """A new image goes into the store and comes back."""
    reference = f"{dependency_proxy.host}/{full_name(GROUP, f'tools/{name}')}:1"
    created = client.create(reference, name)
    client.login(dependency_proxy.host, writer)

    client.push(reference).check()
    client.forget(reference)
    client.pull(reference).check()

    assert client.image_id(reference) == created


def test_push_of_a_cached_image(client: Client, own_proxy: DependencyProxy, writer: Token, published: PublishedImage, name: str) -> None:
    """What came from the cache is pushed whole, whatever it is called: nothing of it is taken to be in the store already."""
    names = [full_name(GROUP, image) for image in (f"{name}:1", f"{name}:2", f"{name}/other:1")]
    references = [f"{own_proxy.host}/{name}" for name in names]
    client.login(own_proxy.host, writer)
    client.pull(references[0]).check()
    for reference in references[1:]:
        client.tag(references[0], reference)

    for reference in references:
        client.push(reference).check()
    client.forget(*references)
    stored = [own_proxy.stores(*name.split(":"), published.blobs[0]) for name in names]
    for reference in references:
        client.pull(reference).check()

    assert stored == [True] * 3
    assert [client.image_id(reference) for reference in references] == [published.blobs[0]] * 3


def test_pushed_tag_of_an_upstream_image(
    client: Client, own_proxy: DependencyProxy, writer: Token, published: PublishedImage, name: str
) -> None:
    """In the group that pushed it, it takes the place of the upstream's; every other group goes on seeing the upstream's."""
    own, others = (f"{own_proxy.host}/{full_name(group, name)}:1" for group in (GROUP, OTHER_GROUP))
    created = client.create(own, name)
    client.login(own_proxy.host, writer)

    client.push(own).check()
    client.forget(own)
    for reference in (own, others):
        client.pull(reference).check()

    assert [client.image_id(reference) for reference in (own, others)] == [created, published.blobs[0]]


@pytest.mark.parametrize("path", ["library", "grafana"])
def test_mirror_of_docker_hub(
    containerd: Containerd, dependency_proxy: DependencyProxy, upstream: StockRegistry, reader: Token, name: str, tmp_path: Path, path: str
) -> None:
    """Where hosts.toml says so, images of docker.io come from the dependency proxy: that is what a Kubernetes node does."""
    published = publish(upstream, f"{path}/{name}", "1", tmp_path)
    hosts = tmp_path / "hosts" / "docker.io" / "hosts.toml"
    hosts.parent.mkdir(parents=True)
    hosts.write_text(
        f'server = "http://127.0.0.1:{free_port()}"\n'  # nobody is there
        f'[host."http://{dependency_proxy.host}/v2/{GROUP}/dependency_proxy/containers"]\n'
        'capabilities = ["pull", "resolve"]\n'
        "override_path = true\n"
    )

    pulled = containerd.pull(f"docker.io/{path}/{name}:1", reader.credentials, hosts=hosts.parents[1]).check()

    assert f"config-{published.blobs[0]}" in pulled.output
