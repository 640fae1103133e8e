"""The stand-in for Docker Hub: a stock registry that is open to everybody, and what is published in it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .http_calls import Answer, call
from .peers.oci_layout import write_oci_layout
from .peers.stock_registry import StockRegistry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, slots=True)
class PublishedImage:
    """An image of the upstream: digests of its manifest, and of its config and layers."""

    repository: str
    tag: str
    digest: str
    blobs: tuple[str, ...]
    manifest: bytes
    media_type: str = MANIFEST


def publish(registry: StockRegistry, repository: str, tag: str, directory: Path, *, marker: str | None = None) -> PublishedImage:
    """Make an image that no other has unless they share `marker`, and push it, without any client's help."""
    layout = write_oci_layout(directory / f"{repository}-{tag}".replace("/", "-"), marker or f"upstream {repository}:{tag}")
    return publish_layout(registry, repository, tag, layout)


def publish_layout(registry: StockRegistry, repository: str, tag: str, layout: Path) -> PublishedImage:
    """Push the image of an OCI layout."""
    (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    manifest = _blob(layout, entry["digest"])
    parts = json.loads(manifest)
    blobs = tuple(part["digest"] for part in (parts["config"], *parts["layers"]))
    for digest in blobs:
        _push_blob(registry, repository, digest, _blob(layout, digest))
    _push_manifest(registry, repository, tag, manifest, MANIFEST)
    return PublishedImage(repository, tag, entry["digest"], blobs, manifest)


def publish_index(registry: StockRegistry, repository: str, tag: str, images: Mapping[str, PublishedImage]) -> PublishedImage:
    """Push an index over images of the same repository, by architecture."""
    entries: Sequence[Mapping[str, Any]] = [
        {"mediaType": MANIFEST, "digest": i.digest, "size": len(i.manifest), "platform": {"architecture": architecture, "os": "linux"}}
        for architecture, i in images.items()
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    _push_manifest(registry, repository, tag, index, INDEX)
    return PublishedImage(repository, tag, f"sha256:{hashlib.sha256(index).hexdigest()}", (), index, INDEX)


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def _push_blob(registry: StockRegistry, repository: str, digest: str, content: bytes) -> None:
    started = _ask(registry, "POST", f"/v2/{repository}/blobs/uploads/", 202)
    location = started.headers["location"]
    separator = "&" if "?" in location else "?"
    _ask(registry, "PUT", f"{location}{separator}digest={digest}", 201, content, "application/octet-stream")


def _push_manifest(registry: StockRegistry, repository: str, tag: str, manifest: bytes, media_type: str) -> None:
    _ask(registry, "PUT", f"/v2/{repository}/manifests/{tag}", 201, manifest, media_type)


def _ask(registry: StockRegistry, method: str, path: str, status: int, body: bytes = b"", media_type: str = "") -> Answer:
    headers = {"Content-Type": media_type, "Content-Length": str(len(body))}
    answer = call(f"http://{registry.host}{path}", method=method, headers=headers, body=body or None)
    assert answer.status == status, (method, path, answer.status, answer.body)
    return answer
