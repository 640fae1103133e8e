"""When servers remember what they have looked up, and when they do not trust their memory.

On PostgreSQL a change can be made of which nobody is told. Whoever grants what it took away goes by what is remembered.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from time import monotonic

import pytest

from .forwarder import Forwarder, forwarder_to
from .peers.availability import require
from .peers.pgbouncer import PgBouncer
from .peers.postgresql import PostgresCluster, Rows
from .peers.processes import wait_until
from .replicas import GRANTED, Question, Replicas, may, seen_around, serve_replicas
from .token_server import Token, TokenServer
from .workers import lines_to_workers

PROJECT = "group/project"

# Seconds after which what is remembered does not count when nothing was heard; heartbeats are trusted for two and a half.
SILENCE = 3.0


@pytest.fixture(scope="module")
def url(postgres: PostgresCluster) -> str:
    """Make an empty database."""
    return postgres.create_database()


@pytest.fixture(scope="module")
def forwarder(postgres: PostgresCluster) -> Iterator[Forwarder]:
    """Run the way by which the server hears of changes."""
    with forwarder_to(postgres.port) as forwarder:
        yield forwarder


@pytest.fixture(scope="module")
def replicas(postgres: PostgresCluster, url: str, forwarder: Forwarder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Run a server that asks PostgreSQL directly, and listens through the forwarder."""
    settings = {
        "REGISTRY_AUTH_DATABASE_URL": url,
        "REGISTRY_AUTH_DATABASE_LISTEN_URL": url.replace(postgres.host, f"127.0.0.1:{forwarder.port}"),
    }
    with serve_replicas(tmp_path_factory.mktemp("listening"), 1, **settings) as replicas:
        replicas.first.create_project(PROJECT)
        wait_until(lambda: replicas.remember(PROJECT), "what is remembered")
        yield replicas


def deployed(replicas: Replicas) -> tuple[Question, Token]:
    """Make a deploy token of the project."""
    token = replicas.first.create_token(project=PROJECT)
    return may("pull", PROJECT, token), token


def test_uses_are_written_without_forgetting(replicas: Replicas, postgres: PostgresCluster, url: str) -> None:
    """While log-ins go on and their instants are stored, what is remembered stays; any other change ends it."""
    question, token = deployed(replicas)

    def stored() -> Rows:
        return postgres.run_sql(f"SELECT used_at FROM last_uses WHERE credential_id = {token.id}", url)  # noqa: S608 - a number

    with lines_to_workers(*replicas.servers) as lines:

        def answers() -> set[str]:
            return {question.put_to(line) for line in lines}

        def is_used_since(earlier: Rows) -> bool:
            assert answers() == {GRANTED}
            return stored() != earlier

        assert answers() == {GRANTED}
        replicas.revoke_unheard(token)
        wait_until(lambda: is_used_since([]), "a use in the store")
        first = stored()
        wait_until(lambda: is_used_since(first), "a later use in the store")
        assert answers() == {GRANTED}

        replicas.first.create_project(f"{PROJECT}-2")
        wait_until(lambda: answers() == {"401"}, "the end of what is remembered", timeout=1)


def test_uses_leave_the_sqlite_file_alone(token_server: TokenServer, project: str) -> None:
    """Storing the instants of log-ins is no change of the file by whose version what is remembered counts."""
    token = token_server.create_token(project=project)
    with closing(sqlite3.connect(token_server.database)) as watch:
        before = watch.execute("PRAGMA data_version").fetchone()
        assert token_server.ask(token=token).status == 200
        wait_until(lambda: token.id in used_tokens(token_server), "a use in the store")

        assert watch.execute("PRAGMA data_version").fetchone() == before


def used_tokens(server: TokenServer) -> set[int]:
    """Give the ids of the deploy tokens of which a use is stored, beside the SQLite file."""
    place = server.database.with_name("registry-auth-last-use.db")
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True)) as connection:
        return {row[0] for row in connection.execute("SELECT credential_id FROM last_uses WHERE credential_kind = 'deploy_token'")}
    return set()


def test_silence_is_no_news(replicas: Replicas, forwarder: Forwarder) -> None:
    """When the connection for listening hangs, nothing remembered counts after some seconds, and all goes on; then another is made."""
    question, token = deployed(replicas)
    other, _ = deployed(replicas)

    def revoke() -> None:
        forwarder.fall_silent()
        replicas.first.revoke(token)

    seen = seen_around(revoke, question, replicas.servers, within=SILENCE)
    with lines_to_workers(*replicas.servers) as lines:
        still = {other.put_to(line) for line in lines}

    assert seen.before == {GRANTED}
    assert seen.meanwhile == {GRANTED, "401"}  # or else the change was heard of
    assert seen.after == {"401"}
    assert still == {GRANTED}

    forwarder.go_on()
    wait_until(lambda: replicas.remember(PROJECT), "what is remembered", timeout=20)
    question, token = deployed(replicas)
    assert seen_around(lambda: replicas.first.revoke(token), question, replicas.servers, within=0.1).after == {"401"}


def test_listening_goes_on_after_an_interruption(replicas: Replicas, postgres: PostgresCluster, url: str) -> None:
    """When PostgreSQL ends all connections, those for listening are made again."""
    question, token = deployed(replicas)
    postgres.terminate_connections(url)

    assert seen_around(lambda: replicas.first.revoke(token), question, replicas.servers, within=0.1).after == {"401"}
    wait_until(lambda: replicas.remember(PROJECT), "what is remembered")


@pytest.fixture(params=["no room", "nobody tells", "pooler tells nobody"])
def forgetful(request: pytest.FixtureRequest, postgres: PostgresCluster, tmp_path: Path) -> Iterator[Replicas]:
    """Run a server without room for what it could remember, or that listens where nobody is told of changes."""
    url = postgres.create_database()
    with ExitStack() as stack:
        settings = {"REGISTRY_AUTH_DATABASE_URL": url}
        if request.param == "no room":
            settings["REGISTRY_AUTH_CACHE_SIZE"] = "0"
        elif request.param == "nobody tells":
            settings["REGISTRY_AUTH_DATABASE_LISTEN_URL"] = postgres.create_database()
        else:
            require("pgbouncer")
            settings["REGISTRY_AUTH_DATABASE_URL"] = stack.enter_context(PgBouncer(tmp_path, postgres)).url(url)
        replicas = stack.enter_context(serve_replicas(tmp_path / "server", 1, **settings))
        replicas.first.create_project(PROJECT)
        yield replicas


def test_nothing_is_remembered(forgetful: Replicas) -> None:
    """Every request is answered from the store, and every change counts at once."""
    question, token = deployed(forgetful)
    begun = monotonic()
    while monotonic() < begun + 1.5:  # several heartbeats
        assert not forgetful.remember(PROJECT)
    seen = seen_around(lambda: forgetful.first.revoke(token), question, forgetful.servers, within=0)

    assert (seen.before, seen.after) == ({GRANTED}, {"401"})
    assert " unavailable: " not in forgetful.first.log()
