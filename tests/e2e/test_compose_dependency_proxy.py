"""The unmodified docker-compose.yml with its profile `dependency-proxy`, and one more registry as the upstream."""

import re
from collections.abc import Iterator

import pytest

from .compose_project import ComposeProject
from .peers.availability import require
from .peers.docker_engine import DockerClient
from .peers.processes import wait_until
from .stand_ins.nginx_image import import_nginx_image

HOST = "127.0.0.1:5002"
IMAGES = f"{HOST}/team/dependency_proxy/containers"
ALPINE = f"{IMAGES}/alpine:3.20"
NGINX = "dependency-proxy"
CACHE = "dependency-proxy-cache"
BEHIND = ("dependency-proxy-store", CACHE, "dependency-proxy-evictor")
OFF = "The dependency proxy is switched off in this installation."
UPSTREAM = "upstream"
UPSTREAM_PORT = 5010


@pytest.fixture(scope="module")
def project(compose_project: ComposeProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeProject]:
    """Bring the project up in front of an upstream, with a group team in it."""
    require("nginx")
    docker = compose_project.docker
    import_nginx_image(docker, tmp_path_factory.mktemp("nginx"))
    compose_project.environment["DEPENDENCY_PROXY_UPSTREAM_URL"] = start_upstream(docker)
    compose_project.up(profile="dependency-proxy")
    compose_project.registry_auth("group", "create", "team").check()
    yield compose_project
    compose_project.down("--volumes")
    compose_project.environment.clear()
    docker.docker("rm", "--force", "--volumes", UPSTREAM).check()


@pytest.fixture(scope="module")
def writer(project: ComposeProject) -> tuple[str, str]:
    """User name and secret of a token that pulls and pushes."""
    return project.create_token("group:team", "read_virtual_registry", "write_virtual_registry")


def start_upstream(docker: DockerClient) -> str:
    """Run a registry that is open to everybody; give its address for containers."""
    docker.docker("run", "--detach", "--name", UPSTREAM, "--publish", f"{UPSTREAM_PORT}:5000", "registry:2").check()
    wait_until(lambda: "listening on" in docker.docker("logs", UPSTREAM).output, "the upstream's start")
    shown = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = docker.docker("network", "inspect", "--format", shown, "bridge").check().output.strip()
    return f"http://{gateway}:{UPSTREAM_PORT}"


def publish(docker: DockerClient, image: str) -> str:
    """Make an official image of the upstream that is nowhere else; give its identifier."""
    reference = f"127.0.0.1:{UPSTREAM_PORT}/library/{image}"
    docker.import_image(reference, f"upstream {image}").check()
    docker.push(reference).check()
    identifier = docker.image_id(reference)
    docker.remove_image(reference).check()
    return identifier


def pull_anew(docker: DockerClient, reference: str) -> str:
    """Remove an image, if it is here, and pull it; give its identifier."""
    docker.remove_image(reference)
    docker.pull(reference).check()
    return docker.image_id(reference)


def wait_for_pull(docker: DockerClient, reference: str, *, timeout: float) -> None:
    """Return as soon as a pull succeeds."""
    wait_until(lambda: docker.pull(reference).returncode == 0, f"a pull of {reference}", timeout=timeout)


def switch(project: ComposeProject, state: str) -> None:
    """Set the variable, and let compose make the token server's container anew."""
    project.environment["REGISTRY_AUTH_DEPENDENCY_PROXY_ENABLED"] = state
    project.compose("up", "--detach", "registry-auth").check()


def address(project: ComposeProject, service: str) -> tuple[str, str]:
    """Give the network of a service and its address there."""
    ((network, settings),) = project.inspect(service)["NetworkSettings"]["Networks"].items()
    return network, settings["IPAddress"]


def test_profile_adds_four_services(project: ComposeProject) -> None:
    """With the profile nginx and three registries run besides the token server and the container registry."""
    assert project.services() == {"registry-auth", "registry", NGINX, *BEHIND}


def test_nginx_runs_without_rights(project: ComposeProject) -> None:
    """No process of nginx is root or has a capability, and nothing but /tmp can be written to."""
    status = project.exec(NGINX, "sh", "-c", "cat /proc/[0-9]*/status").check().output
    assert set(re.findall(r"^Uid:\t(.*)$", status, re.MULTILINE)) == {"10001\t10001\t10001\t10001"}
    assert set(re.findall(r"^Cap(?:Inh|Prm|Eff|Bnd|Amb):\t(.*)$", status, re.MULTILINE)) == {"0000000000000000"}
    assert set(re.findall(r"^NoNewPrivs:\t(.*)$", status, re.MULTILINE)) == {"1"}
    for directory in ("/", "/etc/dependency-proxy", "/keys", "/keys/dependency-proxy"):
        assert "Read-only file system" in project.exec(NGINX, "mkdir", f"{directory}/new").output


