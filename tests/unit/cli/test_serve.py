"""`registry-auth serve`, up to the web server."""

import importlib
import socket
from pathlib import Path

import pytest

from registry_auth.database import check_schema
from registry_auth.errors import ConfigurationError
from tests.unit.cli.command_line import run, usage_error
from tests.unit.stores import TriedStore


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Stand in for the web server, which would not return."""
    calls: list[tuple[str, int, int]] = []
    module = importlib.import_module("registry_auth.cli.serve")  # as an attribute of the package it is the command
    monkeypatch.setattr(module, "run_server", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(module, "default_workers", lambda: 3)
    return calls


def free_port() -> int:
    """Give a port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(("options", "workers"), [([], 3), (["--workers", "1"], 1)])
def test_installation_is_made_before_the_server_starts(
    bare_environment: Path, bare_store: TriedStore, served: list[tuple[str, int, int]], options: list[str], workers: int
) -> None:
    """Database and keys are there before any worker is, and the log says where the server listens."""
    port = free_port()
    said = run("serve", "--port", str(port), *options).stderr
    assert served == [("127.0.0.1", port, workers)]
    check_schema(bare_store.database)
    assert (bare_environment / "keys" / "private" / "ca.pem").is_file()
    assert f"listening on 127.0.0.1:{port} with {workers} workers; clients are sent to http://127.0.0.1:{port}/jwt/auth" in said


def test_external_address_of_the_settings_counts_more_than_the_port(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are sent where the setting says, whatever port the server has behind its proxy."""
    assert environment.is_dir()
    monkeypatch.setenv("REGISTRY_AUTH_EXTERNAL_URL", "https://auth.example.com")
    assert "clients are sent to https://auth.example.com/jwt/auth" in run("serve", "--port", str(free_port())).stderr


def test_port_in_use_is_named(environment: Path, served: list[tuple[str, int, int]]) -> None:
    """Nothing is started on a port that somebody has."""
    assert environment.is_dir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port} is in use: choose another port with --port"):
            run("serve", "--port", str(port))
    assert served == []


@pytest.mark.parametrize("options", [["--port", "0"], ["--port", "65536"], ["--workers", "0"], ["--workers", "257"]])
def test_bounds_of_the_options(options: list[str]) -> None:
    """Ports and workers have their bounds."""
    assert "is not in the range" in usage_error("serve", *options)
