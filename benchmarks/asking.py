"""The requests that clients send."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from benchmarks.load import Request
from tests.e2e.http_calls import basic

SERVICE = "container_registry"

# What dockerd sends, in its order.
_AGENT = "docker/28.3.2 go/go1.24.5 git-commit/e77ff99 kernel/6.8.0 os/linux arch/amd64 UpstreamClient(Docker-Client/28.3.2 \\(linux\\))"


def hello_request(*, kept: bool = False) -> Request:
    """Ask the yardstick."""
    return Request(_get("/", "", kept))


def token_request(
    credentials: tuple[str, str] | None,
    scopes: Sequence[str],
    *,
    client: str = "docker",
    kept: bool = False,
    status: int = 200,
    source: str = "",
) -> Request:
    """Ask for a token, as docker does; `client` is what the client calls itself."""
    account = [("account", credentials[0])] if credentials else []
    query = [*account, ("client_id", client), *(("scope", scope) for scope in scopes), ("service", SERVICE)]
    authorization = f"Authorization: {basic(*credentials)}\r\n" if credentials else ""
    return Request(_get(f"/jwt/auth?{urlencode(query, quote_via=quote, safe='')}", authorization, kept), status, source)


def pull(path: str) -> str:
    """Give the scope to pull an image."""
    return f"repository:{path}:pull"


def push(path: str) -> str:
    """Give the scope to push an image."""
    return f"repository:{path}:pull,push"


def _get(target: str, authorization: str, kept: bool) -> bytes:
    close = "" if kept else "Connection: close\r\n"
    headers = f"Host: registry.example.com\r\nUser-Agent: {_AGENT}\r\n{authorization}Accept-Encoding: gzip\r\n{close}"
    return f"GET {target} HTTP/1.1\r\n{headers}\r\n".encode()
