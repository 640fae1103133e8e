"""Everything that is asked of a dependency proxy while one of its parts is down, with images in each state."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .dependency_proxy import DependencyProxy
from .http_calls import Answer
from .peers.oci_layout import MANIFEST
from .peers.stock_registry import StockRegistry
from .proxy_calls import ACCEPT, Image, Repository, digest_of, full_name, make_image, signed
from .token_server import Token, TokenServer
from .upstream import PublishedImage, publish

READ_TIMEOUT = 10  # seconds that nginx gives to the cache


@dataclass(frozen=True, slots=True)
class World:
    """Everything from the token server to the upstream, and who pushes; each part can be stopped by itself."""

    server: TokenServer
    upstream: StockRegistry
    proxy: DependencyProxy
    writer: Token


@dataclass(frozen=True, slots=True)
class Images:
    """The images of one test. What is in the store is at the upstream under the same name with other content, and that is cached."""

    pushed: PublishedImage
    to_delete: PublishedImage
    cached: PublishedImage
    to_evict: PublishedImage
    new_by_tag: PublishedImage
    new_by_digest: PublishedImage
    new_by_blob: PublishedImage
    to_push: Image

    @property
    def repositories(self) -> set[str]:
        """Give the names of all of them, and of one that is nowhere."""
        images = (self.pushed, self.to_delete, self.cached, self.to_evict, self.new_by_tag, self.new_by_digest, self.new_by_blob)
        return {full(image.repository) for image in images} | {full("library/absent"), full("team/new")}


def full(repository: str) -> str:
    """Give the name at the dependency proxy of a repository of the upstream."""
    return full_name("team", repository)


def make_images(world: World, name: str, directory: Path) -> Images:
    """Make images that no other test has, each in its state: pushed, cached, or never asked for."""

    def published(kind: str) -> PublishedImage:
        return publish(world.upstream, f"{name}/{kind}", "1", directory)

    shadowed = published("pushed")
    cached, to_evict, shadowed_too = published("cached"), published("evict"), published("delete")
    fetch(world, cached, to_evict, shadowed, shadowed_too)
    return Images(
        pushed=push(world, shadowed),
        to_delete=push(world, shadowed_too),
        cached=cached,
        to_evict=to_evict,
        new_by_tag=published("tag"),
        new_by_digest=published("digest"),
        new_by_blob=published("blob"),
        to_push=make_image(f"{name} to push"),
    )


def fetch(world: World, *images: PublishedImage) -> None:
    """Pull images through and wait until the cache has all of them."""
    token = signed(world.server, world.writer, *(full(image.repository) for image in images), actions="pull")
    for image in images:
        for path in (f"manifests/{image.tag}", *(f"blobs/{digest}" for digest in image.blobs)):
            assert world.proxy.ask(f"/v2/{full(image.repository)}/{path}", jwt=token, headers=ACCEPT).status == 200
        world.proxy.wait_for_copies(image.repository, *image.blobs)


def push(world: World, shadowed: PublishedImage) -> PublishedImage:
    """Push another image under the name and the tag of one of the upstream."""
    name = full(shadowed.repository)
    image = Repository(world.proxy.host, name, signed(world.server, world.writer, name)).push(make_image(name), shadowed.tag)
    return PublishedImage(shadowed.repository, shadowed.tag, image.digest, tuple(map(digest_of, image.blobs)), image.manifest)


class Asking:
    """Makes the requests of the table, with tokens that were fetched before."""

    def __init__(self, world: World, images: Images) -> None:
        self._proxy, self._images = world.proxy, images
        names = sorted(images.repositories)
        self.slow: set[str] = set()
        self._reader, self._pusher, self._deleter = (
            signed(world.server, world.writer, *names, actions=actions) for actions in ("pull", "pull,push", "pull,push,delete")
        )

    def reads(self) -> dict[str, str]:
        """Enter, and read everything with HEAD and with GET."""
        i = self._images
        return self._outcomes(
            {
                "base": lambda: _outcome(self._proxy.ask("/v2/", jwt=self._reader)),
                "pushed, by tag": lambda: self._manifest(i.pushed, i.pushed.tag),
                "pushed, by digest": lambda: self._manifest(i.pushed, i.pushed.digest),
                "pushed, layer": lambda: self._layer(i.pushed),
                "cached, by tag": lambda: self._manifest(i.cached, i.cached.tag),
                "cached, by digest": lambda: self._manifest(i.cached, i.cached.digest),
                "cached, layer": lambda: self._layer(i.cached),
                "new, by tag": lambda: self._manifest(i.new_by_tag, i.new_by_tag.tag),
                "new, by digest": lambda: self._manifest(i.new_by_digest, i.new_by_digest.digest),
                "new, layer": lambda: self._layer(i.new_by_blob),
                "nowhere": lambda: _outcome(self._proxy.ask(f"/v2/{full('library/absent')}/manifests/1", jwt=self._reader)),
            }
        )

    def writes(self) -> dict[str, str]:
        """Push, delete and evict."""
        i = self._images
        return self._outcomes(
            {
                "push": lambda: self._push(i.to_push),
                "delete": lambda: self._delete(i.to_delete),
                "evict": lambda: self._delete(i.to_evict),
            }
        )

    def everything(self) -> dict[str, str]:
        """Ask everything at once, so that answers that take long take it together."""
        with ThreadPoolExecutor() as pool:
            reads, writes = pool.submit(self.reads), pool.submit(self.writes)
            return reads.result() | writes.result()

    def _outcomes(self, asked: Mapping[str, Callable[[], str]]) -> dict[str, str]:
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = {column: pool.submit(self._timed, column, ask) for column, ask in asked.items()}
            return {column: answer.result() for column, answer in answers.items()}

    def _timed(self, column: str, ask: Callable[[], str]) -> str:
        began = time.monotonic()
        outcome = ask()
        if time.monotonic() - began > READ_TIMEOUT * 0.9:
            self.slow.add(column)
        return outcome

    def _manifest(self, image: PublishedImage, reference: str) -> str:
        return self._read(f"/v2/{full(image.repository)}/manifests/{reference}", image.digest)

    def _layer(self, image: PublishedImage) -> str:
        return self._read(f"/v2/{full(image.repository)}/blobs/{image.blobs[-1]}", image.blobs[-1])

    def _read(self, path: str, digest: str) -> str:
        with ThreadPoolExecutor() as pool:
            head = pool.submit(lambda: self._proxy.ask(path, method="HEAD", jwt=self._reader, headers=ACCEPT))
            answer = self._proxy.ask(path, jwt=self._reader, headers=ACCEPT)
        if head.result().status != answer.status:
            return f"HEAD {head.result().status}, GET {answer.status}"
        if answer.status == 200 and digest_of(answer.body) != digest:
            return "200, with other content"
        return _outcome(answer)

    def _push(self, image: Image) -> str:
        name = f"/v2/{full('team/new')}"
        for blob in image.blobs:
            begun = self._proxy.ask(f"{name}/blobs/uploads/", method="POST", jwt=self._pusher)
            if begun.status != 202:
                return _outcome(begun)
            location = f"{begun.headers['location']}&digest={digest_of(blob)}"
            sent = self._proxy.ask(location, method="PUT", jwt=self._pusher, body=blob)
            if sent.status != 201:
                return _outcome(sent)
        headers = {"Content-Type": MANIFEST}
        return _outcome(self._proxy.ask(f"{name}/manifests/1", method="PUT", jwt=self._pusher, headers=headers, body=image.manifest))

    def _delete(self, image: PublishedImage) -> str:
        return _outcome(self._proxy.ask(f"/v2/{full(image.repository)}/manifests/{image.digest}", method="DELETE", jwt=self._deleter))


def _outcome(answer: Answer) -> str:
    """Give the status, for a refusal with the code of its JSON, and when the client shall come back."""
    if answer.status < 400:
        return str(answer.status)
    (error,) = json.loads(answer.body)["errors"]
    if answer.headers["content-type"] != "application/json" or set(error) != {"code", "message", "detail"}:
        return f"{answer.status} {error['code']}, of a registry"
    assert error["message"]
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
    later = answer.headers.get("retry-after")
    return f"{answer.status} {error['code']}" + (f", in {later} s" if later else "")
