"""The stock registries, with storage in a directory."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .availability import program
from .port_server import PortServer
from .processes import Command


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
    """What a registry is told of its token server; it reads the keys once, at start. Only Distribution 3 takes a `jwks`."""

    realm: str
    service: str
    issuer: str
    rootcertbundle: Path | None
    jwks: Path | None = None


@dataclass(frozen=True, slots=True)
class PasswordAuth:
    """A registry that asks for Basic credentials itself; `htpasswd` holds lines with bcrypt digests."""

    realm: str
    htpasswd: Path


Auth = TokenAuth | PasswordAuth


class StockRegistry(PortServer):
    """A registry, without `auth` open to everybody.

    Registries can share a `storage`. `configuration` takes the place of all but address and storage; `env` adds variables, which the
    registry takes as settings.
    """

    def __init__(
        self,
        line: RegistryLine,
        directory: Path,
        auth: Auth | None,
        *,
        storage: Path | None = None,
        configuration: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, "registry.log")
        self.line = line
        self.auth = auth
        self.storage = storage or directory / "storage"
        self._chosen = configuration
        self._env = {"OTEL_TRACES_EXPORTER": "none", **(env or {})}

    def has_blobs(self, repository: str, *digests: str) -> bool:
        """Say whether all of these are stored. A cache goes on storing after it has answered."""
        layers = self._repository(repository) / "_layers"
        return all((layers / digest.replace(":", "/") / "link").exists() for digest in digests)

    def has_tag(self, repository: str, tag: str) -> bool:
        """Say whether the tag is stored."""
        return (self._repository(repository) / "_manifests" / "tags" / tag / "current" / "link").exists()

    def _repository(self, name: str) -> Path:
        return self.storage / "docker" / "registry" / "v2" / "repositories" / name

    def _command(self) -> Command:
        self.storage.mkdir(parents=True, exist_ok=True)
        config = self._directory / "registry.yml"
        config.write_text(json.dumps(self._configuration(), indent=2))  # YAML takes JSON as it is
        return [program(self.line.peer), "serve", config]

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
        }


def _auth_section(auth: Auth) -> dict[str, Any]:
    if isinstance(auth, PasswordAuth):
        return {"htpasswd": {"realm": auth.realm, "path": str(auth.htpasswd)}}
    token = {"realm": auth.realm, "service": auth.service, "issuer": auth.issuer}
    keys = {"rootcertbundle": auth.rootcertbundle, "jwks": auth.jwks}
    return {"token": token | {name: str(path) for name, path in keys.items() if path is not None}}
