"""`registry-auth database …` and the first starts on an empty PostgreSQL, several at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .http_calls import header
from .peers.postgresql import PostgresCluster, name_of
from .peers.processes import Finished
from .replicas import serve_replicas
from .token_server import Installation


@pytest.fixture
def url(postgres: PostgresCluster) -> str:
    """Make an empty database."""
    return postgres.create_database()


def test_migrations_at_once(url: str, postgres: PostgresCluster, tmp_path: Path) -> None:
    """Both succeed, and the schema is made once; `check` says before and after how it stands."""
    installation = Installation(tmp_path / "installation", REGISTRY_AUTH_DATABASE_URL=url)
    label = f"The database {name_of(url)} at {postgres.host}"

    before = installation.command("database", "check")
    done = at_once(lambda: installation.command("database", "migrate"))
    after = installation.command("database", "check")

    assert before.returncode == 1
    assert before.output.startswith(f"registry-auth: {label} has schema none, this version needs ")
    assert before.output.endswith(": run `registry-auth database migrate`.\n")
    assert {(each.returncode, each.output) for each in (*done, after)} == {(0, f"{label} is up to date.\n")}
    assert len(postgres.run_sql("SELECT version_num FROM alembic_version", url)) == 1


def at_once(command: Callable[[], Finished]) -> list[Finished]:
    """Run a command twice at the same time."""
    with ThreadPoolExecutor(2) as pool:
        return [each.result() for each in [pool.submit(command) for _ in range(2)]]


def test_first_starts_at_once(url: str, tmp_path: Path) -> None:
    """Two servers on an empty database and an empty key directory come up with one schema and one key ring."""
    with serve_replicas(tmp_path / "shared", 2, REGISTRY_AUTH_DATABASE_URL=url) as replicas:
        first, second = replicas.servers
        first.create_project("group/project")
        token = second.create_token(project="group/project")
        tokens = [server.jwt("repository:group/project:pull", token=token) for server in replicas.servers]

        assert len({header(each)["kid"] for each in tokens}) == 1
        assert [row["kind"] for row in first.document("keys", "list")] == ["ca", "signing", "server-secret"]
        assert "Traceback" not in first.log()
