"""PostgreSQL as a store: what it waits for, and how it fails."""

from collections.abc import Iterator
from contextlib import closing
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import URL, make_url, text

from registry_auth.database import Database
from registry_auth.database import postgresql as room
from registry_auth.database.postgresql_connections import _without_preparing_at_a_pooler
from registry_auth.errors import TakenError, UnavailableError
from registry_auth.namespaces.service import Namespaces
from registry_auth.values import NamespaceKind
from tests.e2e.peers.postgresql import PostgresCluster, name_of
from tests.e2e.peers.processes import free_port
from tests.unit.installation import Clock
from tests.unit.namespaces.statements import counted_statements
from tests.unit.stores import PostgresDatabase

ONE = text("SELECT 1")


@pytest.fixture
def store(migrated_postgresql: PostgresDatabase) -> Iterator[PostgresDatabase]:
    """Give an empty store."""
    migrated_postgresql.clear()
    yield migrated_postgresql
    migrated_postgresql.release()


@pytest.fixture
def address(store: PostgresDatabase) -> URL:
    """Give the address of the store."""
    return make_url(store.url)


def open_at(address: URL, **options: int) -> Database:
    """Open a database that remembers nothing."""
    return Database(address.render_as_string(hide_password=False), cache_size=0, **options)  # type: ignore[arg-type]


def sentence(database: Database) -> str:
    """Read, and give the sentence with which it fails."""
    with pytest.raises(UnavailableError) as error, database, database.reading() as connection:
        connection.execute(ONE)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_label_names_the_database_and_no_password(address: URL, store: PostgresDatabase) -> None:
    """What stands in sentences is the database and its server."""
    with open_at(address) as database:
        assert database.label == f"{name_of(store.url)} at 127.0.0.1:{address.port}"
    with Database("postgresql+psycopg://user:secret@host/name") as database:
        assert database.label == "name at host:5432"


def test_wrong_password(address: URL) -> None:
    """The sentence says what PostgreSQL says, and what to look at; neither the right nor the wrong password is in it."""
    said = sentence(open_at(address.set(password="wrong-and-hidden")))
    assert said.startswith(f"The database {address.database} at 127.0.0.1:{address.port} cannot be used: ")
    assert "password authentication failed" in said
    assert said.endswith(
        "Check that PostgreSQL runs there, that REGISTRY_AUTH_DATABASE_URL is right, and that PostgreSQL lets this user in."
    )
    assert "hidden" not in said
    assert str(address.password) not in said


def test_unknown_database(address: URL) -> None:
    """It is named, with the setting."""
    said = sentence(open_at(address.set(database="nowhere")))
    assert "The database nowhere at " in said
    assert 'database "nowhere" does not exist' in said
    assert "REGISTRY_AUTH_DATABASE_URL" in said


def test_nobody_at_the_port(address: URL) -> None:
    """A server that is not there is told from one that refuses."""
    assert "refused" in sentence(open_at(address.set(port=free_port())))


def test_server_that_takes_no_changes_is_refused(address: URL, store: PostgresDatabase, postgresql: PostgresCluster) -> None:
    """A standby is behind its primary: nobody is answered from it, and it is said why."""
    name = name_of(store.url)
    postgresql.run_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        assert "session is read-only" in sentence(open_at(address))
    finally:
        postgresql.run_sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")


def test_missing_right_is_told(address: URL, store: PostgresDatabase) -> None:
    """Who may not write is told so, not that the server is down."""
    with open_at(address) as database:
        with database.reading() as connection:
            connection.execute(text("REVOKE ALL ON users FROM CURRENT_USER"))
        with pytest.raises(
            UnavailableError, match=r"permission denied for table users\. Give the user of REGISTRY_AUTH_DATABASE_URL the right"
        ):
            database.rows(text("SELECT * FROM users"), {})  # type: ignore[arg-type] # no Select
        with database.reading() as connection:
            connection.execute(text("GRANT ALL ON users TO CURRENT_USER"))
    assert store.dump()["users"] == []


def test_missing_table_is_told(address: URL) -> None:
    """What another version made, or nobody, is told in one line that names the command that says more."""
    with open_at(address) as database, pytest.raises(UnavailableError) as error, database.reading() as connection:
        connection.execute(text("SELECT * FROM nothing"))
    assert "\n" not in str(error.value)
    assert 'relation "nothing" does not exist' in str(error.value)
    assert "`registry-auth database check`" in str(error.value)


def test_values_are_in_no_error(address: URL) -> None:
    """Parameters are digests and names: neither the sentence nor what it was made of shows them."""
    with open_at(address) as database, pytest.raises(UnavailableError) as error, database.reading() as connection:
        connection.execute(text("SELECT * FROM nothing WHERE id = :id"), {"id": "undisclosed"})
    assert "undisclosed" not in f"{error.value!r} {error.value.__cause__!s}"


