"""The dependency proxy while one of its parts is down: what still works, what is said instead, and that it comes back by itself."""

import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .dependency_proxy import DependencyProxy
from .peers.availability import require
from .peers.containers_tools import Podman, Skopeo
from .peers.docker_engine import DockerClient
from .peers.nginx import Nginx
from .peers.processes import ServerDiedError
from .peers.stock_registry import REGISTRIES, StockRegistry
from .proxy_asking import Asking, Images, World, fetch, full, make_images
from .proxy_calls import READ, WRITE
from .secret_search import check_nothing_secret
from .token_server import TokenServer
from .upstream import PublishedImage, publish


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start everything, with one group that pushes."""
    require("nginx", REGISTRIES[0].peer)
    directory = tmp_path_factory.mktemp("failures")
    (directory / "upstream").mkdir()
    server = TokenServer(directory / "server")
    with server, StockRegistry(REGISTRIES[0], directory / "upstream", None) as upstream:
        server.document("group", "create", "team")
        writer = server.create_token(group="team", scopes=READ + WRITE)
        with DependencyProxy(server, upstream, directory / "proxy") as proxy:
            yield World(server, upstream, proxy, writer)
    check_nothing_secret(server)


@pytest.fixture
def images(world: World, name: str, tmp_path: Path) -> Images:
    """Make images that no other test has, each in its state: pushed, cached, or never asked for."""
    return make_images(world, name, tmp_path)


# The states. Each ends with the part back, and nothing else is started again.

State = Callable[[World], AbstractContextManager[object]]


@contextmanager
def _without(*parts: StockRegistry | TokenServer | Nginx) -> Iterator[None]:
    """Stop some parts; they come back in the opposite order."""
    for part in parts:
        part.stop()
    try:
        yield
    finally:
        for part in reversed(parts):
            part.start()


@contextmanager
def _started_without_upstream(world: World) -> Iterator[None]:
    """Start all parts while the upstream is down, which the cache does not survive; start the cache again later."""
    proxy = world.proxy
    for stopped in (proxy.nginx, proxy.evictor, proxy.cache, proxy.store, world.upstream):
        stopped.stop()
    try:
        proxy.store.start()
        with pytest.raises(ServerDiedError):
            proxy.cache.start()
        proxy.evictor.start()
        proxy.nginx.start()
        yield
    finally:
        world.upstream.start()
        proxy.cache.start()


@contextmanager
def _hanging_upstream(world: World) -> Iterator[None]:
    """Put something in the place of the upstream that takes connections and never answers."""
    with _without(world.upstream), socket.create_server(("127.0.0.1", world.upstream.port), backlog=100):
        yield


@contextmanager
def _refusing_upstream(world: World) -> Iterator[None]:
    """Put something in the place of the upstream that has had enough of this client, as Docker Hub has after many pulls."""

    class Handler(BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
            self.send_response(429)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = _refuse  # noqa: N815 - the names that the library calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Write nothing."""

    with _without(world.upstream), ThreadingHTTPServer(("127.0.0.1", world.upstream.port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield
        server.shutdown()
        thread.join()


@contextmanager
def _unusable_database(world: World) -> Iterator[None]:
    """Take a table away from under the server, which keeps its connections: as root no file is unreadable."""
    _sql(world.server, "ALTER TABLE deploy_tokens RENAME TO lost")
    try:
        yield
    finally:
        _sql(world.server, "ALTER TABLE lost RENAME TO deploy_tokens")


def _sql(server: TokenServer, statement: str) -> None:
    with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        connection.execute(statement)


# The table.

PUSHED = ("pushed, by tag", "pushed, by digest", "pushed, layer")
CACHED = ("cached, by tag", "cached, by digest", "cached, layer")
NEW = ("new, by tag", "new, by digest", "new, layer")

GOOD_READS = dict.fromkeys(("base", *PUSHED, *CACHED, *NEW), "200") | {"nowhere": "404 MANIFEST_UNKNOWN"}
GOOD = GOOD_READS | {"push": "201", "delete": "202", "evict": "202"}
DOWN = "502 UNAVAILABLE"
NOTHING_NEW = dict.fromkeys((*NEW, "nowhere"), DOWN)
# To a cache 2.8.2, an upstream that gives no manifest has none.
NOTHING_FETCHED = {"new, by tag": "404 MANIFEST_UNKNOWN", "new, by digest": "404 MANIFEST_UNKNOWN", "new, layer": DOWN}
SLOW = {"cached, by tag", *NEW, "nowhere"}

STATES: dict[str, tuple[State, dict[str, str]]] = {
    "cache down": (lambda world: _without(world.proxy.cache), GOOD | NOTHING_NEW),
    "cache and upstream down": (lambda world: _without(world.proxy.cache, world.upstream), GOOD | NOTHING_NEW),
    "started without upstream": (_started_without_upstream, GOOD | NOTHING_NEW),
    "upstream down": (lambda world: _without(world.upstream), GOOD | NOTHING_FETCHED),
    "upstream hanging": (_hanging_upstream, GOOD | NOTHING_NEW),
    "upstream refusing": (_refusing_upstream, GOOD | NOTHING_FETCHED),
    "store down": (lambda world: _without(world.proxy.store), dict.fromkeys(GOOD, DOWN) | {"base": "200"}),
    "evictor down": (lambda world: _without(world.proxy.evictor), GOOD | {"evict": DOWN}),
    "token server down": (lambda world: _without(world.server), dict.fromkeys(GOOD, DOWN)),
    "database unusable": (_unusable_database, dict.fromkeys(GOOD, "503 UNKNOWN, in 5 s")),
}


@pytest.mark.parametrize("state", STATES)
def test_while_a_part_is_down(world: World, images: Images, state: str) -> None:
    """What can be served is; nothing of the upstream takes a pushed image's place; and with the part everything is back."""
    stopped, expected = STATES[state]
    asking = Asking(world, images)
    with stopped(world):
        answers = asking.everything()
    back = asking.reads()

    assert answers == expected
    assert back == GOOD_READS
    assert asking.slow == (SLOW if state == "upstream hanging" else set())


def test_nginx_down(world: World, images: Images) -> None:
    """Without nginx there is nothing at all; started again it needs nobody else to be."""
    asking = Asking(world, images)
    with _without(world.proxy.nginx), pytest.raises(ConnectionRefusedError):
        asking.reads()

    assert asking.everything() == GOOD


@pytest.fixture
def cached_image(world: World, name: str, tmp_path: Path) -> Iterator[PublishedImage]:
    """Have an image in the cache, and then neither a cache nor an upstream."""
    image = publish(world.upstream, f"{name}/image", "1", tmp_path)
    fetch(world, image)
    with _without(world.proxy.cache, world.upstream):
        yield image


def test_docker_pulls_what_is_cached(world: World, cached_image: PublishedImage, docker: DockerClient) -> None:
    """Docker gets the whole image from the evictor."""
    docker.login(world.proxy.host, *world.writer.credentials).check()
    pulled = docker.pull(f"{world.proxy.host}/{full(cached_image.repository)}:1").check()

    assert f"Digest: {cached_image.digest}" in pulled.output


def test_podman_pulls_what_is_cached(world: World, cached_image: PublishedImage, podman: Podman) -> None:
    """So does podman."""
    podman.login(world.proxy.host, *world.writer.credentials).check()
    reference = f"{world.proxy.host}/{full(cached_image.repository)}:1"
    podman.pull(reference).check()

    assert podman.podman("inspect", "--format", "{{.Digest}}", reference).check().output.strip() == cached_image.digest


def test_skopeo_pulls_what_is_cached(world: World, cached_image: PublishedImage, skopeo: Skopeo, tmp_path: Path) -> None:
    """So does skopeo."""
    skopeo.login(world.proxy.host, *world.writer.credentials).check()
    skopeo.copy(f"docker://{world.proxy.host}/{full(cached_image.repository)}:1", f"dir:{tmp_path}/pulled").check()

    assert (tmp_path / "pulled" / "manifest.json").read_bytes() == cached_image.manifest
