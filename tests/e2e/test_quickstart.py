"""`make run` and `registry-auth quickstart`, used as by somebody who pastes what they print."""

import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from .peers.availability import REPOSITORY, program, require
from .peers.docker_engine import DockerClient
from .peers.processes import clean_environment, free_port, run, wait_until
from .stand_ins.registry_image import import_registry_image
from .stand_ins.terminal import Terminal

COMMAND = Path(sys.executable).with_name("registry-auth")
IMAGE_OF_THE_WEB = "docker pull busybox && "

# Were these to reach the registry, it would not start (the first) or send clients to the wrong place.
FOREIGN_SETTINGS = {"REGISTRY_AUTH_FILE": "/nowhere", "REGISTRY_AUTH_TOKEN_REALM": "http://127.0.0.1:1/wrong"}


class Quickstart:
    """A quickstart in a directory of its own, on ports that it keeps over its runs."""

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        self.directory = directory
        self.port, self.registry_port = free_port(), free_port()
        self.host = f"127.0.0.1:{self.registry_port}"
        self.env = {**env, **FOREIGN_SETTINGS}
        directory.mkdir(exist_ok=True)

    @contextmanager
    def installed(self) -> Iterator[Terminal]:
        """Run the installed command."""
        ports = ["--port", str(self.port), "--registry-port", str(self.registry_port)]
        with self._running(COMMAND, "quickstart", *ports) as terminal:
            yield terminal

    @contextmanager
    def made(self) -> Iterator[Terminal]:
        """Run `make run`, which may have to install everything first."""
        with self._running("make", "run", f"PORT={self.port}", f"REGISTRY_PORT={self.registry_port}") as terminal:
            yield terminal

    @contextmanager
    def _running(self, *command: str | Path) -> Iterator[Terminal]:
        log = self.directory.with_suffix(f".{free_port()}.log")
        with Terminal(self.directory, command, env=self.env, log=log) as terminal:
            wait_until(lambda: "\nCtrl-C stops" in terminal.log_text(), "the welcome", timeout=200, server=terminal)
            yield terminal


def lines_to_paste(terminal: Terminal) -> list[str]:
    """Give the four lines that are printed for the user: log in, tag, push, pull."""
    lines = re.findall(r"^  (.+)$", terminal.log_text(), re.MULTILINE)
    assert len(lines) == 4
    return lines


def paste(docker: DockerClient, line: str) -> str:
    """Run a line in a shell; give what it printed."""
    return run(["sh", "-c", line], env=docker.env).check().output


def paste_all(docker: DockerClient, terminal: Terminal) -> None:
    """Log in, push and pull with the printed lines and an image that takes the place of the one from the web."""
    login, tag, push, pull = lines_to_paste(terminal)
    assert "Login Succeeded" in paste(docker, login)
    assert tag.startswith(IMAGE_OF_THE_WEB)
    docker.import_image("busybox", "quickstart").check()
    paste(docker, tag.removeprefix(IMAGE_OF_THE_WEB))
    paste(docker, push)
    docker.remove_image("busybox", tag.split()[-1]).check()
    assert "Downloaded newer image" in paste(docker, pull)


def commands(directory: Path, *names: str) -> str:
    """Return a PATH on which only these peers are found."""
    directory.mkdir()
    for name in names:
        (directory / name).symlink_to(program(name))
    return str(directory)


@pytest.fixture
def quickstart(tmp_path: Path) -> Quickstart:
    """Give a quickstart that finds Debian's registry and nothing else."""
    require("docker-registry")
    return Quickstart(tmp_path / "here", {"PATH": commands(tmp_path / "bin", "docker-registry"), "HOME": str(tmp_path)})


def test_make_run_from_a_bare_checkout(tmp_path: Path, docker: DockerClient) -> None:
    """`make run` installs and starts everything, its lines work when pasted, and Ctrl-C leaves no process behind."""
    require("docker-registry")
    checkout = tmp_path / "checkout"
    unwanted = shutil.ignore_patterns(
        ".git", ".venv", ".tools", ".hypothesis", ".*_cache", "data", "private", "public", "tests", "__pycache__"
    )
    shutil.copytree(REPOSITORY, checkout, ignore=unwanted)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "MAKE", "MFLAGS"))}
    with Quickstart(checkout, env).made() as terminal:
        paste_all(docker, terminal)
        terminal.press_ctrl_c()
    assert terminal.log_text().endswith("Stopped.\n")


