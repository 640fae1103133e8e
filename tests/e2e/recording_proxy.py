"""Stands between clients and the token server, hands everything on, and remembers how it was asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .http_calls import call


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """How a client asked for a token."""

    method: str
    user_agent: str
    query: dict[str, list[str]]
    form: dict[str, list[str]] = field(repr=False)  # holds the password
    has_authorization: bool
    status: int


@dataclass(frozen=True, slots=True)
class Recording:
    """The address that clients are to be sent to, and what they asked there so far."""

    url: str
    requests: list[TokenRequest]


@contextmanager
def recording_proxy(target: str) -> Iterator[Recording]:
    """Run a proxy in front of the server at `target`; it ends with the `with` block."""
    requests: list[TokenRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = call(target + self.path, method=self.command, headers=dict(self.headers), body=body or None)
            query, form = parse_qs(urlsplit(self.path).query), parse_qs(body.decode())
            agent, authorization = self.headers.get("User-Agent", ""), self.headers.get("Authorization")
            requests.append(TokenRequest(self.command, agent, query, form, authorization is not None, answer.status))
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = _forward  # noqa: N815 - the names that the library calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Write nothing: a query may hold anything."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Recording(f"http://127.0.0.1:{server.server_port}", requests)
        server.shutdown()
        thread.join()
