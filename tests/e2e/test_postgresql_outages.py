"""PostgreSQL restarts, stops, hangs, is slow, or hands over to its standby: clients are told to come back, and never anything wrong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from .http_calls import Answer, call
from .outages import BOUND, SERVED, UNAVAILABLE, Asker, new_asker
from .peers.availability import require
from .peers.containers_tools import Skopeo
from .peers.postgresql import Mode, PostgresCluster, name_of
from .peers.processes import wait_until
from .peers.stock_registry import REGISTRIES, StockRegistry
from .secret_search import check_nothing_secret
from .token_server import KNOWN_SECRETS, Token, TokenServer
from .workers import WORKERS

RECOVERED = 10  # seconds after which everything is as before, once PostgreSQL is back


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    """Run a PostgreSQL that these tests stop and start."""
    require("postgres", "initdb", "pg_basebackup")
    with PostgresCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        KNOWN_SECRETS.add(cluster.password)
        yield cluster


@pytest.fixture(scope="module")
def url(cluster: PostgresCluster) -> str:
    """Make an empty database."""
    return cluster.create_database()


@pytest.fixture(scope="module")
def server(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Run a server on the database. It is never started again."""
    with TokenServer(tmp_path_factory.mktemp("server"), REGISTRY_AUTH_DATABASE_URL=url) as server:
        server.create_project("group/project")
        server.create_project("open/project", "public")
        yield server
    check_nothing_secret(server)


@pytest.fixture(scope="module")
def administrator(server: TokenServer) -> Token:
    """Make an administrator's token."""
    return server.create_personal_token(server.create_user("administrator", admin=True))


@pytest.fixture
def asker(server: TokenServer, administrator: Token) -> Asker:
    """Give one who has asked nothing yet; the server has used its connections."""
    assert new_asker(server, administrator).is_served()
    return new_asker(server, administrator)


@contextmanager
def stopped(cluster: PostgresCluster, mode: Mode = "fast") -> Iterator[None]:
    """Let PostgreSQL be away for a while."""
    cluster.stop(mode)
    try:
        yield
    finally:
        cluster.start()


def test_ended_connections_are_replaced(cluster: PostgresCluster, url: str, asker: Asker) -> None:
    """No log-in fails because a connection has ended since the last one, and a change does at most once for each connection."""
    assert cluster.terminate_connections(url) >= 2
    check_nobody_logs_in_twice(asker)

    cluster.terminate_connections(url)
    statuses = [create_group(asker, f"new-{number}").status for number in range(12)]
    assert set(statuses) <= {201, 503}
    assert statuses.count(503) <= WORKERS


def create_group(asker: Asker, path: str) -> Answer:
    """Make a group by the REST API."""
    headers = {"PRIVATE-TOKEN": asker.administrator.secret, "Content-Type": "application/x-www-form-urlencoded"}
    return call(f"{asker.server.url}/api/v4/groups", method="POST", headers=headers, body=f"name={path}&path={path}".encode())


def test_restart(cluster: PostgresCluster, asker: Asker) -> None:
    """After an orderly restart, and after a crash, the first log-ins work."""
    cluster.restart("fast")
    check_nobody_logs_in_twice(asker)
    cluster.restart("immediate")
    check_nobody_logs_in_twice(asker)


def check_nobody_logs_in_twice(asker: Asker) -> None:
    """Raise AssertionError unless everybody is answered at first at the token endpoint, and everywhere in a moment."""
    seen = asker.seen()
    assert {seen[kind] for kind in ("good", "wrong", "anonymous")} == {SERVED}
    wait_until(asker.is_served, "answers of all kinds", timeout=3)


def test_stopped(cluster: PostgresCluster, asker: Asker) -> None:
    """Who asks is told to come back, whoever it is; the server lives, and goes on when PostgreSQL does."""
    with stopped(cluster):
        for _ in range(3):
            assert set(asker.seen().values()) == {UNAVAILABLE}
        assert asker.server.ask().status == 200  # nobody, who asks for nothing
        assert call(f"{asker.server.url}/-/liveness").status == 200
    wait_until(asker.is_served, "answers after the start", timeout=RECOVERED)


def test_what_is_remembered_ends_with_a_stop(cluster: PostgresCluster, asker: Asker) -> None:
    """A log-in that worked a moment ago is not refused: it works on for moments, and then it is told to come back too."""
    assert asker.is_served()

    with stopped(cluster):
        wait_until(asker.is_refused, "the end of what is remembered", timeout=3)
    wait_until(asker.is_served, "answers after the start", timeout=RECOVERED)


def test_frozen(cluster: PostgresCluster, asker: Asker) -> None:
    """Who asks while PostgreSQL hangs is told to come back before it gives up, also when many do; afterwards all is as before."""
    cluster.freeze()
    try:
        assert set(asker.seen().values()) == {UNAVAILABLE}
        waited = times_of_many(asker)
    finally:
        cluster.thaw()

    assert max(waited) < BOUND
    wait_until(asker.is_served, "answers after the thaw", timeout=RECOVERED)