def test_second_run_keeps_everything(quickstart: Quickstart, docker: DockerClient) -> None:
    """After a second start the first secret and the pushed image are still good, and the way to a new secret is named."""
    with quickstart.installed() as first:
        paste_all(docker, first)
        login, *_, pull = lines_to_paste(first)
        first.press_ctrl_c()
    docker.logout(quickstart.host).check()
    docker.remove_image(pull.split()[-1]).check()
    with quickstart.installed() as second:
        assert "deploy-token rotate 1\n" in second.log_text()
        assert "gldt-" not in second.log_text()
        assert lines_to_paste(second)[1:] == lines_to_paste(first)[1:]
        paste(docker, login)
        paste(docker, pull)


@pytest.mark.parametrize("setting", ["PORT", "REGISTRY_PORT"])
def test_busy_port_is_named_with_its_setting(quickstart: Quickstart, setting: str) -> None:
    """A port that is in use ends the start, before anything is made, with one line that names the setting."""
    option = "--" + setting.lower().replace("_", "-")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ports = {"--port": quickstart.port, "--registry-port": quickstart.registry_port} | {option: port}
        finished = run([COMMAND, "quickstart", *(str(word) for pair in ports.items() for word in pair)], env=quickstart.env)
    choice = f"choose another port with {option} (make run {setting}=...)."
    assert finished.output == f"registry-auth: The address 127.0.0.1:{port} is in use: {choice}\n"
    assert finished.returncode == 1


def test_no_setting_of_ours_reaches_the_registry(quickstart: Quickstart) -> None:
    """To a registry every variable REGISTRY_* is configuration: it is started without any."""
    with quickstart.installed() as terminal:
        [pid] = [pid for pid, command in terminal.processes().items() if "docker-registry serve" in command]
        names = [entry.partition("=")[0] for entry in Path(f"/proc/{pid}/environ").read_text().split("\0")]
    assert "PATH" in names
    assert not [name for name in names if name.startswith("REGISTRY_")]


def test_registry_that_ends_ends_the_quickstart(quickstart: Quickstart) -> None:
    """When the registry dies, the token server is stopped too, and the user is told what happened."""
    with quickstart.installed() as terminal:
        [pid] = [pid for pid, command in terminal.processes().items() if "docker-registry serve" in command]
        os.kill(pid, 9)
        wait_until(lambda: not terminal.processes(), "the end of every process")
    assert "registry-auth: The registry ended with status -9." in terminal.log_text()


def test_registry_in_a_container(tmp_path: Path, docker: DockerClient) -> None:
    """Without a registry program the image registry:2 is run; Ctrl-C removes the container, and the next run has its images."""
    require("docker-registry")
    import_registry_image(docker, tmp_path)
    quickstart = Quickstart(tmp_path / "here", {**docker.env, "PATH": commands(tmp_path / "bin", "docker")})
    with quickstart.installed() as terminal:
        paste_all(docker, terminal)
        pull = lines_to_paste(terminal)[-1]
        [container] = json.loads(docker.docker("inspect", f"registry-auth-quickstart-{quickstart.registry_port}").check().output)
        terminal.press_ctrl_c()
    assert not [entry for entry in container["Config"]["Env"] if entry.startswith("REGISTRY_")]
    assert docker.docker("ps", "--all", "--quiet").check().output == ""
    docker.remove_image(pull.split()[-1]).check()
    with quickstart.installed() as terminal:
        paste(docker, pull)
        terminal.press_ctrl_c()
    assert docker.docker("ps", "--all", "--quiet").check().output == ""


def test_token_server_alone(tmp_path: Path) -> None:
    """Where no registry can be had, the token server runs without one and without a sample, and the user is told how to get one."""
    here = tmp_path / "here"
    quickstart = Quickstart(here, clean_environment(tmp_path) | {"PATH": commands(tmp_path / "bin")})
    with quickstart.installed() as terminal:
        assert "No registry was found" in terminal.log_text()
        assert "apt-get install docker-registry" in terminal.log_text()
        terminal.press_ctrl_c()
    stored = {"REGISTRY_AUTH_DATABASE_URL": f"sqlite:///{here}/data/registry-auth.db", "REGISTRY_AUTH_KEYS_DIR": f"{here}/keys"}
    listed = run([str(COMMAND), "deploy-token", "list", "--json"], env=clean_environment(tmp_path, **stored)).check()
    assert json.loads(listed.output) == []
