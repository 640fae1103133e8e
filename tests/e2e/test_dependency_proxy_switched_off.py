"""The dependency proxy of an installation that has switched it off."""

from collections.abc import Iterator

import pytest

from .dependency_proxy import DependencyProxy
from .http_calls import call
from .peers.availability import require
from .peers.docker_engine import DockerClient
from .peers.stock_registry import REGISTRIES, StockRegistry
from .proxy_teams import group_token
from .secret_search import check_nothing_secret
from .token_server import Token, TokenServer

OFF = "The dependency proxy is switched off in this installation."


@pytest.fixture(scope="module")
def switched_off(upstream: StockRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DependencyProxy, Token]]:
    """Run a token server without the dependency proxy, behind all that belongs to it."""
    require("nginx", REGISTRIES[0].peer)
    directory = tmp_path_factory.mktemp("off")
    with TokenServer(directory / "server", REGISTRY_AUTH_DEPENDENCY_PROXY_ENABLED="false") as server:
        team = group_token(server, "team")
        with DependencyProxy(server, upstream, directory / "proxy") as proxy:
            yield proxy, team
    check_nothing_secret(server)


@pytest.mark.parametrize("path", ["/v2/", "/v2/team/dependency_proxy/containers/alpine/manifests/1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_switched_off(switched_off: tuple[DependencyProxy, Token], method: str, path: str) -> None:
    """Every request is answered that it is off."""
    answer = switched_off[0].ask(path, method=method)

    assert answer.status == 404
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
    if method == "GET":
        assert answer.document == {"errors": [{"code": "NAME_UNKNOWN", "message": OFF, "detail": None}]}


@pytest.mark.parametrize("scope", ["repository:team/dependency_proxy/containers/alpine:pull", ""])
def test_tokens_when_switched_off(switched_off: tuple[DependencyProxy, Token], scope: str) -> None:
    """No tokens are issued for it, while the container registry has its own."""
    proxy, team = switched_off
    query = [("service", "dependency_proxy"), *([("scope", scope)] if scope else [])]
    refused = call(f"{proxy.server.url}/jwt/auth", query=query, credentials=team.credentials)
    other = proxy.server.ask(token=proxy.server.create_token(group="team"))

    assert refused.refusal() == (404, "UNAVAILABLE", "The service dependency_proxy is switched off in this installation.")
    assert other.status == 200


def test_docker_login_when_switched_off(switched_off: tuple[DependencyProxy, Token], docker: DockerClient) -> None:
    """Docker shows a status alone, at which the log of the token server tells the rest."""
    proxy, team = switched_off
    position = len(proxy.server.log())
    login = docker.login(proxy.host, *team.credentials)

    assert login.returncode == 1
    assert login.output.endswith(f"login attempt to http://{proxy.host}/v2/ failed with status: 404 Not Found\n")
    assert OFF in proxy.server.log_since(position)
