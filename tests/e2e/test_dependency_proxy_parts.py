"""The plumbing of the dependency proxy: what nginx lets through, and what it answers by itself."""

import hashlib
import os
from pathlib import Path

import pytest

from .dependency_proxy import DependencyProxy
from .http_calls import Answer, call
from .peers.availability import require
from .peers.containers_tools import Skopeo
from .peers.oci_layout import write_oci_layout
from .peers.stock_registry import REGISTRIES, StockRegistry
from .proxy_calls import answers, exchange, signed
from .token_server import Token, TokenServer

GROUP = "parts"
IMAGE = f"{GROUP}/dependency_proxy/containers/alpine"
MANIFEST = f"/v2/{IMAGE}/manifests/3.20"
_MIB = 1 << 20


@pytest.fixture(scope="module")
def writer(token_server: TokenServer) -> Token:
    """Make a token that reads and writes through the dependency proxy of a group."""
    token_server.document("group", "create", GROUP)
    return token_server.create_token(group=GROUP, scopes=["write_virtual_registry"])


def error_code(answer: Answer) -> str:
    """Give the code of a registry error, which has three keys."""
    (error,) = answer.document["errors"]
    assert set(error) == {"code", "message", "detail"}
    return str(error["code"])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v2/_catalog",
        "/v2/parts/p/manifests/1",
        "/dependency_proxy/gate",
        "/dependency_proxy/502",
        f"/v2/{IMAGE}/referrers/sha256:0",
        "/x.html",
    ],
)
def test_nothing_else_is_here(dependency_proxy: DependencyProxy, path: str) -> None:
    """Any other address is unknown, and neither the gate nor the pages of errors can be asked for."""
    answer = dependency_proxy.ask(path)

    assert (answer.status, error_code(answer)) == (404, "NAME_UNKNOWN")
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_base(dependency_proxy: DependencyProxy, token_server: TokenServer, path: str) -> None:
    """Clients find the token endpoint at the base address."""
    answer = dependency_proxy.ask(path)

    assert (answer.status, error_code(answer)) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == f'Bearer realm="{token_server.url}/jwt/auth",service="dependency_proxy"'


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (f"TRACE {MANIFEST} HTTP/1.1", 405),
        ("CONNECT h:1 HTTP/1.1", 400),
        (f"get {MANIFEST} HTTP/1.1", 400),
        (f"GET {MANIFEST} HTTP/9.9", 501),
        (f"GET {MANIFEST}%00 HTTP/1.1", 400),
        (f"GET {MANIFEST}%zz HTTP/1.1", 400),
        ("GET /../x HTTP/1.1", 400),
        (f"GET /v2/{'a' * 45000} HTTP/1.1", 414),
        (f"GET {MANIFEST} HTTP/1.1\r\nX-Long: {'a' * 45000}", 431),
        (f"GET {MANIFEST} HTTP/1.1\r\nHost: other", 400),
        (f"PUT {MANIFEST} HTTP/1.1\r\nTransfer-Encoding: other", 501),
        (f"GET {MANIFEST}%0d%0aX-Original-Method:%20HEAD HTTP/1.1", 404),
        (f"GET {MANIFEST}%0a HTTP/1.1", 404),
        (f"GET {MANIFEST}%3fa=b HTTP/1.1", 404),
        (f"GET {MANIFEST.replace('/manifests/', '%2fmanifests/')} HTTP/1.1", 404),
        (f"GET /v2/a/..{MANIFEST.removeprefix('/v2')} HTTP/1.1", 404),
        (f"GET /{MANIFEST} HTTP/1.1", 404),
        (f"PROPFIND {MANIFEST} HTTP/1.1", 405),
    ],
)
def test_bad_requests(dependency_proxy: DependencyProxy, request_line: str, status: int) -> None:
    """What is no request of a registry client is refused in JSON, whoever refuses it."""
    (answer,) = answers(exchange(dependency_proxy.host, f"{request_line}\r\nHost: h\r\nConnection: close\r\n\r\n".encode()))

    assert answer.status == status
    assert error_code(answer)


def test_error_of_a_tag_with_a_file_extension(dependency_proxy: DependencyProxy) -> None:
    """The type of an answer does not follow the end of the address."""
    answer = dependency_proxy.ask(f"/v2/{IMAGE}/manifests/index.html")

    assert (answer.status, error_code(answer)) == (401, "UNAUTHORIZED")


def test_large_layer_without_temporary_files(dependency_proxy: DependencyProxy, token_server: TokenServer, writer: Token) -> None:
    """50 MiB stream to the store and back; nginx has nowhere to put them."""
    layer = os.urandom(50 * _MIB)
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    token = signed(token_server, writer, IMAGE)
    begun = dependency_proxy.ask(f"/v2/{IMAGE}/blobs/uploads/", method="POST", jwt=token)
    pieces = (layer[start : start + _MIB] for start in range(0, len(layer), _MIB))
    headers = {"Authorization": f"Bearer {token}"}
    sent = call(f"http://{dependency_proxy.host}{begun.headers['location']}", method="PATCH", headers=headers, body=pieces)
    stored = dependency_proxy.ask(f"{sent.headers['location']}&digest={digest}", method="PUT", jwt=token)
    fetched = dependency_proxy.ask(f"/v2/{IMAGE}/blobs/{digest}", jwt=token)

    assert (begun.status, sent.status, stored.status) == (202, 202, 201)
    assert (fetched.status, fetched.body == layer) == (200, True)
    assert "temporary file" not in dependency_proxy.nginx.log()


def test_upload_that_is_refused_early(dependency_proxy: DependencyProxy, token_server: TokenServer, writer: Token) -> None:
    """Who sends much to an upload that is not there gets the answer, not a lost connection."""
    headers = {"Authorization": f"Bearer {signed(token_server, writer, IMAGE)}"}
    answer = call(f"http://{dependency_proxy.host}/v2/{IMAGE}/blobs/uploads/none", method="PATCH", headers=headers, body=bytes(50 * _MIB))

    assert (answer.status, error_code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_list_of_tags_is_whole(token_server: TokenServer, writer: Token, skopeo: Skopeo, tmp_path: Path) -> None:
    """Whoever asks for a page of the tags gets all of them, and no link to a next page."""
    line = REGISTRIES[-1]
    require("nginx", line.peer)
    layout = write_oci_layout(tmp_path / "layout", "tags")
    (tmp_path / "upstream").mkdir()
    upstream = StockRegistry(line, tmp_path / "upstream", None)
    with upstream, DependencyProxy(token_server, upstream, tmp_path / "proxy", line=line) as proxy:
        for tag in ("1", "2"):
            skopeo.copy(f"oci:{layout}:latest", f"docker://{upstream.host}/library/alpine:{tag}").check()
        token = signed(token_server, writer, IMAGE)
        pages = [proxy.ask(f"/v2/{IMAGE}/tags/list{query}", jwt=token) for query in ("", "?n=1", "?n=1&last=1")]

    assert [page.document["tags"] for page in pages] == [["1", "2"]] * 3
    assert not any("link" in page.headers for page in pages)
