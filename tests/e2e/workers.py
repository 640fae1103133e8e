"""Connections to each worker process of a server. Which of them gets a connection is up to the kernel, so it has to be found out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

from .http_calls import Answer
from .peers.processes import wait_until
from .token_server import TokenServer

WORKERS = 2


class WorkerLine:
    """A connection that is kept, so that one worker answers all that is asked on it."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def ask(self, target: str, headers: Mapping[str, str]) -> Answer:
        """Make one GET request."""
        self._connection.request("GET", target, headers=headers)
        response = self._connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


@contextmanager
def lines_to_workers(*servers: TokenServer) -> Iterator[Sequence[WorkerLine]]:
    """Give a connection to each worker of each server. The web server ends those on which nothing is asked for half a minute."""
    with ExitStack() as stack:
        yield [line for server in servers for line in _lines(server, stack)]


def _lines(server: TokenServer, stack: ExitStack) -> Sequence[WorkerLine]:
    found: dict[int, WorkerLine] = {}

    def has_all() -> bool:
        connection = stack.enter_context(closing(HTTPConnection("127.0.0.1", server.port, timeout=30)))
        connection.connect()
        connection.auto_open = 0  # another connection could lead to another worker
        line = WorkerLine(connection)
        line.ask("/-/liveness", {})
        found.setdefault(_worker_of(server, connection.sock.getsockname()[1]), line)
        return len(found) == WORKERS

    wait_until(has_all, "a connection to each worker", server=server.process)
    return list(found.values())


def _worker_of(server: TokenServer, client_port: int) -> int:
    """Give the process that has the server's end of a connection open."""
    link = f"socket:[{_inode(server.port, client_port)}]"
    return next(process for process in server.process.group() if link in _open_files(process))


def _inode(port: int, client_port: int) -> str:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}") and fields[2].endswith(f":{client_port:04X}"):
            return fields[9]
    raise LookupError(f"no connection from port {client_port} to port {port}")


def _open_files(process: int) -> Iterator[str]:
    for file in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(file.readlink())
