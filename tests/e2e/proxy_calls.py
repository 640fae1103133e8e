"""What clients ask of the dependency proxy, as single requests. Each answer is checked for the form that all of a registry have."""

import hashlib
import json
import re
import socket
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection

from gitlab import Gitlab

from .http_calls import Answer, call
from .peers.oci_layout import INDEX, MANIFEST
from .python_gitlab import as_token, logged_in
from .registry_calls import challenge
from .token_server import Token, TokenServer

READ = ("read_virtual_registry",)
WRITE = ("write_virtual_registry",)
ALL = "pull,push,delete"

# What clients send with every request for a manifest.
ACCEPT = {"Accept": f"{MANIFEST}, {INDEX}"}

# What nobody outside may learn: the services of the registries behind nginx, and the realm that they are told.
_INTERNAL_WORDS = (b"dependency_proxy_store", b"dependency_proxy_cache", b"registry-auth.invalid", b"X-Store-", b"X-Cache", b"X-Refusal-")
_OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one layer: manifest, config and layer, each with its digest."""

    manifest: bytes
    config: bytes
    layer: bytes

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return digest_of(self.manifest)

    @property
    def blobs(self) -> tuple[bytes, bytes]:
        """What is uploaded before the manifest."""
        return self.config, self.layer

    @property
    def places(self) -> tuple[str, str, str]:
        """Where in a repository manifest, config and layer are found by digest."""
        return f"manifests/{self.digest}", f"blobs/{digest_of(self.config)}", f"blobs/{digest_of(self.layer)}"


def make_image(marker: str) -> Image:
    """Make an image that shares nothing with those of other markers; its layer is plain text, so that a leak is seen."""
    config, layer = json.dumps({"config": marker}).encode(), f"layer of {marker}\n".encode() * 8
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", **_descriptor(config)}
    layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **_descriptor(layer)}]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
    return Image(json.dumps(manifest).encode(), config, layer)


def make_index(image: Image) -> bytes:
    """Make an index that names the image."""
    return json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"mediaType": MANIFEST, **_descriptor(image.manifest)}]}
    ).encode()


def digest_of(content: bytes) -> str:
    """Give the digest of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def full_name(group: str, image: str) -> str:
    """Give the name of an image under a group."""
    return f"{group}/dependency_proxy/containers/{image}"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at a registry's address, as the holder of a signed token meets it."""

    host: str
    name: str
    jwt: str | None = None

    def ask(self, method: str, place: str, body: bytes = b"", media_type: str = _OCTETS) -> Answer:
        """Make a request to a place in the repository."""
        return self.at(f"/v2/{self.name}/{place}", method, body, media_type)

    def at(self, path: str, method: str, body: bytes = b"", media_type: str = _OCTETS) -> Answer:
        """Make a request to an address, such as one that an upload was given."""
        content = {"Content-Type": media_type} if body else {}
        return send(self.host, method, path, headers=ACCEPT | bearer(self.jwt) | content, body=body)

    def status(self, method: str, place: str) -> int:
        """Make a request and give the status alone."""
        return self.ask(method, place).status

    def begin_upload(self, query: str = "") -> Answer:
        """Begin an upload, or with a query mount a blob."""
        return self.ask("POST", f"blobs/uploads/{query}")

    def finish_upload(self, location: str, content: bytes) -> Answer:
        """End the upload of that address with its only bytes."""
        return self.at(f"{location}{'&' if '?' in location else '?'}digest={digest_of(content)}", "PUT", content)

    def upload(self, content: bytes) -> str:
        """Upload a blob; give its digest."""
        begun = self.begin_upload()
        assert begun.status == 202, (begun.status, begun.body)
        assert self.finish_upload(begun.headers["location"], content).status == 201
        return digest_of(content)

    def put_manifest(self, reference: str, manifest: bytes, media_type: str = MANIFEST) -> Answer:
        """Put a manifest, whose blobs have to be there."""
        return self.ask("PUT", f"manifests/{reference}", manifest, media_type)

    def push(self, image: Image, tag: str) -> Image:
        """Push an image as clients do; give it back."""
        for blob in image.blobs:
            self.upload(blob)
        put = self.put_manifest(tag, image.manifest)
        assert (put.status, put.headers.get("docker-content-digest")) == (201, image.digest), (put.status, put.body)
        return image

    def tags(self) -> list[str]:
        """Give the list of tags."""
        answer = self.ask("GET", "tags/list")
        assert answer.status == 200, (answer.status, answer.body)
        return list(json.loads(answer.body)["tags"])

    def statuses(self, method: str, places: Iterable[str]) -> list[int]:
        """Make a request to each of these places; give the statuses."""
        return [self.status(method, place) for place in places]


def bearer(jwt: str | None) -> dict[str, str]:
    """Give the header for a signed token."""
    return {} if jwt is None else {"Authorization": f"Bearer {jwt}"}


