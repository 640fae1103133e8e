"""A web server that answers as it is told: for registries and token servers that are broken in ways that no real one is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import orjson


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered. A header may come several times."""

    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: the path with its query, and the headers with names in lower case."""

    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ScriptedServer:
    """A running server: its URL, and all that it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def scripted_server(script: Callable[[Asked], Reply]) -> Iterator[ScriptedServer]:
    """Run a server on a free port of 127.0.0.1; it ends with the `with` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
            server.asked.append(asked)
            reply = script(asked)
            self.send_response_only(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server = ScriptedServer(f"http://127.0.0.1:{listener.server_port}")
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()


def json_reply(document: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """Give a JSON document as an answer."""
    return Reply(status, [("Content-Type", "application/json"), *headers], orjson.dumps(document))


def challenge(parameters: str, content_type: str = "application/json") -> Reply:
    """Give a registry's refusal with this challenge."""
    return Reply(401, [("Content-Type", content_type), ("WWW-Authenticate", f"Bearer {parameters}")])
