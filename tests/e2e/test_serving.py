"""`registry-auth serve` as an operator sees it: starting, ending, losing a worker, and two servers on one directory."""

import os
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .http_calls import header
from .peers.processes import Server, wait_until
from .token_server import Installation, TokenServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TokenServer]:
    """Run a server of the test's own."""
    with TokenServer(tmp_path / "server") as server:
        yield server


def workers(process: Server) -> set[int]:
    """Give the processes that a server has started."""
    return set(process.group()) - {process.pid}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_the_server(server: TokenServer, number: signal.Signals) -> None:
    """One signal to the server ends it with its workers, within seconds and with success."""
    assert len(workers(server.process)) == 2

    os.kill(server.process.pid, number)
    wait_until(lambda: not server.process.alive, "the server's end", timeout=5)

    assert server.process.exit_status == 0
    wait_until(lambda: not server.process.group(), "the workers' end", timeout=1)
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("delay", [0, 0.05, 0.1, 0.2, 0.3, 0.4])
def test_a_signal_ends_a_server_whose_workers_still_start(tmp_path: Path, delay: float) -> None:
    """A worker that is told to end while it builds the application ends, and does not go on for the seconds after which it is killed."""
    server = TokenServer(tmp_path)
    server.begin()
    try:
        wait_until(lambda: len(workers(server.process)) == 2, "the workers' start", timeout=10, server=server.process)
        time.sleep(delay)
        os.kill(server.process.pid, signal.SIGTERM)
        wait_until(lambda: not server.process.group(), "the end of the server and its workers", timeout=5)
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        pytest.param(signal.SIGINT, 5, id="ctrl-c"),
        # A worker that is told to end twice may hang; it is killed after ten seconds.
        pytest.param(signal.SIGTERM, 12, id="all-told-to-end"),
    ],
)
def test_a_signal_to_all_processes_at_once(server: TokenServer, number: signal.Signals, seconds: int) -> None:
    """What a terminal does for Ctrl-C, and systemd to stop a service, does not keep the workers from ending."""
    for _ in range(4):
        time.sleep(0.5)  # the second worker comes up too
        os.killpg(server.process.pid, number)
        wait_until(lambda: not server.process.alive, "the server's end", timeout=seconds)
        assert server.process.exit_status == 0
        server.stop()
        server.start()


def test_the_server_starts_again_on_what_it_stored(server: TokenServer) -> None:
    """Groups, projects, tokens and keys outlive the process."""
    server.create_project("group/project")
    token = server.create_token(project="group/project")
    before = server.jwt(token=token)

    server.stop()
    server.start()

    assert header(server.jwt(token=token)) == header(before)


def test_a_killed_worker_is_replaced(server: TokenServer) -> None:
    """When a worker dies there are soon two again, and the server answers."""
    before = workers(server.process)
    killed = min(before)

    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in workers(server.process) and len(workers(server.process)) == 2, "a new worker")

    new = workers(server.process) - before
    assert len(new) == 1
    os.kill((before - {killed}).pop(), signal.SIGKILL)  # now the new one has to answer
    wait_until(lambda: answers(server), "an answer")
    assert [server.ask().status for _ in range(20)] == [200] * 20


def test_workers_end_with_a_killed_server(server: TokenServer) -> None:
    """When the server is killed its workers leave the port, and it can be started again."""
    orphans = workers(server.process)

    os.kill(server.process.pid, signal.SIGKILL)
    wait_until(lambda: not orphans & set(server.process.group()), "the workers' end")
    server.stop()
    server.start()

    assert server.ask().status == 200


def answers(server: TokenServer) -> bool:
    """Say whether the server issues tokens; the connection may still go to a worker that was killed."""
    try:
        return server.ask().status == 200
    except OSError:
        return False


def test_two_servers_on_one_fresh_directory(tmp_path: Path) -> None:
    """Started at once, both come up on one key ring and one database, and each serves what is made with the other's command line."""
    directory = tmp_path / "shared"
    with ExitStack() as stack:
        pair = [TokenServer(directory) for _ in range(2)]
        for server in pair:
            server.begin()
            stack.callback(server.stop)
        for server in pair:
            server.wait()
        pair[0].create_project("group/project")
        token = pair[1].create_token(project="group/project")
        tokens = [server.jwt("repository:group/project:pull", token=token) for server in pair]

    assert len({header(each)["kid"] for each in tokens}) == 1
    kinds = [row["kind"] for row in pair[0].document("keys", "list")]
    assert kinds == ["ca", "signing", "server-secret"]
    assert {path.name for path in directory.glob("data/*.db")} == {"registry-auth.db", "registry-auth-last-use.db"}
    assert "Traceback" not in pair[0].log()


def test_what_a_new_installation_writes(tmp_path: Path) -> None:
    """Private keys and the database are for their owner alone, the public material is for everybody."""
    installation = Installation(tmp_path / "new")
    installation.command("group", "list").check()
    private, public = installation.keys / "private", installation.keys / "public"

    assert modes(private, installation.database.parent) == {0o700}
    assert modes(*private.glob("*.pem"), *private.glob("*.key"), installation.database) == {0o600}
    assert modes(*public.iterdir()) == {0o644}
    assert sorted(path.name for path in public.iterdir()) == ["ca.crt", "jwks.json", "signing.crt"]
    assert all(b"PRIVATE" not in path.read_bytes() and b'"d"' not in path.read_bytes() for path in public.iterdir())


def modes(*paths: Path) -> set[int]:
    """Give the permission bits of files."""
    return {stat.S_IMODE(path.stat().st_mode) for path in paths}


def test_the_first_line_of_the_log_says_where_it_listens(server: TokenServer) -> None:
    """An operator reads the address, the number of workers, and where clients are sent."""
    first = server.log().splitlines()[0]

    assert first.endswith(f"listening on 127.0.0.1:{server.port} with 2 workers; clients are sent to {server.url}/jwt/auth")
