"""The last use of tokens with real clients, and what is left of it when the server ends."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from gitlab import Gitlab

from .both_stores import STORES, store_settings
from .peers.containers_tools import Skopeo
from .peers.docker_engine import DockerClient
from .peers.processes import wait_until
from .peers.stock_registry import StockRegistry
from .python_gitlab import logged_in
from .token_server import Token, TokenServer

PROJECT = "group/project"

KNOWN_WITHIN = 10.0  # seconds

# Enough that both workers get some of them.
MANY = 12


@pytest.fixture(params=STORES)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenServer]:
    """Run a server of the test's own on each kind of store."""
    with TokenServer(tmp_path / "server", **store_settings(request.param, request)) as server:
        server.create_project(PROJECT)
        yield server


def by_command(server: TokenServer, token: Token) -> Mapping[str, Any]:
    """Show a deploy token on the command line."""
    document: Mapping[str, Any] = server.document("deploy-token", "show", str(token.id))
    return document


def wait_for_use(shown: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Wait until a token shows a last use, and give what it shows."""
    wait_until(lambda: shown()["last_used_at"] is not None, "the last use", timeout=KNOWN_WITHIN)
    return shown()


def check_use(document: Mapping[str, Any], service: str, before: datetime) -> None:
    """Check that a token shows a use for this service, from this machine, since an instant."""
    assert (document["last_used_ip"], document["last_used_service"]) == ("127.0.0.1", service)
    used_at = datetime.fromisoformat(document["last_used_at"])
    assert before.replace(microsecond=0) <= used_at <= datetime.now(UTC)


def test_login_with_a_deploy_token(
    skopeo: Skopeo, registry: StockRegistry, token_server: TokenServer, administrator: Gitlab, project: str
) -> None:
    """A log-in by skopeo shows on the command line and by python-gitlab; one that is refused does not."""
    token = token_server.create_token(project=project)
    deploy_tokens = administrator.projects.get(project).deploytokens
    assert deploy_tokens.get(token.id).last_used_at is None

    before = datetime.now(UTC)
    skopeo.login(registry.host, *token.credentials).check()
    shown = wait_for_use(lambda: by_command(token_server, token))

    check_use(shown, "container_registry", before)
    assert deploy_tokens.get(token.id).asdict().items() >= shown.items()
    assert shown in [each.asdict() for each in administrator.deploytokens.list(get_all=True)]
    for words in (["show", str(token.id)], ["list", "--project", project]):
        said = token_server.command("deploy-token", *words).check().output
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC from 127\.0\.0\.1 \(container_registry\)$", said, re.MULTILINE)
    assert skopeo.login(registry.host, *token.with_invented_secret().credentials).returncode != 0
    other = token_server.create_token(project=project)
    skopeo.login(registry.host, *other.credentials).check()
    wait_for_use(lambda: by_command(token_server, other))
    assert by_command(token_server, token) == shown


def test_login_with_a_personal_access_token(docker: DockerClient, registry: StockRegistry, token_server: TokenServer, name: str) -> None:
    """A log-in by docker shows in the token's own eyes, and so do its requests to the REST API afterwards."""
    token = token_server.create_personal_token(token_server.create_user(name))

    def listed() -> Mapping[str, Any]:
        (document,) = token_server.document("user", "token", name, "--list")
        return dict(document)

    before = datetime.now(UTC)
    docker.login(registry.host, *token.credentials).check()
    check_use(wait_for_use(listed), "container_registry", before)

    before = datetime.now(UTC)
    with logged_in(token_server, token.secret) as client:
        client.auth()
        wait_until(lambda: listed()["last_used_service"] == "rest_api", "the use of the REST API", timeout=KNOWN_WITHIN)
        check_use(client.personal_access_tokens.get("self").asdict(), "rest_api", before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_server_that_is_stopped_loses_nothing(server: TokenServer, number: signal.Signals) -> None:
    """What was used up to the last moment is there after an orderly end, from each of the workers."""
    before = datetime.now(UTC)
    tokens = [server.create_token(project=PROJECT) for _ in range(MANY)]
    for token in tokens:
        assert server.ask(token=token).status == 200

    os.kill(server.process.pid, number)
    wait_until(lambda: not server.process.alive, "the server's end", timeout=12)

    for token in tokens:
        check_use(by_command(server, token), "container_registry", before)


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_server_that_is_killed_loses_seconds(server: TokenServer) -> None:
    """What was used ten seconds before all processes are killed is there, and the server starts again."""
    before = datetime.now(UTC)
    tokens = [server.create_token(project=PROJECT) for _ in range(MANY)]
    for token in tokens:
        assert server.ask(token=token).status == 200
    time.sleep(KNOWN_WITHIN)
    late = server.create_token(project=PROJECT)
    assert server.ask(token=late).status == 200

    os.killpg(server.process.pid, signal.SIGKILL)
    server.stop()

    for token in tokens:
        check_use(by_command(server, token), "container_registry", before)
    server.start()
    assert server.ask(token=late).status == 200
    check_use(wait_for_use(lambda: by_command(server, late)), "container_registry", before)
