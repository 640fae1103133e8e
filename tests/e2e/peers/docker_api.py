"""The two requests to a Docker daemon that need no command line client."""

import http.client
import json
import socket
from contextlib import closing
from pathlib import Path


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


def answers(path: Path) -> bool:
    """Say whether the daemon behind the socket is ready for requests."""
    try:
        return _request(path, "GET", "/_ping") == b"OK"
    except (OSError, http.client.HTTPException):
        return False


def remove_containers(path: Path) -> None:
    """Kill and remove every container: a daemon told to end would give each of them ten seconds."""
    for container in json.loads(_request(path, "GET", "/containers/json?all=1")):
        _request(path, "DELETE", f"/containers/{container['Id']}?force=1&v=1")


def _request(path: Path, method: str, target: str) -> bytes:
    with closing(_UnixConnection(path)) as connection:
        connection.request(method, target)
        return connection.getresponse().read()
