"""The servers that are measured: the token server on a filled store, and the yardstick."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.cpu import tree, used
from benchmarks.filling import Tokens, fill
from benchmarks.stores import Store
from registry_auth.settings import Settings
from tests.e2e.peers.processes import Server, clean_environment, free_port, wait_for_port
from tests.e2e.token_server import TokenServer

_WORKERS = 2  # as many as the token server of the tests has


@dataclass(frozen=True, slots=True)
class Target:
    """A running server: its port, its main process, and that of its database server.

    Also what its start took, on the clock and of the processor, in seconds.
    """

    port: int
    pid: int
    database: int | None = None
    start_seconds: float = 0
    start_cpu_seconds: float = 0

    def processes(self) -> frozenset[int]:
        """Give all processes of the server."""
        return tree(self.pid)

    def workers(self) -> frozenset[int]:
        """Give those that answer requests."""
        return self.processes() - {self.pid}


@dataclass(frozen=True, slots=True)
class Installation:
    """A filled store with its keys."""

    directory: Path
    url: str
    store: Store
    tokens: Tokens

    @contextmanager
    def served(self, **settings: str) -> Iterator[Target]:
        """Run the token server on it; several can run at the same time."""
        own = {"REGISTRY_AUTH_DATABASE_URL": self.url, "REGISTRY_AUTH_KEYS_DIR": str(self.directory / "keys")}
        server = TokenServer(Path(mkdtemp(dir=self.directory)), **own, **settings)
        began = time.perf_counter()
        with server:
            took, pid = time.perf_counter() - began, server.process.pid
            yield Target(server.port, pid, self.store.pid, took, sum(used(tree(pid)).values()))


def filled(directory: Path, store: Store, size: int) -> Installation:
    """Make an installation with so many tokens."""
    url = store.new_url()
    tokens = fill(Settings(database_url=url, keys_dir=directory / "keys"), size)
    store.settle(url)
    return Installation(directory, url, store, tokens)


@contextmanager
def hello_served(directory: Path) -> Iterator[Target]:
    """Run the yardstick."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.hello", "--port", str(port), "--workers", str(_WORKERS)]
    with Server(command, env=clean_environment(directory / "home"), log=directory / "hello.log") as server:
        wait_for_port("127.0.0.1", port, server)
        yield Target(port, server.pid)