def test_nginx_sees_only_its_configuration_and_the_secret(project: ComposeProject) -> None:
    """What nginx gets is its configuration and the file with the secret, and no key."""
    assert project.mounts(NGINX) == {"/etc/dependency-proxy": False, "/keys/dependency-proxy": False}
    listed = project.exec(NGINX, "ls", "-A", "/keys", "/keys/dependency-proxy").check().output.split()
    assert listed == ["/keys:", "dependency-proxy", "/keys/dependency-proxy:", "gate-secret.conf"]
    assert (
        project.exec(NGINX, "cat", "/keys/dependency-proxy/gate-secret.conf").check().output.startswith("proxy_set_header X-Gate-Secret ")
    )


@pytest.mark.parametrize("service", BEHIND)
def test_registries_see_only_public_keys(project: ComposeProject, service: str) -> None:
    """A registry behind nginx gets no private key and not the secret, and no port of it is published."""
    assert project.mounts(service) == {"/etc/registry-config.yml": False, "/keys/public": False, "/var/lib/registry": True}
    listed = project.exec(service, "ls", "-A", "/keys", "/keys/public").check().output.split()
    assert listed == ["/keys:", "public", "/keys/public:", "ca.crt", "jwks.json", "signing.crt"]
    assert not project.inspect(service)["HostConfig"]["PortBindings"]


def test_documented_commands(project: ComposeProject) -> None:
    """A deploy token made as the documentation says logs in and pulls an image of the upstream, and cannot push."""
    docker = project.docker
    published = publish(docker, "alpine:3.20")
    wanted = ("--group", "team", "--name", "cache", "--scope", "read_virtual_registry")
    created = project.registry_auth("deploy-token", "create", *wanted).check().output
    (username,), (secret,) = re.findall(r"gitlab\+deploy-token-\d+", created), re.findall(r"gldt-\S+", created)
    assert "Login Succeeded" in docker.login(HOST, username, secret).check().output
    assert pull_anew(docker, ALPINE) == published
    refused = docker.push(ALPINE)
    assert refused.returncode == 1
    assert "denied: requested access to the resource is denied" in refused.output


def test_push_and_pull_back(project: ComposeProject, writer: tuple[str, str]) -> None:
    """A token that may write pushes an image, and pulls it back."""
    docker, image = project.docker, f"{IMAGES}/tools/builder:1"
    docker.login(HOST, *writer).check()
    docker.import_image(image, "pushed").check()
    docker.push(image).check()
    pushed = docker.image_id(image)
    assert pull_anew(docker, image) == pushed


def test_upstream_goes_and_comes_back(project: ComposeProject, writer: tuple[str, str]) -> None:
    """Without its upstream the cache cannot start, what it has is pulled all the same, and it comes back with the upstream."""
    docker, cached, pushed, new = project.docker, f"{IMAGES}/cached:1", f"{IMAGES}/kept:1", f"{IMAGES}/new:1"
    docker.login(HOST, *writer).check()
    published, unseen = publish(docker, "cached:1"), publish(docker, "new:1")
    assert pull_anew(docker, cached) == published
    docker.import_image(pushed, "kept").check()
    docker.push(pushed).check()
    kept = docker.image_id(pushed)
    docker.docker("stop", "--time", "1", UPSTREAM).check()
    project.compose("restart", CACHE).check()
    wait_until(lambda: project.inspect(CACHE)["RestartCount"] > 0, "the cache's end")
    assert pull_anew(docker, pushed) == kept
    assert pull_anew(docker, cached) == published
    docker.docker("start", UPSTREAM).check()
    # The pause between two starts grows to 60 seconds.
    wait_until(lambda: "401 Unauthorized" in project.exec(CACHE, "wget", "-q", "http://127.0.0.1:5000/v2/").output, "the cache", timeout=60)
    wait_for_pull(docker, new, timeout=20)
    assert docker.image_id(new) == unseen


def test_switch(project: ComposeProject, writer: tuple[str, str]) -> None:
    """A variable of compose switches the dependency proxy off, which clients show their users, and on again."""
    docker, image = project.docker, f"{IMAGES}/switched:1"
    docker.login(HOST, *writer).check()
    docker.import_image(image, "switched").check()
    docker.push(image).check()
    switch(project, "false")
    wait_until(lambda: OFF in docker.pull(image).output, OFF, timeout=20)
    assert "404 Not Found" in docker.login(HOST, *writer).output
    switch(project, "true")
    wait_for_pull(docker, image, timeout=20)


def test_token_server_comes_back_at_another_address(project: ComposeProject, writer: tuple[str, str]) -> None:
    """The token server is found again by itself, also when another container has got its address meanwhile."""
    docker, image = project.docker, f"{IMAGES}/moved:1"
    docker.login(HOST, *writer).check()
    docker.import_image(image, "moved").check()
    docker.push(image).check()
    network, before = address(project, "registry-auth")
    docker.docker("stop", project.container("registry-auth")).check()
    docker.docker("run", "--detach", "--name", "successor", "--network", network, "registry:2").check()
    docker.docker("start", project.container("registry-auth")).check()
    assert address(project, "registry-auth") != (network, before)
    wait_for_pull(docker, image, timeout=20)
    docker.docker("rm", "--force", "--volumes", "successor").check()