def times_of_many(asker: Asker) -> list[float]:
    """Let many ask at once; give how long each of them waits to be told to come back."""

    def ask(token: Token) -> float:
        began = monotonic()
        assert asker.server.ask(token=token).status == 503
        return monotonic() - began

    with ThreadPoolExecutor(40) as pool:
        return list(pool.map(ask, [asker.token.with_invented_secret() for _ in range(40)]))


def test_slow_statements(cluster: PostgresCluster, url: str, server: TokenServer, administrator: Token) -> None:
    """When all connections are in use, who asks is told to come back; statements that were given up do not go on at PostgreSQL."""
    with TokenServer(server.directory, REGISTRY_AUTH_DATABASE_URL=url, REGISTRY_AUTH_DATABASE_POOL_SIZE="1") as narrow:
        asker = new_asker(narrow, administrator)
        assert asker.is_served()
        asker = new_asker(narrow, administrator)
        with closing(psycopg.connect(url.replace("+psycopg", ""))) as blocker:
            blocker.execute("LOCK TABLE deploy_tokens IN ACCESS EXCLUSIVE MODE")
            seen = asker.seen()
            waiting = cluster.run_sql("SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            blocker.rollback()

        assert {seen["good"], seen["wrong"]} == {UNAVAILABLE}
        assert set(seen.values()) <= {SERVED, UNAVAILABLE}
        assert waiting == []
        wait_until(asker.is_served, "answers after the release", timeout=RECOVERED)


def test_start_without_postgresql(cluster: PostgresCluster, url: str, server: TokenServer) -> None:
    """Who starts the server reads in one line what is wrong and what to do, without the password."""
    with stopped(cluster):
        done = server.command("serve", "--port", str(server.port))

    (line,) = done.output.splitlines()
    assert done.returncode == 1
    assert line.startswith(f"registry-auth: The database {name_of(url)} at {cluster.host} cannot be used: connection failed: ")
    assert line.endswith(
        "Check that PostgreSQL runs there, that REGISTRY_AUTH_DATABASE_URL is right, and that PostgreSQL lets this user in."
    )
    assert cluster.password not in line


def test_failover(cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With both addresses in the URL the server goes on with the standby once that is promoted, and not before."""
    url = cluster.create_database()
    with cluster.standby(tmp_path_factory.mktemp("standby")) as standby:
        both = f"postgresql+psycopg://{cluster.user}:{cluster.password}@/{name_of(url)}?host={cluster.host}&host={standby.host}"
        with TokenServer(tmp_path_factory.mktemp("failover"), REGISTRY_AUTH_DATABASE_URL=both) as server:
            server.create_project("group/project")
            server.create_project("open/project", "public")
            administrator = server.create_personal_token(server.create_user("administrator", admin=True))
            assert new_asker(server, administrator).is_served()
            asker = new_asker(server, administrator)
            wait_until(lambda: has_token(standby, url, asker.token), "replication")

            with stopped(cluster, "immediate"):
                for _ in range(3):
                    assert set(asker.seen().values()) == {UNAVAILABLE}
                standby.promote()
                wait_until(asker.is_served, "answers of the new primary", timeout=RECOVERED)
                server.revoke(asker.token)
                assert {server.ask(token=asker.token).status for _ in range(20)} == {401}
                assert f"The database {name_of(url)} at {cluster.host}, {standby.host} cannot be used" in server.log()
        check_nothing_secret(server)


def test_real_client(cluster: PostgresCluster, server: TokenServer, skopeo: Skopeo, layout: Path, name: str, tmp_path: Path) -> None:
    """With skopeo an image goes into a registry and comes back; while PostgreSQL is away, it says so and not that the secret is wrong."""
    require("docker-registry")
    token = server.create_token(project="group/project")
    with StockRegistry(REGISTRIES[0], tmp_path / "registry", server.token_auth) as registry:
        image = f"docker://{registry.host}/group/project/{name}:1"
        assert skopeo.login(registry.host, *token.credentials).check().output == "Login Succeeded!\n"
        skopeo.copy(f"oci:{layout}:latest", image).check()
        skopeo.copy(image, f"oci:{tmp_path}/copy:latest").check()
        assert {path.name for path in layout.glob("blobs/*/*")} <= {path.name for path in (tmp_path / "copy").glob("blobs/*/*")}

        with stopped(cluster):
            wait_until(lambda: server.ask(token=token).status == 503, "the end of what is remembered", timeout=3)
            login, pull = skopeo.login(registry.host, *token.credentials), skopeo.inspect(image.removeprefix("docker://"))

    for told in (login, pull):
        assert told.returncode == 1
        assert "Requesting bearer token: invalid status code from registry 503 (Service Unavailable)" in told.output


def has_token(standby: PostgresCluster, url: str, token: Token) -> bool:
    """Say whether a deploy token has reached the standby."""
    return standby.run_sql(f"SELECT 1 FROM deploy_tokens WHERE id = {token.id}", url) != []  # noqa: S608 - a number
