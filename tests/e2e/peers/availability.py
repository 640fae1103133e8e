"""Which peers this machine has, and what a user installs to get the others."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
MISSING: set[str] = set()


@dataclass(frozen=True, slots=True)
class Peer:
    """A program the tests talk to: what brings it, where it is looked for first, and whether only root can use it."""

    brought_by: str
    place: Path | None = None
    needs_root: bool = False


def _package(name: str, place: str | None = None, *, needs_root: bool = False) -> Peer:
    return Peer(f"Debian package {name}", Path(place) if place else None, needs_root)


def _distribution(version: str) -> Peer:
    place = REPOSITORY / ".tools" / f"distribution-{version}" / "registry"
    module = "github.com/distribution/distribution/v3/cmd/registry"
    return Peer(f"GOBIN={place.parent} go install {module}@v{version}", place)


def _postgresql(program: str) -> Peer:
    """Name a program of the newest PostgreSQL server; Debian keeps each version's in a directory of its own, outside of PATH."""
    servers = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(servers, key=lambda server: float(server.parts[-3]), default=None)
    return Peer("Debian package postgresql", newest and newest.with_name(program))


PEERS: dict[str, Peer] = {
    "docker-registry": _package("docker-registry"),
    "distribution-3.0.0": _distribution("3.0.0"),
    "distribution-3.1.1": _distribution("3.1.1"),
    "dockerd": _package("docker.io", needs_root=True),
    "docker": _package("docker.io", "/usr/bin/docker"),
    "docker-compose": _package("docker-compose", "/usr/bin/docker-compose"),
    "containerd": _package("containerd", needs_root=True),
    "ctr": _package("containerd", needs_root=True),
    "podman": _package("podman", needs_root=True),
    "skopeo": _package("skopeo"),
    "busybox": _package("busybox-static", "/bin/busybox"),
    "ip": _package("iproute2"),
    "unshare": _package("util-linux", needs_root=True),
    "nginx": _package("nginx-light"),
    "redis-server": _package("redis-server"),
    "redis-cli": _package("redis-tools"),
    "postgres": _postgresql("postgres"),
    "initdb": _postgresql("initdb"),
    "pg_basebackup": _postgresql("pg_basebackup"),
    "pgbouncer": _package("pgbouncer"),
}


def find(name: str) -> Path | None:
    """Return the program of a peer of the table, or None where it is not installed."""
    place = PEERS[name].place
    if place is not None and os.access(place, os.X_OK):
        return place
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    return Path(found) if found else None


def program(name: str) -> Path:
    """Return the program of a peer; raise FileNotFoundError naming what brings it."""
    found = find(name)
    if found is None:
        raise FileNotFoundError(_reason(name))
    return found


def require(*names: str) -> None:
    """Skip the calling test unless every named peer can be used here; fail it where REQUIRE_PEERS is 1."""
    missing = [name for name in names if not _usable(name)]
    if not missing:
        return
    MISSING.update(missing)
    reason = "; ".join(_reason(name) for name in missing)
    if os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def write_missing_peers(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each peer that a test missed and what brings it; to be called by the hook pytest_terminal_summary."""
    if not MISSING:
        return
    terminalreporter.section("missing peers (scripts/install-test-peers installs them)")
    for name in sorted(MISSING):
        terminalreporter.write_line(_reason(name))


def _usable(name: str) -> bool:
    return find(name) is not None and (os.geteuid() == 0 or not PEERS[name].needs_root)


def _reason(name: str) -> str:
    if find(name) is None:
        return f"{name} is not installed: {PEERS[name].brought_by}"
    return f"{name} needs root"
