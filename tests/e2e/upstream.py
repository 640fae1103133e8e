"""The stand-in for Docker Hub: a stock registry that is open to everybody, and what is published in it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .peers.oci_layout import INDEX, MANIFEST, write_oci_layout
from .peers.stock_registry import StockRegistry
from .proxy_calls import Repository, digest_of


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """An image of the upstream: digests of its manifest, and of its config and layers."""

    repository: str
    tag: str
    digest: str
    blobs: tuple[str, ...]
    manifest: bytes


def publish(registry: StockRegistry, repository: str, tag: str, directory: Path, *, marker: str | None = None) -> PublishedImage:
    """Make an image that no other has unless they share `marker`, as clients know images, and push it without any client's help."""
    layout = write_oci_layout(directory / f"{repository}-{tag}".replace("/", "-"), marker or f"upstream {repository}:{tag}")
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    manifest = _blob(layout, entry["digest"])
    parts = json.loads(manifest)
    blobs = tuple(part["digest"] for part in (parts["config"], *parts["layers"]))
    target = Repository(registry.host, repository)
    for digest in blobs:
        assert target.upload(_blob(layout, digest)) == digest
    assert target.put_manifest(tag, manifest).status == 201
    return PublishedImage(repository, tag, entry["digest"], blobs, manifest)


def publish_index(registry: StockRegistry, repository: str, tag: str, images: Mapping[str, PublishedImage]) -> PublishedImage:
    """Push an index over images of the same repository, by architecture."""
    entries: Sequence[Mapping[str, Any]] = [
        {"mediaType": MANIFEST, "digest": i.digest, "size": len(i.manifest), "platform": {"architecture": architecture, "os": "linux"}}
        for architecture, i in images.items()
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    assert Repository(registry.host, repository).put_manifest(tag, index, INDEX).status == 201
    return PublishedImage(repository, tag, digest_of(index), (), index)


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()
