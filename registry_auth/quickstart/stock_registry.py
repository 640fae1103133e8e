"""A stock registry for trying out: a program on PATH, else a container, else the Debian package."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry_auth.errors import ConfigurationError
from registry_auth.settings import Settings

_IMAGE = "registry:2"
_PROGRAMS = ("registry", "docker-registry")
_INSTALLER = Path(__file__).with_name("install-debian-packages")

HOW_TO_GET_ONE = (
    "No registry was found: neither a `registry` or `docker-registry` program nor a Docker engine that answers. "
    "Start Docker, or install a registry (Debian and Ubuntu: apt-get install docker-registry), and run this again."
)


@dataclass(frozen=True, slots=True)
class RegistrySetup:
    """What the registry is configured with: its port on 127.0.0.1, the token server's side, and where it keeps things."""

    port: int
    settings: Settings
    bundle: Path
    directory: Path


@dataclass(frozen=True, slots=True)
class StockRegistry:
    """A registry that can be started with a command; `name` says which one it is."""

    name: str
    command: Sequence[str]
    is_image: bool = False


def stock_registry(setup: RegistrySetup) -> StockRegistry | None:
    """Find a registry and write its configuration. None when there is none and none can be installed."""
    program = _program()
    if program is None and _engine_answers():
        return _container(setup)
    program = program or _installed_program()
    return None if program is None else _process(program, setup)


def registry_environment() -> dict[str, str]:
    """Give the environment for a registry: to it, every variable REGISTRY_* is configuration, and ours are not meant for it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")} | {
        "OTEL_TRACES_EXPORTER": "none"  # Distribution 3 would send traces to a collector
    }


def _program() -> str | None:
    return next((name for name in _PROGRAMS if _is_distribution(name)), None)


def _is_distribution(program: str) -> bool:
    """Something else may be called `registry` too."""
    return "/distribution" in _output(program, "--version")


def _engine_answers() -> bool:
    return _output("docker", "version", "--format", "{{.Server.Version}}").strip() != ""


def _output(*command: str) -> str:
    """Give what the command prints, nothing when it fails or is not there."""
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True, env=registry_environment())
    except (OSError, subprocess.SubprocessError):
        return ""
    return finished.stdout


def _installed_program() -> str | None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    print("No registry here: installing the package docker-registry, without starting its service.", flush=True)  # noqa: T201
    try:
        subprocess.run(("bash", str(_INSTALLER), "docker-registry"), check=True, stdout=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        raise ConfigurationError("The package docker-registry could not be installed; apt-get says why above.") from error
    return _program()


def _process(program: str, setup: RegistrySetup) -> StockRegistry:
    config = _write_config(setup, f"127.0.0.1:{setup.port}", (setup.directory / "registry").resolve(), setup.bundle.resolve())
    return StockRegistry(program, (program, "serve", str(config)))


def _container(setup: RegistrySetup) -> StockRegistry:
    config = _write_config(setup, ":5000", Path("/var/lib/registry"), Path("/certs/ca.crt"))
    # The port is in the name: two checkouts can run side by side, each with images of its own.
    name = f"registry-auth-quickstart-{setup.port}"
    command = (
        *("docker", "run", "--rm", "--name", name),
        *("--publish", f"127.0.0.1:{setup.port}:5000"),
        *("--volume", f"{config}:/etc/registry-config.yml:ro"),
        *("--volume", f"{setup.bundle.resolve()}:/certs/ca.crt:ro"),
        *("--volume", f"{name}:/var/lib/registry"),
        *(_IMAGE, "/etc/registry-config.yml"),
    )
    return StockRegistry(f"the image {_IMAGE}", command, is_image=True)


def _write_config(setup: RegistrySetup, address: str, storage: Path, bundle: Path) -> Path:
    quoted = {
        name: json.dumps(str(value))  # a JSON string is a YAML string
        for name, value in {
            "storage": storage,
            "address": address,
            "realm": setup.settings.realm,
            "service": setup.settings.service,
            "issuer": setup.settings.issuer,
            "bundle": bundle,
        }.items()
    }
    path = (setup.directory / "registry-config.yml").resolve()
    path.write_text(_CONFIG.format_map(quoted))
    return path


_CONFIG = """\
# Written by `registry-auth quickstart` at each start.
version: 0.1
log:
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {storage}
  delete:
    enabled: true
http:
  addr: {address}
auth:
  token:
    realm: {realm}
    service: {service}
    issuer: {issuer}
    rootcertbundle: {bundle}
"""
