"""The unmodified docker-compose.yml in a daemon of its own, with what is asked of its services."""

import json
import shutil
from pathlib import Path
from typing import Any

from .peers.availability import REPOSITORY, program
from .peers.docker_engine import DockerClient
from .peers.processes import Finished, run, wait_until

_SHIPPED = ("docker-compose.yml", "registry-config.yml", "Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "requirements.lock")
_SHIPPED_DIRECTORIES = ("registry_auth", "deploy")


class ComposeProject:
    """A copy of the checkout's files in a daemon whose ports 5000 to 5002 are its own, whoever else has them here.

    `environment` is what compose puts in the place of the file's variables.
    """

    def __init__(self, directory: Path, docker: DockerClient) -> None:
        self.docker = docker
        self.environment: dict[str, str] = {}
        self._directory = directory
        for name in _SHIPPED:
            shutil.copy(REPOSITORY / name, directory / name)
        for name in _SHIPPED_DIRECTORIES:
            shutil.copytree(REPOSITORY / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))

    def compose(self, *words: str, timeout: float = 120) -> Finished:
        """Run docker-compose in the copy."""
        command = (program("docker-compose"), "--project-directory", self._directory, "--file", self._directory / "docker-compose.yml")
        return run([*command, *words], env={**self.docker.env, **self.environment}, timeout=timeout)

    def up(self, *, profile: str | None = None) -> None:
        """Start everything, or what a profile adds to it as well; return when the token server is healthy and the registry answers."""
        options = () if profile is None else ("--profile", profile)
        self.compose(*options, "up", "--detach", timeout=250).check()
        self.wait()

    def wait(self) -> None:
        """Return when the token server is healthy and the registry answers."""
        wait_until(lambda: self.inspect("registry-auth")["State"]["Health"]["Status"] == "healthy", "health", timeout=60)
        wait_until(lambda: "listening on" in self.docker.docker("logs", self.container("registry")).output, "the registry's start")

    def down(self, *options: str) -> None:
        """Stop and remove every container, and with `--volumes` what they have stored."""
        self.compose("--profile", "dependency-proxy", "down", *options).check()

    def services(self) -> set[str]:
        """Give the services that run."""
        shown = '{{.Label "com.docker.compose.service"}}'
        return set(self.docker.docker("ps", "--filter", "label=com.docker.compose.service", "--format", shown).check().output.split())

    def container(self, service: str) -> str:
        """Give the container of a service, which may have ended."""
        wanted = f"label=com.docker.compose.service={service}"
        return self.docker.docker("ps", "--all", "--quiet", "--no-trunc", "--filter", wanted).check().output.strip()

    def exec(self, service: str, *words: str) -> Finished:
        """Run a command in the container of a service."""
        return self.docker.docker("exec", self.container(service), *words)

    def inspect(self, service: str) -> Any:
        """Give what the daemon knows of the container of a service."""
        return json.loads(self.docker.docker("inspect", self.container(service)).check().output)[0]

    def mounts(self, service: str) -> dict[str, bool]:
        """Give what the container of a service has mounted, and whether it can write there."""
        return {mount["Destination"]: mount["RW"] for mount in self.inspect(service)["Mounts"]}

    def registry_auth(self, *words: str) -> Finished:
        """Run a command of the program as the documentation does."""
        return self.compose("exec", "-T", "registry-auth", "registry-auth", *words)

    def create_token(self, owner: str, *scopes: str) -> tuple[str, str]:
        """Make a deploy token for `group:PATH` or `project:PATH`; give its user name and its secret."""
        kind, _, path = owner.partition(":")
        wanted = [word for scope in scopes for word in ("--scope", scope)]
        created = self.registry_auth("deploy-token", "create", f"--{kind}", path, "--name", "test", *wanted, "--json")
        token = json.loads(created.check().output)
        return token["username"], token["token"]
