"""Preparing an installation, and checking the port; the web server itself runs in the end-to-end tests."""

import logging
import os
import socket
from pathlib import Path

import pytest

from registry_auth.accounts.personal_access_tokens import PersonalAccessTokens
from registry_auth.cli.context import opened_services
from registry_auth.database import Database, check_schema
from registry_auth.deploy_tokens.service import DeployTokens
from registry_auth.errors import ConfigurationError
from registry_auth.serving import check_port_free, default_workers, prepare_installation
from registry_auth.settings import load_settings
from registry_auth.token_secrets import SecretDigester
from registry_auth.values import NamespaceKind, TokenScope
from tests.unit.installation import NOW


def test_new_installation_is_prepared_once(environment: Path) -> None:
    """Database and keys are made, and a second start changes neither."""
    prepare_installation()
    with Database(load_settings().database_url) as database:
        check_schema(database)
    before = {path: path.read_bytes() for path in (environment / "keys").rglob("*.*")}
    prepare_installation()
    assert {path: path.read_bytes() for path in (environment / "keys").rglob("*.*")} == before


def test_lost_server_secret_is_told_at_start(environment: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When secrets were made with another server secret, the log says how many and how to mend it."""
    assert environment.is_dir()
    with opened_services() as services:
        services.namespaces.create(NamespaceKind.PROJECT, "app")
        other = SecretDigester("other", b"x" * 32)
        deploy_tokens = DeployTokens(services.database, other, lambda: NOW)
        deploy_tokens.create(NamespaceKind.PROJECT, "app", name="n", scopes=[TokenScope.READ_REGISTRY])
        personal = PersonalAccessTokens(services.database, other, lambda: NOW)
        personal.create(services.users.create("ada").id, name="n", scopes=[TokenScope.API])
    with caplog.at_level(logging.WARNING):
        prepare_installation()
    assert "and 2 of their secrets are refused" in caplog.text


def test_port_in_use_is_named_with_its_setting() -> None:
    """A port that somebody has is refused, a free one is not, on both families."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            taken = socket.create_server((host, 0), family=family)
        except OSError:
            continue  # a machine without this family
        port = taken.getsockname()[1]
        with taken, pytest.raises(ConfigurationError, match=rf"{host}:{port} is in use: choose another port with --port"):
            check_port_free(host, port, "--port")
        check_port_free(host, port, "--port")


def test_address_of_another_machine_is_named() -> None:
    """An address that is not this machine's is refused with the reason."""
    with pytest.raises(ConfigurationError, match=r"Nobody can listen at 192\.0\.2\.1:5001 \(.+\): choose another address or port"):
        check_port_free("192.0.2.1", 5001, "--port")


@pytest.mark.parametrize(("processors", "workers"), [({0}, 1), ({0, 1}, 2), (set(range(64)), 4)])
def test_one_worker_for_each_processor_up_to_four(monkeypatch: pytest.MonkeyPatch, processors: set[int], workers: int) -> None:
    """What this process may use counts, and more than four is for those who ask."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: processors, raising=False)
    assert default_workers() == workers


@pytest.mark.parametrize(("processors", "workers"), [(None, 1), (2, 2)])
def test_systems_without_affinity_count_processors(monkeypatch: pytest.MonkeyPatch, processors: int | None, workers: int) -> None:
    """Where affinity is unknown the number of processors counts."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert default_workers() == workers