def test_write_lock_is_not_waited_for_without_end(address: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one transaction is open, others wait for a bounded time, of several processes too; look-ups do not wait at all."""
    monkeypatch.setattr(room, "_LOCK_TIMEOUT", 100)
    with open_at(address) as one, open_at(address) as other:
        with one.transaction() as session:
            session.execute(ONE)
            with pytest.raises(UnavailableError, match="lock timeout"), other.transaction() as late:
                late.execute(ONE)
            with other.reading() as connection:
                assert connection.scalar(ONE) == 1
        with other.transaction() as session:
            assert session.scalar(ONE) == 1


def test_recording_waits_for_no_transaction(address: URL) -> None:
    """Last uses are written while somebody changes something."""
    with open_at(address) as database, database.transaction() as session:
        session.execute(ONE)
        with database.recording() as connection:
            assert connection.scalar(ONE) == 1


def test_answer_is_not_waited_for_without_end(address: URL, monkeypatch: pytest.MonkeyPatch, postgresql: PostgresCluster) -> None:
    """A server that hangs, with all its connections open, is an outage; when it goes on, it is used again."""
    monkeypatch.setattr("registry_auth.database.postgresql_connections.ANSWER_TIMEOUT", 0.5)
    with open_at(address) as database:
        with database.reading() as connection:
            connection.execute(ONE)
        postgresql.freeze()
        try:
            with (
                pytest.raises(UnavailableError, match=r"no answer within .* seconds\. Check that PostgreSQL"),
                database.reading() as connection,
            ):
                connection.execute(ONE)
        finally:
            postgresql.thaw()
        with database.reading() as connection:
            assert connection.scalar(ONE) == 1


def test_slow_statement_is_given_up(address: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection is not given to anybody else, who would get its answer."""
    monkeypatch.setattr("registry_auth.database.postgresql_connections.ANSWER_TIMEOUT", 0.2)
    with open_at(address, pool_size=1) as database:
        with pytest.raises(UnavailableError, match="no answer within"), database.reading() as connection:
            connection.execute(text("SELECT pg_sleep(2)"))
        with database.reading() as connection:
            assert connection.scalar(text("SELECT 2")) == 2


def test_free_connection_is_not_waited_for_without_end(address: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all connections are in use, the sentence names the setting; when one is given back, it is used."""
    monkeypatch.setattr(room, "_POOL_TIMEOUT", 0.1)
    with open_at(address, pool_size=1) as database:
        with database.reading():
            for use in (database.reading, database.transaction, database.recording):
                with pytest.raises(UnavailableError, match="REGISTRY_AUTH_DATABASE_POOL_SIZE is too small"), use() as connection:
                    connection.execute(ONE)
        with database.reading() as connection:
            assert connection.scalar(ONE) == 1


def test_look_up_survives_the_loss_of_a_connection(store: PostgresDatabase, address: URL) -> None:
    """A look-up that finds its connection ended, by a restart or a failover, is asked again on another; a transaction is not."""
    with open_at(address, pool_size=2) as database:
        with database.reading(), database.reading():
            pass
        store.end_connections()
        with counted_statements(database) as statements:
            assert database.rows(text("SELECT 1"), {}) == [(1,)]  # type: ignore[arg-type] # no Select
        assert len(statements) == 2
        with database.reading(), database.reading():
            pass
        store.end_connections()
        with pytest.raises(UnavailableError, match="terminat"), database.transaction() as session:
            session.execute(ONE)
        with database.transaction() as session:
            assert session.scalar(ONE) == 1


def test_statements_are_prepared(address: URL) -> None:
    """What is asked again and again is parsed once by PostgreSQL, on each connection."""
    with open_at(address) as database, database.reading() as connection:
        for _ in range(10):
            connection.execute(text("SELECT * FROM users WHERE id = :id"), {"id": 1})
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 1


@pytest.mark.parametrize(("told", "threshold"), [(7, 5), (8, None)])
def test_nothing_is_prepared_at_a_pooler(told: int, threshold: int | None) -> None:
    """It tells another process than the one that answers; the next statement may meet yet another, which knows nothing of it."""
    answer = SimpleNamespace(fetchone=lambda: (7,))
    connection: Any = SimpleNamespace(execute=lambda _: answer, info=SimpleNamespace(backend_pid=told), prepare_threshold=5)
    assert _without_preparing_at_a_pooler(connection).prepare_threshold == threshold


def test_what_the_address_says_of_a_connection_counts(address: URL) -> None:
    """Whoever needs another limit or name sets it in the address."""
    with open_at(address.update_query_dict({"application_name": "mine"})) as database, database.reading() as connection:
        assert connection.scalar(text("SHOW application_name")) == "mine"
    with open_at(address) as database, database.reading() as connection:
        assert connection.scalar(text("SHOW application_name")) == "registry-auth"


def test_nothing_is_connected_to_before_it_is_needed(address: URL) -> None:
    """Opening the store is possible while PostgreSQL is down."""
    with open_at(address.set(port=free_port())):
        pass


def test_transactions_of_two_processes_follow_each_other(address: URL, store: PostgresDatabase) -> None:
    """What a transaction has checked stays so until it is written: of many that make one path, one does, and the others are told."""
    said: list[str] = []

    def make() -> None:
        with closing(open_at(address)) as database:
            namespaces = Namespaces(database, Clock())
            try:
                namespaces.create(NamespaceKind.PROJECT, "g/sub/p")
                said.append("made")
            except TakenError as error:
                said.append(str(error))

    threads = [Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["The path 'g/sub/p' is taken by a project."] * 5 + ["made"]
    assert [row[2] for row in store.dump()["namespaces"]] == ["g", "g/sub", "g/sub/p"]
