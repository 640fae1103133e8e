"""What the dependency proxy adds to a request: `python -m benchmarks.dependency_proxy`.

Every time includes the client, which is Python on the same machine; the server's /-/liveness shows how much that is.
"""

import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from statistics import median

import click

from benchmarks.times import p50, p99
from tests.e2e.dependency_proxy import SHIPPED, DependencyProxy
from tests.e2e.peers.availability import program
from tests.e2e.peers.nginx import Nginx
from tests.e2e.peers.oci_layout import MANIFEST
from tests.e2e.peers.processes import clean_environment, run
from tests.e2e.peers.stock_registry import REGISTRIES, RegistryLine, StockRegistry
from tests.e2e.proxy_calls import ACCEPT, READ, WRITE, Image, Repository, bearer, digest_of, full_name, signed
from tests.e2e.token_server import Token, TokenServer

GROUP = "team"
CACHED, PUSHED = "library/cached", "library/pushed"
CLIENTS = 8

CACHE_ALONE, GATE_CACHE, ALL_THREE = "cache alone", "gate + cache, no store", "gate + store's 404 + cache"
STORE_ALONE, GATE_STORE = "store alone", "gate + store"
GATE = "gate"

# What ends on a registry alone, and what the same costs through nginx.
_BARE = {GATE_CACHE: CACHE_ALONE, ALL_THREE: CACHE_ALONE, GATE_STORE: STORE_ALONE}

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """A request on one of its ways, and the seconds that it took each time. Internal tokens live for seconds: `headers` makes new ones."""

    request: str
    way: str
    host: str
    method: str
    path: str
    headers: Callable[[], Headers]
    status: int = 200
    seconds: list[float] = field(default_factory=list)

    def measure(self, requests: int) -> None:
        """Make so many requests on one connection, after one that is not counted."""
        self.seconds.extend(self._times(requests))

    def measure_together(self, requests: int, clients: int) -> float:
        """Let several clients do the same at once; give the requests per second of all."""
        with ThreadPoolExecutor(clients) as pool:
            began = time.perf_counter()
            for times in list(pool.map(lambda _: self._times(requests), range(clients))):
                self.seconds.extend(times)
            return (requests + 1) * clients / (time.perf_counter() - began)

    def again(self) -> "Cell":
        """Give the same with no times."""
        return Cell(self.request, self.way, self.host, self.method, self.path, self.headers, self.status)

    @property
    def p50(self) -> float:
        """The median, in milliseconds."""
        return p50(self.seconds)

    @property
    def p99(self) -> float:
        """The time that one request in a hundred exceeds, in milliseconds."""
        return p99(self.seconds)

    def _times(self, requests: int) -> list[float]:
        headers = self.headers()
        with closing(HTTPConnection(self.host, timeout=30)) as connection:
            return [self._time(connection, headers) for _ in range(requests + 1)][1:]

    def _time(self, connection: HTTPConnection, headers: Headers) -> float:
        began = time.perf_counter()
        connection.request(self.method, self.path, headers=dict(headers))
        response = connection.getresponse()
        response.read()
        took = time.perf_counter() - began
        if response.status != self.status:
            raise click.ClickException(f"{self.way}: {self.method} {self.path} was answered {response.status}, not {self.status}.")
        return took


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs, one image, and tokens of one who may and of one who may not."""

    proxy: DependencyProxy
    without_store: Nginx
    image: Image
    reader: str
    stranger: str

    @property
    def server(self) -> str:
        """The token server's address, HOST:PORT."""
        return self.proxy.server.url.removeprefix("http://")

    def gate_headers(self, method: str, path: str) -> Headers:
        """Give what nginx sends to the gate about a request of the one who may."""
        found = re.search('"(.+)"', self.proxy.secret_file.read_text())
        asked = {"X-Original-Method": method, "X-Original-URI": path, "X-Normalized-Path": path}
        return {"X-Gate-Secret": found[1] if found else "", **asked, **bearer(self.reader)}

    def internal_headers(self, registry: str, method: str, path: str) -> Headers:
        """Give what nginx sends to the store or the cache, with a token that the gate has just made."""
        with closing(HTTPConnection(self.server, timeout=30)) as connection:
            connection.request("GET", "/dependency_proxy/gate", headers=dict(self.gate_headers(method, path)))
            response = connection.getresponse()
            response.read()
            return {"Authorization": response.headers[f"X-{registry}-Authorization"], **ACCEPT}


