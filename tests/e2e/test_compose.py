"""The unmodified docker-compose.yml, with stand-ins for the two public images that it starts from."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .peers.availability import REPOSITORY, program, require
from .peers.docker_engine import DockerClient, DockerEngine
from .peers.processes import Finished, run, wait_until
from .stand_ins.python_image import import_python_image
from .stand_ins.registry_image import import_registry_image

HOST = "127.0.0.1:5000"
IMAGE = f"{HOST}/team/app:1"
_SHIPPED = ("docker-compose.yml", "registry-config.yml", "Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "requirements.lock")


class ComposeProject:
    """A copy of the checkout's files in a daemon whose ports 5000 and 5001 are its own, whoever else has them here."""

    def __init__(self, directory: Path, docker: DockerClient) -> None:
        self.docker = docker
        self._directory = directory
        for name in _SHIPPED:
            shutil.copy(REPOSITORY / name, directory / name)
        shutil.copytree(REPOSITORY / "registry_auth", directory / "registry_auth", ignore=shutil.ignore_patterns("__pycache__"))

    def compose(self, *words: str, timeout: float = 120) -> Finished:
        """Run docker-compose in the copy."""
        command = (program("docker-compose"), "--project-directory", self._directory, "--file", self._directory / "docker-compose.yml")
        return run([*command, *words], env=self.docker.env, timeout=timeout)

    def up(self, *options: str) -> None:
        """Start everything, and return when the token server is healthy and the registry answers."""
        self.compose("up", "--detach", *options, timeout=250).check()
        self.wait()

    def wait(self) -> None:
        """Return when the token server is healthy and the registry answers."""
        wait_until(lambda: self.inspect("registry-auth")["State"]["Health"]["Status"] == "healthy", "health", timeout=60)
        wait_until(lambda: "listening on" in self.compose("logs", "registry").output, "the registry's start")

    def exec(self, service: str, *words: str) -> Finished:
        """Run a command in the container of a service."""
        return self.compose("exec", "-T", service, *words)

    def inspect(self, service: str) -> Any:
        """Give what the daemon knows of the container of a service."""
        container = self.compose("ps", "--quiet", service).check().output.strip()
        return json.loads(self.docker.docker("inspect", container).check().output)[0]

    def create_token(self, *scopes: str) -> tuple[str, str]:
        """Make a deploy token for team/app; give its user name and its secret."""
        wanted = [word for scope in scopes for word in ("--scope", scope)]
        create = ["registry-auth", "deploy-token", "create", "--project", "team/app", "--name", "test", *wanted, "--json"]
        token = json.loads(self.exec("registry-auth", *create).check().output)
        return token["username"], token["token"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeProject]:
    """Build the images and bring the project up, with a project team/app in it."""
    require("dockerd", "docker", "docker-compose", "containerd", "ctr", "busybox", "ip", "docker-registry")
    directory = tmp_path_factory.mktemp("compose")
    copy = directory / "registry-auth"
    copy.mkdir()
    with DockerEngine(own_network=True) as engine:
        docker = DockerClient(engine, directory / "docker")
        import_registry_image(docker, directory)
        import_python_image(docker, directory)
        project = ComposeProject(copy, docker)
        project.up("--build")
        project.exec("registry-auth", "registry-auth", "project", "create", "team/app").check()
        yield project


@pytest.fixture(scope="module")
def writer(project: ComposeProject) -> tuple[str, str]:
    """User name and secret of a token that pulls and pushes."""
    return project.create_token("read_registry", "write_registry")


def test_token_server_runs_without_rights(project: ComposeProject) -> None:
    """The token server is healthy, is not root, and can write to its volumes only."""
    assert project.inspect("registry-auth")["State"]["Health"]["Status"] == "healthy"
    assert project.exec("registry-auth", "id", "-u").output.strip() == "10001"
    status = project.exec("registry-auth", "cat", "/proc/1/status").output
    assert "\nUid:\t10001\t10001\t10001\t10001\n" in status
    assert "\nCapEff:\t0000000000000000\n" in status
    assert "Read-only file system" in project.exec("registry-auth", "mkdir", "/app/new").output


def test_registry_sees_only_public_keys(project: ComposeProject) -> None:
    """The registry gets the CA certificate and the key set, cannot change them, and gets nothing private."""
    mounts = {mount["Destination"]: mount["RW"] for mount in project.inspect("registry")["Mounts"]}
    assert mounts == {"/etc/registry-config.yml": False, "/keys/public": False, "/var/lib/registry": True}
    listed = project.exec("registry", "ls", "-A", "/keys", "/keys/public").check().output.split()
    assert listed == ["/keys:", "public", "/keys/public:", "ca.crt", "jwks.json"]
    assert "PRIVATE" not in project.exec("registry", "cat", "/keys/public/ca.crt", "/keys/public/jwks.json").check().output


def test_private_keys_are_for_the_token_server_alone(project: ComposeProject) -> None:
    """Directories and files of private keys are closed to every other user, in the volume as on a disk."""
    listed = project.exec("registry-auth", "ls", "-ln", "/keys", "/keys/private").check().output
    modes = {line.split()[-1]: line.split()[0] for line in listed.splitlines() if len(line.split()) > 2}
    assert modes.pop("private") == "drwx------"
    assert modes.pop("public") == "drwxr-xr-x"
    assert {modes[name] for name in modes if name.endswith((".pem", ".key"))} == {"-rw-------"}


def test_log_in_push_and_pull(project: ComposeProject, writer: tuple[str, str]) -> None:
    """A deploy token made in the container logs in, pushes and pulls at 127.0.0.1:5000."""
    docker = project.docker
    assert "Login Succeeded" in docker.login(HOST, *writer).check().output
    docker.import_image(IMAGE, "compose").check()
    docker.push(IMAGE).check()
    docker.remove_image(IMAGE).check()
    docker.pull(IMAGE).check()


def test_read_only_token_is_refused_a_push(project: ComposeProject) -> None:
    """A token with read_registry alone logs in, but cannot push."""
    project.docker.login(HOST, *project.create_token("read_registry")).check()
    image = f"{HOST}/team/app/other:1"
    project.docker.import_image(image, "refused").check()
    refused = project.docker.push(image)
    assert refused.returncode == 1
    assert "denied: requested access to the resource is denied" in refused.output


def test_token_server_restarts_under_a_running_registry(project: ComposeProject, writer: tuple[str, str]) -> None:
    """The registry goes on, with the token that the clients had, when the token server alone is restarted."""
    started = project.inspect("registry")["State"]["StartedAt"]
    project.compose("restart", "registry-auth").check()
    project.wait()
    assert "Login Succeeded" in project.docker.login(HOST, *writer).check().output
    assert project.inspect("registry")["State"]["StartedAt"] == started


def test_down_and_up_keeps_everything(project: ComposeProject, writer: tuple[str, str]) -> None:
    """After `down` and `up` the keys, the deploy token and the images are still there."""
    project.docker.login(HOST, *writer).check()
    project.docker.import_image(IMAGE, "kept").check()
    project.docker.push(IMAGE).check()
    before = project.exec("registry", "cat", "/keys/public/ca.crt").check().output
    project.compose("down").check()
    project.up()
    assert project.exec("registry", "cat", "/keys/public/ca.crt").check().output == before
    project.docker.remove_image(IMAGE).check()
    project.docker.pull(IMAGE).check()