def send(host: str, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    """Make a request on a connection of its own, and check the form of its answer."""
    with closing(HTTPConnection(host, timeout=30)) as connection:
        connection.request(method, path, body=body or None, headers=dict(headers or {}))
        response = connection.getresponse()
        return checked(response.status, response.getheaders(), response.read(), method)


def exchange(host: str, request: bytes) -> bytes:
    """Send bytes as they are; give all that comes back before the server closes, which it has to within seconds.

    A server that closes before it has read everything may take its answer away with it; then the request is made again.
    """
    return next(filter(None, (_sent(host, request) for _ in range(5))), b"")


def _sent(host: str, request: bytes) -> bytes:
    address, _, port = host.partition(":")
    received = b""
    with socket.create_connection((address, int(port)), timeout=10) as connection, suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(request)
        while part := connection.recv(65536):
            received += part
    return received


def answers(received: bytes, method: str = "GET") -> list[Answer]:
    """Read the answers to requests that were sent as bytes, and check the form of each; those that are only on their way do not count."""
    found = [_parsed(part) for part in re.split(rb"(?=HTTP/1\.1 \d{3} )", received) if part]
    return [checked(status, headers, body, method) for status, headers, body in found if status >= 200]


def checked(status: int, headers: Sequence[tuple[str, str]], body: bytes, method: str = "GET") -> Answer:
    """Give an answer, unless it breaks a rule: errors are a registry's JSON, each 401 has one challenge, and nothing inside is named."""
    counted = Counter(name.lower() for name, _ in headers)
    shown = (method, status, headers, body[:300])
    answer = Answer(status, {name.lower(): value for name, value in headers}, body)
    assert status < 500 or status == 501, shown
    assert counted["www-authenticate"] == (1 if status == 401 else 0), shown
    assert counted["docker-distribution-api-version"] == 1, shown
    everything = repr(headers).encode() + body
    assert not [word for word in _INTERNAL_WORDS if word.lower() in everything.lower()], shown
    if status >= 400:
        assert counted["content-type"] == 1, shown
        assert answer.headers["content-type"].partition(";")[0] == "application/json", shown
        assert method == "HEAD" or _are_errors(json.loads(body)["errors"]), shown
    return answer


def error(answer: Answer) -> tuple[int, str]:
    """Give status and first error code of a refusal."""
    return answer.status, str(json.loads(answer.body)["errors"][0]["code"])


def insufficient(answer: Answer) -> str:
    """Give the scope that a challenge asks for, after checking that it is the answer to a token that does not grant it."""
    asked = challenge(answer)
    assert (asked["service"], asked["error"]) == ("dependency_proxy", "insufficient_scope"), asked
    assert not answer.body or error(answer) == (401, "DENIED")
    return asked["scope"]


def mint(server: TokenServer, *scopes: str, credentials: tuple[str, str] | None, service: str = "dependency_proxy") -> Answer:
    """Ask for a signed token."""
    query = [("service", service), *(("scope", scope) for scope in scopes)]
    return call(f"{server.url}/jwt/auth", query=query, credentials=credentials)


def signed(server: TokenServer, token: Token, *names: str, actions: str = ALL) -> str:
    """Give a signed token for these repositories; the credential may hold less than is asked."""
    answer = mint(server, *(f"repository:{name}:{actions}" for name in names), credentials=token.credentials)
    return str(answer.granted()["token"])


@contextmanager
def administrator_of(server: TokenServer, username: str) -> Iterator[Gitlab]:
    """Make an administrator, logged in to the REST API, where things are made and changed without the start of a process for each."""
    with logged_in(server, server.create_personal_token(server.create_user(username, admin=True)).secret) as client:
        yield client


def make_groups(administrator: Gitlab, *paths: str) -> None:
    """Make groups in this order, but for those that there are already; the ones above have to be there."""
    existing = {group.full_path for group in administrator.groups.list(get_all=True)}
    for path in [path for path in paths if path not in existing]:
        parent, _, last = path.rpartition("/")
        above = {"parent_id": administrator.groups.get(parent).id} if parent else {}
        administrator.groups.create({"name": last, "path": last, **above})


def deploy_token(administrator: Gitlab, scopes: Collection[str], *, group: str = "", project: str = "") -> Token:
    """Make a deploy token of a group or a project."""
    made = {"name": "test", "scopes": list(scopes)}
    if project:
        return as_token(administrator.projects.get(project).deploytokens.create(made))
    return as_token(administrator.groups.get(group).deploytokens.create(made))


def _descriptor(content: bytes) -> dict[str, object]:
    return {"digest": digest_of(content), "size": len(content)}


def _parsed(received: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split(" ")[1]), [(name, value) for name, _, value in (line.partition(": ") for line in lines)], body


def _are_errors(errors: Sequence[Mapping[str, object]]) -> bool:
    return bool(errors) and all(entry["code"] and entry["message"] and isinstance(entry["message"], str) for entry in errors)
