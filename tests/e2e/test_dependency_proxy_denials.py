"""What docker, podman, skopeo and ctr print when the dependency proxy refuses something, and that none of them tries again and again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from .dependency_proxy import DependencyProxy
from .peers.containerd import Containerd
from .peers.containers_tools import Podman, Skopeo
from .peers.docker_engine import DockerClient
from .peers.oci_layout import write_oci_layout
from .peers.processes import Finished
from .refused import WRONG
from .token_server import Token, TokenServer

GROUP, OTHER_GROUP, GROUP_THAT_IS_OFF = "clients/denied", "clients/other", "clients/off"

OF_A_PROJECT = (
    "denied: This deploy token is one of a project. The dependency proxy belongs to groups: "
    "it takes deploy tokens of the group itself or of a group above it."
)
WITHOUT_SCOPES = (
    "denied: This deploy token has only the scopes read_registry, write_registry. "
    "The dependency proxy needs read_virtual_registry to pull, write_virtual_registry to pull, push and delete."
)
DENIED = "denied: requested access to the resource is denied"
OFF = f"The dependency proxy is switched off in the group '{GROUP_THAT_IS_OFF}' or in one above it."
NO_RIGHT = "This log-in has no right to {} here: its scopes are too few, it is not for this group, or there is no such group."
NO_MANIFEST = "manifest unknown: There is no such manifest here, or the upstream does not give it out."
NO_NAME = "name unknown: Images are named GROUP/dependency_proxy/containers/IMAGE."
NO_SCOPE = "server message: insufficient_scope: authorization failed"
FORBIDDEN = "invalid status code from registry 403 (Forbidden)"
INVALID = "invalid username/password"


@pytest.fixture(scope="module")
def tokens(token_server: TokenServer) -> Mapping[str, Token]:
    """Make the groups, and tokens that can do this and that."""
    token_server.create_project(f"{GROUP}/project")
    for group in (OTHER_GROUP, GROUP_THAT_IS_OFF):
        token_server.document("group", "create", group)
    token_server.document("group", "update", GROUP_THAT_IS_OFF, "--dependency-proxy", "off")
    reader = token_server.create_token(group=GROUP, scopes=["read_virtual_registry"])
    return {
        "reader": reader,
        "writer": token_server.create_token(group=GROUP, scopes=["write_virtual_registry"]),
        "of the group that is off": token_server.create_token(group=GROUP_THAT_IS_OFF, scopes=["write_virtual_registry"]),
        "with a wrong secret": reader.with_invented_secret(),
        "of a project": token_server.create_token(project=f"{GROUP}/project", scopes=["read_virtual_registry"]),
        "without scopes": token_server.create_token(group=GROUP),
    }


@dataclass(frozen=True, slots=True)
class Clients:
    """All of them, logged in with the same token, which none of them has shown to the registry yet."""

    docker: DockerClient
    podman: Podman
    skopeo: Skopeo
    containerd: Containerd
    directory: Path

    def remember(self, host: str, token: Token) -> None:
        """Give docker, podman and skopeo the credentials as a log-in does."""
        self.docker.remember(host, *token.credentials)
        written = Path(self.docker.env["DOCKER_CONFIG"]) / "config.json"
        for client in (self.podman, self.skopeo):
            client.authfile.write_bytes(written.read_bytes())

    def pull(self, reference: str, token: Token) -> dict[str, Finished]:
        """Try to pull an image with each client."""
        return {
            "docker": self.docker.pull(reference),
            "podman": self.podman.pull(reference),
            "skopeo": self.skopeo.inspect(reference),
            "ctr": self.containerd.pull(reference, token.credentials),
        }

    def push(self, reference: str, token: Token) -> dict[str, Finished]:
        """Try to push a new image with each client."""
        layout = write_oci_layout(self.directory / "layout", reference)
        self.docker.import_image(reference, reference).check()
        self.podman.import_layout(layout, reference).check()
        self.containerd.import_layout(layout, reference).check()
        return {
            "docker": self.docker.push(reference),
            "podman": self.podman.push(reference),
            "skopeo": self.skopeo.copy(f"oci:{layout}:latest", f"docker://{reference}"),
            "ctr": self.containerd.push(reference, token.credentials),
        }


@pytest.fixture
def clients(docker: DockerClient, podman: Podman, skopeo: Skopeo, containerd: Containerd, tmp_path: Path) -> Clients:
    """Give all clients, logged in nowhere."""
    return Clients(docker, podman, skopeo, containerd, tmp_path)


def check(replies: Mapping[str, Finished], sentences: Mapping[str, tuple[str, ...]]) -> None:
    """Each client has failed, has printed each of its sentences, and has tried once."""
    assert replies.keys() == sentences.keys()
    for client, reply in replies.items():
        missing = [sentence for sentence in sentences[client] if sentence not in reply.output]
        assert (client, reply.returncode != 0, missing) == (client, True, []), reply.output
        assert not re.search("retrying", reply.output, re.IGNORECASE), reply.output


@pytest.mark.parametrize(
    ("token", "docker_says", "others_say"),
    [
        ("with a wrong secret", f"unauthorized: {WRONG}", INVALID),
        ("of a project", OF_A_PROJECT, FORBIDDEN),
        ("without scopes", WITHOUT_SCOPES, FORBIDDEN),
    ],
)
def test_refused_login(
    clients: Clients, dependency_proxy: DependencyProxy, tokens: Mapping[str, Token], token: str, docker_says: str, others_say: str
) -> None:
    """At the log-in docker shows our sentence, podman and skopeo keep it to themselves."""
    host, credentials = dependency_proxy.host, tokens[token].credentials
    in_docker = clients.docker.login(host, *credentials)
    replies = {"podman": clients.podman.login(host, *credentials), "skopeo": clients.skopeo.login(host, *credentials)}

    assert in_docker.returncode == 1
    assert in_docker.output.strip() == f'Error response from daemon: Get "http://{host}/v2/": {docker_says}'
    assert not clients.docker.remembers(host)
    check(replies, dict.fromkeys(replies, (others_say,)))


@pytest.mark.parametrize(
    ("token", "reference", "sentences"),
    [
        pytest.param(
            "with a wrong secret",
            f"{GROUP}/dependency_proxy/containers/alpine",
            ((f"unauthorized: {WRONG}",), (f"unauthorized: {WRONG}",), (f"unauthorized: {WRONG}",), ("unexpected status: 401",)),
            id="wrong-secret",
        ),
        pytest.param(
            "of a project",
            f"{GROUP}/dependency_proxy/containers/alpine",
            ((OF_A_PROJECT,), (FORBIDDEN,), (FORBIDDEN,), ("unexpected status: 403",)),
            id="token-of-a-project",
        ),
        pytest.param(
            "reader",
            f"{OTHER_GROUP}/dependency_proxy/containers/alpine",
            ((DENIED,), (DENIED, NO_RIGHT.format("pull")), (DENIED, NO_RIGHT.format("pull")), (NO_SCOPE,)),
            id="other-group",
        ),
        pytest.param(
            "of the group that is off",
            f"{GROUP_THAT_IS_OFF}/dependency_proxy/containers/alpine",
            ((OFF,), (OFF,), (OFF,), ("not found",)),
            id="group-that-is-off",
        ),
        pytest.param(
            "reader",
            f"{GROUP}/dependency_proxy/containers/no-such-image",
            ((NO_MANIFEST,), (NO_MANIFEST,), (NO_MANIFEST,), ("not found",)),
            id="unknown-at-the-upstream",
        ),
        pytest.param("reader", f"{GROUP}/alpine", ((NO_NAME,), (NO_NAME,), (NO_NAME,), ("not found",)), id="name-of-another-form"),
    ],
)
def test_refused_pull(
    clients: Clients,
    dependency_proxy: DependencyProxy,
    tokens: Mapping[str, Token],
    token: str,
    reference: str,
    sentences: tuple[tuple[str, ...], ...],
) -> None:
    """Every client but ctr prints a sentence of ours, or says that access is denied."""
    clients.remember(dependency_proxy.host, tokens[token])

    replies = clients.pull(f"{dependency_proxy.host}/{reference}:1", tokens[token])

    check(replies, dict(zip(replies, sentences, strict=True)))


@pytest.mark.parametrize(
    ("token", "reference", "sentences"),
    [
        pytest.param(
            "reader",
            f"{GROUP}/dependency_proxy/containers/{{}}",
            ((DENIED,), (DENIED, NO_RIGHT.format("push")), (DENIED, NO_RIGHT.format("push")), (NO_SCOPE,)),
            id="read-only",
        ),
        pytest.param(
            "writer", f"{OTHER_GROUP}/dependency_proxy/containers/{{}}", ((DENIED,), (DENIED,), (DENIED,), (NO_SCOPE,)), id="other-group"
        ),
        pytest.param(
            "of the group that is off",
            f"{GROUP_THAT_IS_OFF}/dependency_proxy/containers/{{}}",
            ((OFF,), (OFF,), (OFF,), ("unexpected status: 404",)),
            id="group-that-is-off",
        ),
        pytest.param(
            "writer", f"{GROUP}/{{}}", ((NO_NAME,), (NO_NAME,), (NO_NAME,), ("unexpected status: 404",)), id="name-of-another-form"
        ),
    ],
)
def test_refused_push(
    clients: Clients,
    dependency_proxy: DependencyProxy,
    tokens: Mapping[str, Token],
    name: str,
    token: str,
    reference: str,
    sentences: tuple[tuple[str, ...], ...],
) -> None:
    """A push that is refused ends at once: docker would go on for 50 seconds where it takes a refusal for a fault."""
    clients.remember(dependency_proxy.host, tokens[token])

    replies = clients.push(f"{dependency_proxy.host}/{reference.format(name)}:1", tokens[token])

    check(replies, dict(zip(replies, sentences, strict=True)))


def test_after_the_logout(clients: Clients, dependency_proxy: DependencyProxy, tokens: Mapping[str, Token]) -> None:
    """Each client logs in and out, and is nobody then: nothing is public."""
    sentence = "denied: The dependency proxy needs a log-in: nothing in it is public."
    reference = f"{dependency_proxy.host}/{GROUP}/dependency_proxy/containers/alpine:1"
    for client in (clients.docker, clients.podman, clients.skopeo):
        assert "Login Succeeded" in client.login(dependency_proxy.host, *tokens["reader"].credentials).check().output
        client.logout(dependency_proxy.host).check()

    replies = {
        "docker": clients.docker.pull(reference),
        "podman": clients.podman.pull(reference),
        "skopeo": clients.skopeo.inspect(reference),
    }
    replies["ctr"] = clients.containerd.pull(reference)

    check(replies, {"docker": (DENIED,), "podman": (DENIED, sentence), "skopeo": (DENIED, sentence), "ctr": (NO_SCOPE,)})
