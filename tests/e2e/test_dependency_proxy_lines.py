"""The dependency proxy made of each released registry."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .dependency_proxy import DependencyProxy
from .peers.availability import require
from .peers.containers_tools import Skopeo
from .peers.oci_layout import write_oci_layout
from .peers.processes import ServerDiedError
from .peers.stock_registry import REGISTRIES, RegistryLine, StockRegistry
from .proxy_teams import ask, full, group_token, outcome
from .token_server import Token, TokenServer
from .upstream import publish


@dataclass(frozen=True, slots=True)
class Lined:
    """A dependency proxy and an upstream of one line, and the tokens of two groups."""

    upstream: StockRegistry
    proxy: DependencyProxy
    team: Token
    others: Token


@pytest.fixture(scope="module", params=REGISTRIES, ids=lambda line: line.label)
def lined(request: pytest.FixtureRequest, token_server: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lined]:
    """Run each released registry in turn, in every place."""
    line: RegistryLine = request.param
    require("nginx", line.peer)
    directory = tmp_path_factory.mktemp("lined")
    (directory / "upstream").mkdir()
    team, others = (group_token(token_server, f"{line.label.replace('.', '-')}-{which}") for which in ("team", "others"))
    upstream = StockRegistry(line, directory / "upstream", None)
    with upstream, DependencyProxy(token_server, upstream, directory / "proxy", line=line) as proxy:
        yield Lined(upstream, proxy, team, others)


def fetches(upstream: StockRegistry, repository: str) -> int:
    """Count how often the upstream was asked for manifests of a repository."""
    return upstream.log().count(f'"GET /v2/{repository}/manifests/')


def test_pull_through(lined: Lined, skopeo: Skopeo, name: str, tmp_path: Path) -> None:
    """What was pulled once is there for every group, also when the upstream is not."""
    image = publish(lined.upstream, f"library/{name}", "1", tmp_path)
    skopeo.login(lined.proxy.host, *lined.team.credentials).check()
    skopeo.copy(f"docker://{lined.proxy.host}/{full(lined.team, name)}:1", f"dir:{tmp_path}/first").check()
    lined.proxy.wait_for_copies(image.repository, *image.blobs)
    lined.upstream.stop()
    try:
        skopeo.login(lined.proxy.host, *lined.others.credentials).check()
        skopeo.copy(f"docker://{lined.proxy.host}/{full(lined.others, name)}:1", f"dir:{tmp_path}/second").check()
        references = [ask(lined.proxy, lined.others, name, f"manifests/{reference}") for reference in (image.tag, image.digest)]
    finally:
        lined.upstream.start()

    assert [(tmp_path / place / "manifest.json").read_bytes() for place in ("first", "second")] == [image.manifest] * 2
    assert [answer.body for answer in references] == [image.manifest] * 2


def test_push_and_delete(lined: Lined, skopeo: Skopeo, name: str, tmp_path: Path) -> None:
    """A pushed image takes the place of the upstream's for its group alone, until it is deleted."""
    image = publish(lined.upstream, f"library/{name}", "1", tmp_path)
    publish(lined.upstream, f"library/{name}", "2", tmp_path)
    layout = write_oci_layout(tmp_path / "layout", f"{name} of the group")
    reference = f"docker://{lined.proxy.host}/{full(lined.team, name)}:1"
    skopeo.login(lined.proxy.host, *lined.team.credentials).check()
    skopeo.copy(reference, f"dir:{tmp_path}/before").check()
    skopeo.copy(f"oci:{layout}:latest", reference).check()
    skopeo.copy(reference, f"dir:{tmp_path}/pushed").check()
    pushed = (tmp_path / "pushed" / "manifest.json").read_bytes()
    digest = json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"]
    layer = f"blobs/{json.loads(pushed)['layers'][0]['digest']}"
    by_tag, by_digest, blob = (ask(lined.proxy, lined.others, name, path) for path in ("manifests/1", f"manifests/{digest}", layer))
    tags = [json.loads(ask(lined.proxy, token, name, "tags/list").body) for token in (lined.team, lined.others)]
    skopeo.delete(reference.removeprefix("docker://")).check()
    after = ask(lined.proxy, lined.team, name, "manifests/1")

    assert pushed == (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    assert (by_tag.status, by_tag.body) == (200, image.manifest)
    assert (outcome(by_digest), blob.status) == ((404, "MANIFEST_UNKNOWN"), 404)
    assert [sorted(document["tags"]) for document in tags] == [["1"], ["1", "2"]]
    assert (after.status, after.body) == (200, image.manifest)


def test_push_of_what_is_cached(lined: Lined, skopeo: Skopeo, name: str, tmp_path: Path) -> None:
    """Pushing what the cache has stores all of it, so that it is there without a cache."""
    image = publish(lined.upstream, f"library/{name}", "1", tmp_path)
    reference = f"docker://{lined.proxy.host}/{full(lined.team, name)}:1"
    skopeo.login(lined.proxy.host, *lined.team.credentials).check()
    skopeo.copy(reference, f"dir:{tmp_path}/pulled").check()
    skopeo.copy(f"dir:{tmp_path}/pulled", reference).check()
    parts = (lined.proxy.cache, lined.proxy.evictor)
    for part in parts:
        part.stop()
    try:
        answers = [ask(lined.proxy, lined.team, name, path) for path in ("manifests/1", *(f"blobs/{digest}" for digest in image.blobs))]
    finally:
        for part in parts:
            part.start()

    assert [answer.status for answer in answers] == [200] * (1 + len(image.blobs))
    assert answers[0].body == image.manifest


def test_eviction(lined: Lined, skopeo: Skopeo, name: str, tmp_path: Path) -> None:
    """What is deleted from the cache is fetched again, and not before."""
    repository = f"library/{name}"
    image = publish(lined.upstream, repository, "1", tmp_path)
    skopeo.login(lined.proxy.host, *lined.team.credentials).check()
    fetched = []
    for _ in range(2):  # the second time it is cached
        assert ask(lined.proxy, lined.others, name, f"manifests/{image.digest}").body == image.manifest
        fetched.append(fetches(lined.upstream, repository))
    skopeo.delete(f"{lined.proxy.host}/{full(lined.team, name)}:1").check()
    fetched.append(fetches(lined.upstream, repository))
    again = ask(lined.proxy, lined.others, name, f"manifests/{image.digest}")
    unknown = ask(lined.proxy, lined.team, name, f"manifests/sha256:{'0' * 64}", method="DELETE")

    assert fetched[0] == fetched[1] > 0
    assert (again.status, again.body) == (200, image.manifest)
    assert fetches(lined.upstream, repository) > fetched[2]
    assert outcome(unknown) == (404, "MANIFEST_UNKNOWN")


def test_unknown(lined: Lined, name: str, tmp_path: Path) -> None:
    """What the upstream does not have is not there, with the codes of a registry."""
    publish(lined.upstream, f"library/{name}", "1", tmp_path)
    digest = f"sha256:{'0' * 64}"
    paths = ("manifests/2", f"manifests/{digest}", f"blobs/{digest}")
    answers = [outcome(ask(lined.proxy, lined.team, image, path)) for image in (name, f"{name}x") for path in paths]

    assert answers == [(404, "MANIFEST_UNKNOWN"), (404, "MANIFEST_UNKNOWN"), (404, "BLOB_UNKNOWN")] * 2


def test_upstream_down(lined: Lined, name: str, tmp_path: Path) -> None:
    """Without the upstream there is nothing new, and a cache that is started then does not stay."""
    publish(lined.upstream, f"library/{name}", "1", tmp_path)
    lined.upstream.stop()
    try:
        refused = ask(lined.proxy, lined.team, name, "manifests/1")
        lined.proxy.cache.stop()
        with pytest.raises(ServerDiedError):
            lined.proxy.cache.start()
        without_cache = ask(lined.proxy, lined.team, name, "manifests/1")
    finally:
        lined.upstream.start()
        lined.proxy.cache.start()

    assert outcome(refused) == (404, "MANIFEST_UNKNOWN")
    assert outcome(without_cache) == (502, "UNAVAILABLE")
    assert ask(lined.proxy, lined.team, name, "manifests/1").status == 200