@contextmanager
def started(line: RegistryLine, directory: Path) -> Iterator[World]:
    """Start everything, with the image at the upstream and in the cache, and pushed under another name."""
    (directory / "upstream").mkdir()
    server = TokenServer(directory / "server")
    with server, StockRegistry(line, directory / "upstream", None) as upstream:
        for group in (GROUP, "others"):
            server.document("group", "create", group)
        writer, stranger = (server.create_token(group=group, scopes=READ + WRITE) for group in (GROUP, "others"))
        with DependencyProxy(server, upstream, directory / "proxy", line=line) as proxy, _without_store(proxy, directory) as nginx:
            image = _make_image()
            Repository(upstream.host, CACHED).push(image, "1")
            _push(proxy, writer, image)
            names = [full_name(GROUP, name) for name in (CACHED, PUSHED)]
            jwts = [signed(server, token, *names, actions="pull") for token in (writer, stranger)]
            _fetch(proxy, image, jwts[0])
            yield World(proxy, nginx, image, *jwts)


@contextmanager
def _without_store(proxy: DependencyProxy, directory: Path) -> Iterator[Nginx]:
    """Run a second nginx, with rules by which it asks the cache at once."""
    (directory / "without-store").mkdir()
    nginx = Nginx(directory / "without-store")
    rules = (SHIPPED / "locations.conf").read_text()
    changes = {
        "http://$dp_store/v2/$dp_full/": "http://$dp_cache/v2/$dp_cache_repository/",
        "Authorization $dp_store_authorization": "Authorization $dp_cache_authorization",
    }
    for shipped, changed in changes.items():
        if rules.count(shipped) != 1:
            raise click.ClickException(f"locations.conf no longer holds {shipped!r} once: this benchmark has to follow it.")
        rules = rules.replace(shipped, changed)
    (directory / "without-store" / "locations.conf").write_text(rules)
    configuration = proxy.nginx.configuration
    text = configuration.read_text().replace(str(configuration.parent), str(nginx.configuration.parent)).replace(proxy.host, nginx.host)
    nginx.configuration.write_text(text.replace(f"include {SHIPPED}/locations.conf", f"include {directory}/without-store/locations.conf"))
    with nginx:
        yield nginx


def _make_image() -> Image:
    """Make an image with a config of 500 bytes and a layer of 1 MB."""
    config, layer = json.dumps({"architecture": "amd64", "os": "linux"}).encode().ljust(500), os.urandom(1_000_000)
    described = [{"digest": digest_of(content), "size": len(content)} for content in (config, layer)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **described[0]},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **described[1]}],
    }
    return Image(json.dumps(manifest).encode(), config, layer)


def _push(proxy: DependencyProxy, writer: Token, image: Image) -> None:
    name = full_name(GROUP, PUSHED)
    Repository(proxy.host, name, signed(proxy.server, writer, name, actions="pull,push")).push(image, "1")


def _fetch(proxy: DependencyProxy, image: Image, jwt: str) -> None:
    """Pull the image through, and wait until the cache has written it down."""
    repository = Repository(proxy.host, full_name(GROUP, CACHED), jwt)
    repository.statuses("GET", ("manifests/1", *image.places))
    proxy.wait_for_copies(CACHED, *map(digest_of, image.blobs))


def cells_of(world: World) -> list[Cell]:
    """Give everything that is measured, the yardstick first."""
    manifest, config, layer = world.image.places
    reads = {
        "GET manifest by digest": ("GET", manifest),
        "HEAD manifest by tag": ("HEAD", "manifests/1"),
        "HEAD blob": ("HEAD", layer),
        "GET blob, 500 B": ("GET", config),
        "GET blob, 1 MB": ("GET", layer),
    }
    path = f"/v2/{full_name(GROUP, CACHED)}/{manifest}"
    return [
        Cell("/-/liveness", "token server", world.server, "GET", "/-/liveness", dict),
        Cell(
            "the gate's answer", "token server", world.server, "GET", "/dependency_proxy/gate", lambda: world.gate_headers("GET", path), 204
        ),
        *(cell for request, (method, place) in reads.items() for cell in _ways(world, request, method, place)),
        Cell("refused, no token", GATE, world.proxy.host, "GET", path, lambda: ACCEPT, 401),
        Cell("refused, no right", GATE, world.proxy.host, "GET", path, lambda: ACCEPT | bearer(world.stranger), 401),
    ]


