"""A key directory that several processes share: commands at the same moment, two servers, and a secret that is mounted read-only."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges

from .key_changes import signed_by_each
from .peers.availability import require
from .peers.processes import Finished, run, wait_until
from .peers.secret_volume import SecretVolume
from .peers.stock_registry import REGISTRIES, StockRegistry
from .registry_calls import list_tags
from .secret_search import check_nothing_secret
from .signing_keys import TAKEN_UP_WITHIN, key_id, let_pass, ring_of
from .token_server import Installation, Token, TokenServer
from .workers import WorkerLine, lines_to_workers

PROJECT = "shared/project"

_REGISTRY_AUTH = (sys.executable, "-m", "registry_auth")


def key_ids(lines: Sequence[WorkerLine], token: Token) -> set[str]:
    """Give the ids of the keys with which the workers sign now."""
    return {key_id(jwt) for jwt in signed_by_each(lines, token, PROJECT)}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Sequence[TokenServer]]:
    """Run two servers on one directory, as two machines do that share it. Its keys are an hour old."""
    servers = [TokenServer(tmp_path / "shared") for _ in range(2)]
    servers[0].create_project(PROJECT)
    let_pass(timedelta(hours=1), servers[0].keys)
    with ExitStack() as stack:
        for server in servers:
            server.begin()
            stack.callback(server.stop)
        for server in servers:
            server.wait()
        yield servers
    check_nothing_secret(servers[0])


def rotate_at_once(keys: Path, processes: int) -> None:
    """Rotate the signing key in several processes at the very same moment."""
    context = get_context("fork")
    barrier = context.Barrier(processes)

    def rotate() -> None:
        barrier.wait()
        KeyChanges(KeyDirectory(keys)).rotate(datetime.now(UTC))

    rotating = [context.Process(target=rotate) for _ in range(processes)]
    for process in rotating:
        process.start()
    for process in rotating:
        process.join(timeout=20)
    assert [process.exitcode for process in rotating] == [0] * processes


def test_rotations_at_once_make_one_key_for_all_servers(servers: Sequence[TokenServer], tmp_path: Path) -> None:
    """However many rotate at the same moment, one key is made; all workers of both servers soon sign with it."""
    require(REGISTRIES[0].peer)
    token = servers[0].create_token(project=PROJECT)
    with StockRegistry(REGISTRIES[0], tmp_path, servers[0].token_auth) as registry, lines_to_workers(*servers) as lines:
        before = key_ids(lines, token)
        rotate_at_once(servers[0].keys, 4)
        said = servers[1].said_by("keys", "rotate")
        new, old = (key.pair.kid for key in ring_of(servers[0].keys).signing_keys)
        wait_until(lambda: key_ids(lines, token) == {new}, "tokens of the new key from every worker", timeout=TAKEN_UP_WITHIN)
        statuses = [list_tags(registry, PROJECT, jwt).status for jwt in signed_by_each(lines, token, PROJECT)]

    assert before == {old}
    assert re.fullmatch(rf"Nothing is made: the signing key {new} of \S+ \S+ UTC is new enough\.\n?", said)
    assert statuses == [404] * 4


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server that has its private keys from a secret, which an operator makes elsewhere."""

    operator: Installation
    secret: SecretVolume
    server: TokenServer

    def apply(self) -> None:
        """Bring the operator's private keys into the secret."""
        files = [path for path in (self.operator.keys / "private").iterdir() if not path.name.startswith(".")]
        self.secret.put({path.name: path.read_bytes() for path in files})

    def rotate(self) -> Finished:
        """Run `keys rotate` where the secret is mounted."""
        return run(self.secret.read_by([*_REGISTRY_AUTH, "keys", "rotate"]), env=self.server.env)


class ServerOfSecret(TokenServer):
    """A server that sees its private keys read-only."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.secret = SecretVolume(self.keys / "private")
        self._program = self.secret.read_by(_REGISTRY_AUTH)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Run the server, with keys that are an hour old."""
    require("unshare")
    operator, server = Installation(tmp_path / "operator"), ServerOfSecret(tmp_path / "server")
    operator.said_by("keys", "init")
    let_pass(timedelta(hours=1), operator.keys)
    cluster = Cluster(operator, server.secret, server)
    cluster.apply()
    server.create_project(PROJECT)
    with server:
        yield cluster
    check_nothing_secret(server)


def test_a_secret_that_is_replaced(cluster: Cluster, tmp_path: Path) -> None:
    """Where the keys are mounted read-only `keys rotate` says where to run it instead, and what is brought from there is taken up."""
    require(REGISTRIES[0].peer)
    server = cluster.server
    token = server.create_token(project=PROJECT)
    with StockRegistry(REGISTRIES[0], tmp_path, server.token_auth) as registry, lines_to_workers(server) as lines:
        before = key_ids(lines, token)
        refused = cluster.rotate()
        cluster.operator.said_by("keys", "rotate")
        new, old = (key.pair.kid for key in ring_of(cluster.operator.keys).signing_keys)
        cluster.apply()
        wait_until(lambda: key_ids(lines, token) == {new}, "tokens of the new key from every worker", timeout=TAKEN_UP_WITHIN)
        statuses = [list_tags(registry, PROJECT, jwt).status for jwt in signed_by_each(lines, token, PROJECT)]

    assert refused.returncode == 1
    assert refused.output.startswith(f"registry-auth: The key directory {server.keys} is mounted read-only, ")
    assert refused.output.count("\n") == 1
    assert before == {old}
    assert statuses == [404] * 2
    assert "WARNING" not in server.log()
