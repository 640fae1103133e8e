"""The unmodified docker-compose.yml, with stand-ins for the two public images that it starts from."""

from collections.abc import Iterator

import pytest

from .compose_project import ComposeProject

HOST = "127.0.0.1:5000"
IMAGE = f"{HOST}/team/app:1"


@pytest.fixture(scope="module")
def project(compose_project: ComposeProject) -> Iterator[ComposeProject]:
    """Bring the project up, with a project team/app in it."""
    compose_project.up()
    compose_project.registry_auth("project", "create", "team/app").check()
    yield compose_project
    compose_project.down("--volumes")


@pytest.fixture(scope="module")
def writer(project: ComposeProject) -> tuple[str, str]:
    """User name and secret of a token that pulls and pushes."""
    return project.create_token("project:team/app", "read_registry", "write_registry")


def test_only_two_services_run(project: ComposeProject) -> None:
    """Without its profile the dependency proxy is not there."""
    assert project.services() == {"registry-auth", "registry"}


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
    assert project.mounts("registry") == {"/etc/registry-config.yml": False, "/keys/public": False, "/var/lib/registry": True}
    listed = project.exec("registry", "ls", "-A", "/keys", "/keys/public").check().output.split()
    assert listed == ["/keys:", "public", "/keys/public:", "ca.crt", "jwks.json", "signing.crt"]
    contents = project.exec("registry", "cat", *(f"/keys/public/{name}" for name in listed[3:])).check().output
    assert "PRIVATE" not in contents


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
    project.docker.login(HOST, *project.create_token("project:team/app", "read_registry")).check()
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
    project.down()
    project.up()
    assert project.exec("registry", "cat", "/keys/public/ca.crt").check().output == before
    project.docker.remove_image(IMAGE).check()
    project.docker.pull(IMAGE).check()