def _ways(world: World, request: str, method: str, place: str) -> Iterator[Cell]:
    cached, pushed = (f"/v2/{full_name(GROUP, name)}/{place}" for name in (CACHED, PUSHED))
    proxy, client = world.proxy, ACCEPT | bearer(world.reader)
    yield Cell(
        request, CACHE_ALONE, proxy.cache.host, method, f"/v2/{CACHED}/{place}", lambda: world.internal_headers("Cache", method, cached)
    )
    yield Cell(request, GATE_CACHE, world.without_store.host, method, cached, lambda: client)
    yield Cell(request, ALL_THREE, proxy.host, method, cached, lambda: client)
    yield Cell(request, STORE_ALONE, proxy.store.host, method, pushed, lambda: world.internal_headers("Store", method, pushed))
    yield Cell(request, GATE_STORE, proxy.host, method, pushed, lambda: client)


def table(cells: Sequence[Cell]) -> Iterator[str]:
    """Write the times, in milliseconds, and the ratios."""
    yardstick, times = cells[0].p50, {(cell.request, cell.way): cell.p50 for cell in cells}
    yield f"{'request':<24}{'way':<28}{'p50':>8}{'p99':>8}{'x liveness':>12}{'x alone':>9}{'adds':>8}"
    previous = ""
    for cell in cells:
        bare = times.get((cell.request, _BARE.get(cell.way, "")))
        compared = "" if bare is None else f"{cell.p50 / bare:>9.1f}{cell.p50 - bare:>8.2f}"
        request = cell.request if cell.request != previous else ""
        yield f"{request:<24}{cell.way:<28}{cell.p50:>8.2f}{cell.p99:>8.2f}{cell.p50 / yardstick:>12.1f}{compared}"
        previous = cell.request


def summary(cells: Sequence[Cell]) -> Iterator[str]:
    """Say what the gate and the hop to the store add."""
    times = {(cell.request, cell.way): cell.p50 for cell in cells}
    requests = list(dict.fromkeys(request for request, way in times if way == CACHE_ALONE))
    differences = {
        "nginx and the gate add to the cache": (GATE_CACHE, CACHE_ALONE),
        "nginx and the gate add to the store": (GATE_STORE, STORE_ALONE),
        "asking the store first adds": (ALL_THREE, GATE_CACHE),
        "all together add to the cache": (ALL_THREE, CACHE_ALONE),
    }
    for sentence, (more, less) in differences.items():
        added = [times[request, more] - times[request, less] for request in requests]
        yield f"{sentence:<40}{median(added):>6.2f} ms ({min(added):.2f} to {max(added):.2f})"


def versions(line: RegistryLine) -> Iterator[str]:
    """Say what was measured, and on what."""
    env = clean_environment(Path(tempfile.gettempdir()))
    nginx, registry = (run([program(name), option], env=env).output for name, option in (("nginx", "-v"), (line.peer, "--version")))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield f"registry-auth {version('registry-auth')}, Python {platform.python_version()}, {nginx.strip().partition(': ')[2]}"
    yield f"{registry.strip()}, storage in files; {processors} processors, {platform.machine()}, load {os.getloadavg()[0]:.1f} before"


@click.command()
@click.option("--rounds", default=20, show_default=True, help="How often everything is measured in turn.")
@click.option("--requests", default=10, show_default=True, help="Requests of each kind in a round.")
@click.option("--registry", "label", type=click.Choice([line.label for line in REGISTRIES]), default=REGISTRIES[0].label, show_default=True)
def main(rounds: int, requests: int, label: str) -> None:
    """Measure what the dependency proxy adds to a request."""
    (line,) = (line for line in REGISTRIES if line.label == label)
    click.echo("\n".join(versions(line)))
    with tempfile.TemporaryDirectory(prefix="ra-") as directory, started(line, Path(directory)) as world:
        cells = cells_of(world)
        for _ in range(rounds):
            for cell in cells:
                cell.measure(requests)
        click.echo(f"\n{rounds * requests} requests each, one client on one connection; milliseconds\n")
        click.echo("\n".join([*table(cells), "", *summary(cells)]))
        click.echo(f"\n{CLIENTS} clients at once, {rounds * requests} requests each\n")
        click.echo(f"{'request':<24}{'way':<28}{'p50':>8}{'p99':>8}{'per second':>12}")
        for cell in _chosen(cells):
            rate = cell.measure_together(rounds * requests, CLIENTS)
            click.echo(f"{cell.request:<24}{cell.way:<28}{cell.p50:>8.2f}{cell.p99:>8.2f}{rate:>12.0f}")


def _chosen(cells: Sequence[Cell]) -> Iterator[Cell]:
    """Give what is measured with several clients too."""
    yield from (cell.again() for cell in cells[:2])
    yield from (
        cell.again() for cell in cells if cell.request == "GET manifest by digest" and cell.way in {CACHE_ALONE, ALL_THREE, GATE_STORE}
    )


if __name__ == "__main__":
    main()
