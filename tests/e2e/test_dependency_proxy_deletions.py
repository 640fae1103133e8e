"""`skopeo delete` at the dependency proxy, and what users may do by their role."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from .dependency_proxy import DependencyProxy
from .peers.containerd import Containerd
from .peers.containers_tools import Skopeo
from .peers.stock_registry import StockRegistry
from .token_server import Token, TokenServer
from .upstream import PublishedImage, publish

GROUP = "clients/deletions"
IMAGES = f"{GROUP}/dependency_proxy/containers"
NO_RIGHT_TO_DELETE = "This log-in has no right to delete here: its scopes are too few, it is not for this group, or there is no such group."


@pytest.fixture(scope="module")
def holders(token_server: TokenServer) -> Mapping[str, Token]:
    """Make the group, deploy tokens of it, and personal access tokens of users with three roles in it."""
    token_server.document("group", "create", GROUP)
    made = {scope: token_server.create_token(group=GROUP, scopes=[f"{scope}_virtual_registry"]) for scope in ("read", "write")}
    for role in ("guest", "developer", "maintainer"):
        username = token_server.create_user(f"clients-{role}")
        token_server.add_member(username, role, group=GROUP)
        made[role] = token_server.create_personal_token(username)
    return made


@pytest.fixture
def published(upstream: StockRegistry, name: str, tmp_path: Path) -> PublishedImage:
    """Publish an official image at the upstream."""
    return publish(upstream, f"library/{name}", "1", tmp_path)


@pytest.fixture
def reference(dependency_proxy: DependencyProxy, published: PublishedImage) -> str:
    """Give that image's name at the dependency proxy."""
    return f"{dependency_proxy.host}/{IMAGES}/{published.repository.removeprefix('library/')}:1"


def digest(skopeo: Skopeo, reference: str) -> str:
    """Give the digest of the manifest that a tag names."""
    found = re.search(r'"Digest": "(.*)"', skopeo.inspect(reference, tags=False).check().output)
    assert found
    return found[1]


def fetched(upstream: StockRegistry, image: PublishedImage) -> int:
    """Say how often the manifest was fetched from the upstream: to ask whether a tag has moved is another method."""
    return len(re.findall(rf'"GET /v2/{image.repository}/manifests/\S+ HTTP/1.1" 200 ', upstream.log()))


@pytest.mark.parametrize("holder", ["write", "maintainer"])
def test_delete_of_a_pushed_tag(
    skopeo: Skopeo,
    dependency_proxy: DependencyProxy,
    holders: Mapping[str, Token],
    published: PublishedImage,
    reference: str,
    layout: Path,
    holder: str,
) -> None:
    """Once the group's own image is deleted, its tag is the upstream's again."""
    skopeo.login(dependency_proxy.host, *holders[holder].credentials).check()
    skopeo.copy(f"oci:{layout}:latest", f"docker://{reference}").check()
    pushed = digest(skopeo, reference)

    skopeo.delete(reference).check()

    assert [pushed == published.digest, digest(skopeo, reference)] == [False, published.digest]


def test_delete_of_a_cached_tag(
    skopeo: Skopeo,
    dependency_proxy: DependencyProxy,
    upstream: StockRegistry,
    holders: Mapping[str, Token],
    published: PublishedImage,
    reference: str,
) -> None:
    """What is cached is fetched once, and once more after it was deleted."""
    skopeo.login(dependency_proxy.host, *holders["write"].credentials).check()
    fetches = []
    for act in (skopeo.inspect, skopeo.inspect, skopeo.delete, skopeo.inspect, skopeo.inspect):
        act(reference).check()
        fetches.append(fetched(upstream, published))

    assert fetches == [1, 1, 1, 2, 2]


def test_delete_takes_the_pushed_image_first(
    skopeo: Skopeo,
    dependency_proxy: DependencyProxy,
    upstream: StockRegistry,
    holders: Mapping[str, Token],
    published: PublishedImage,
    reference: str,
    tmp_path: Path,
) -> None:
    """Of an image that is cached and pushed, the first deletion takes what was pushed, the second what is cached."""
    skopeo.login(dependency_proxy.host, *holders["write"].credentials).check()
    skopeo.copy(f"docker://{reference}", f"dir:{tmp_path}/here").check()
    skopeo.copy(f"dir:{tmp_path}/here", f"docker://{reference}").check()
    name, tag = f"{IMAGES}/{published.repository.removeprefix('library/')}", published.tag
    seen = []
    for _ in range(2):
        seen.append(dependency_proxy.stores(name, tag))
        skopeo.delete(reference).check()
        assert digest(skopeo, reference) == published.digest
        seen.append(fetched(upstream, published) == 1)

    assert seen == [True, True, False, False]


@pytest.mark.parametrize("holder", ["read", "developer"])
def test_delete_without_the_right(
    skopeo: Skopeo,
    dependency_proxy: DependencyProxy,
    upstream: StockRegistry,
    holders: Mapping[str, Token],
    published: PublishedImage,
    reference: str,
    holder: str,
) -> None:
    """Neither the read scope nor the role of developer deletes anything, and skopeo says so."""
    skopeo.login(dependency_proxy.host, *holders[holder].credentials).check()
    skopeo.inspect(reference).check()

    deleted = skopeo.delete(reference)
    skopeo.inspect(reference).check()

    assert deleted.returncode == 1
    assert NO_RIGHT_TO_DELETE in deleted.output
    assert fetched(upstream, published) == 1


@pytest.mark.parametrize(("role", "may_push"), [("guest", False), ("developer", True)])
@pytest.mark.parametrize("client", ["docker", "podman"])
def test_users(
    request: pytest.FixtureRequest,
    dependency_proxy: DependencyProxy,
    holders: Mapping[str, Token],
    reference: str,
    client: str,
    role: str,
    may_push: bool,
) -> None:
    """With a personal access token a guest pulls, and a developer also pushes."""
    command = request.getfixturevalue(client)
    command.login(dependency_proxy.host, *holders[role].credentials).check()
    command.pull(reference).check()
    command.tag(reference, reference.replace(":1", ":2")).check()

    pushed = command.push(reference.replace(":1", ":2"))

    assert (pushed.returncode == 0) == may_push
    assert ("denied: requested access to the resource is denied" in pushed.output) != may_push


@pytest.mark.parametrize(("role", "may_push"), [("guest", False), ("developer", True)])
def test_users_of_ctr(
    containerd: Containerd, dependency_proxy: DependencyProxy, holders: Mapping[str, Token], reference: str, role: str, may_push: bool
) -> None:
    """With ctr it is the same; what it prints is another thing each time."""
    other = reference.replace(":1", ":2")
    containerd.pull(reference, holders[role].credentials).check()
    containerd.tag(reference, other).check()

    pushed = containerd.push(other, holders[role].credentials)

    assert (pushed.returncode == 0) == may_push
    assert dependency_proxy.stores(*other.removeprefix(f"{dependency_proxy.host}/").split(":")) == may_push
