"""The stock registries, with storage in a directory."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .availability import program
from .processes import Server, clean_environment, free_port, wait_for_port


@dataclass(frozen=True, slots=True)
class RegistryLine:
    """A released registry: `label` names it in a test's id, `peer` in the table of peers."""

    label: str
    peer: str


REGISTRIES = (
    RegistryLine("registry-2.8.2", "docker-registry"),
    RegistryLine("distribution-3.0.0", "distribution-3.0.0"),
    RegistryLine("distribution-3.1.1", "distribution-3.1.1"),
)


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """What a registry is told of its token server; it reads the bundle of certificates once, at start."""

    realm: str
    service: str
    issuer: str
    rootcertbundle: Path


@dataclass(frozen=True, slots=True)
class PasswordAuth:
    """A registry that asks for Basic credentials itself; `htpasswd` holds lines with bcrypt digests."""

    realm: str
    htpasswd: Path


Auth = TokenAuth | PasswordAuth


class StockRegistry:
    """A registry on a free port of 127.0.0.1, which it keeps when it is stopped and started again.

    Without `auth` it is open to everybody. With `remoteurl` it is a pull-through cache. Registries can share a `storage`. `configuration`
    takes the place of all but address and storage; `env` adds variables, which the registry takes as settings.
    """

    def __init__(
        self,
        line: RegistryLine,
        directory: Path,
        auth: Auth | None,
        *,
        remoteurl: str | None = None,
        storage: Path | None = None,
        configuration: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.line = line
        self.auth = auth
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.storage = storage or directory / "storage"
        self._remoteurl = remoteurl
        self._chosen = configuration
        self._env = dict(env or {})
        self._directory = directory
        self._log = directory / "registry.log"
        self._server: Server | None = None

    def start(self) -> Self:
        """Start the registry and return it once it answers; raise ServerDiedError with its log if it does not."""
        self.storage.mkdir(parents=True, exist_ok=True)
        config = self._directory / "registry.yml"
        config.write_text(json.dumps(self._configuration(), indent=2))  # YAML takes JSON as it is
        env = clean_environment(self._directory / "home", OTEL_TRACES_EXPORTER="none", **self._env)
        self._server = Server([program(self.line.peer), "serve", config], env=env, log=self._log)
        try:
            wait_for_port("127.0.0.1", self.port, self._server)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the registry, if it runs. What it stores stays."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def log(self) -> str:
        """Return what the registry has written, over all its starts."""
        return self._log.read_text(errors="replace")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _configuration(self) -> dict[str, Any]:
        configuration = copy.deepcopy(dict(self._chosen)) if self._chosen is not None else self._usual()
        configuration["http"]["addr"] = self.host
        configuration["storage"]["filesystem"] = {"rootdirectory": str(self.storage)}
        return configuration

    def _usual(self) -> dict[str, Any]:
        return {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {"delete": {"enabled": True}},
            "http": {"relativeurls": True},
            **({} if self.auth is None else {"auth": _auth_section(self.auth)}),
            **({} if self._remoteurl is None else {"proxy": {"remoteurl": self._remoteurl}}),
        }


def _auth_section(auth: Auth) -> dict[str, Any]:
    if isinstance(auth, PasswordAuth):
        return {"htpasswd": {"realm": auth.realm, "path": str(auth.htpasswd)}}
    token = {"realm": auth.realm, "service": auth.service, "issuer": auth.issuer}
    return {"token": {**token, "rootcertbundle": str(auth.rootcertbundle)}}
