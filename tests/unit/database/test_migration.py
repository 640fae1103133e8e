"""Migrations: the tables are those of the models, and every state of a database is told apart."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, inspect, text

from registry_auth.accounts import models as account_models
from registry_auth.database import Base, Database, check_schema, migrate, prepare_schema
from registry_auth.deploy_tokens import models as deploy_token_models
from registry_auth.errors import ConfigurationError
from registry_auth.namespaces import models as namespace_models
from registry_auth.namespaces.service import Namespaces
from registry_auth.values import NamespaceKind

TABLES = {
    "alembic_version",
    "namespaces",
    "reserved_paths",
    "deploy_tokens",
    "deploy_token_secrets",
    "users",
    "memberships",
    "personal_access_tokens",
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Give a store without any table."""
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def set_revision(database: Database, revision: str) -> None:
    """Pretend that another version of this program was here."""
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def go_to(database: Database, way: Callable[[Config, str], object], revision: str) -> None:
    """Upgrade or downgrade to a revision that is not the newest."""
    config = Config()
    config.set_main_option("script_location", "registry_auth:database/migrations")
    with database.schema_change() as connection:
        config.attributes["connection"] = connection
        way(config, revision)


def tables(database: Database) -> set[str]:
    """Give the names of the tables."""
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def test_migrated_schema_is_that_of_the_models(database: Database) -> None:
    """What the migrations make is what the models describe, constraints and indexes included."""
    assert {deploy_token_models.__name__, namespace_models.__name__, account_models.__name__} <= set(sys.modules)
    migrate(database)
    options = {"compare_type": True, "compare_server_default": True, "include_object": _can_be_compared}
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def _can_be_compared(schema_item: object, *_more: object) -> bool:
    """Leave out what SQLAlchemy cannot read back: the options of a foreign key that SQLite got with an added column."""
    return not (isinstance(schema_item, ForeignKeyConstraint) and schema_item.column_keys == ["created_by"])


def test_key_of_an_added_column_does_what_the_models_say(database: Database) -> None:
    """Deleting a user leaves the deploy tokens that the user made."""
    migrate(database)
    # On the connection that migrated: SQLite answers a PRAGMA from the schema that a connection has read, be it out of date.
    with database.transaction() as session:
        keys = session.execute(text("PRAGMA foreign_key_list(deploy_tokens)")).mappings()
        assert {(key["from"], key["table"], key["on_delete"]) for key in keys} == {
            ("created_by", "users", "SET NULL"),
            ("owner_id", "namespaces", "CASCADE"),
        }


@pytest.mark.parametrize("table", ["namespaces", "deploy_tokens", "deploy_token_secrets", "users", "memberships", "personal_access_tokens"])
def test_ids_of_deleted_rows_are_not_given_again(database: Database, table: str) -> None:
    """Every table with a numeric id counts on after a deletion (S9)."""
    migrate(database)
    with database.reading() as connection:
        sql = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).scalar_one()
    assert "AUTOINCREMENT" in sql


def test_new_database_gets_its_tables(database: Database) -> None:
    """An empty store is prepared without a word."""
    prepare_schema(database)
    check_schema(database)
    assert tables(database) == TABLES


def test_migrating_twice_changes_nothing(database: Database) -> None:
    """A store that is up to date stays as it is."""
    migrate(database)
    migrate(database)
    assert tables(database) == TABLES


@pytest.mark.parametrize("revision", ["none", "newer"])
def test_other_schemas_are_told_apart(database: Database, revision: str) -> None:
    """An older schema names the command that mends it; a newer one says that a newer program made it."""
    migrate(database)
    if revision == "none":
        with database.transaction() as session:
            session.execute(text("DELETE FROM alembic_version"))
        message = r"has schema none, this version needs \w+: run `registry-auth database migrate`"
    else:
        set_revision(database, "9999")
        message = "has schema 9999, which this version does not know"
    for check in (check_schema, prepare_schema):
        with pytest.raises(ConfigurationError, match=message):
            check(database)


def test_newer_schema_is_not_migrated(database: Database) -> None:
    """Migrating what a newer version made is refused in one sentence and changes nothing."""
    migrate(database)
    set_revision(database, "9999")
    with pytest.raises(ConfigurationError, match="has schema 9999, which this version does not know"):
        migrate(database)
    assert tables(database) == TABLES


def test_failed_migration_leaves_nothing(database: Database) -> None:
    """A migration is one transaction: when it fails in the middle, no table of it is left."""
    with database.transaction() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text("CREATE TABLE deploy_tokens (id INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        migrate(database)
    assert tables(database) == {"alembic_version", "deploy_tokens"}


@pytest.mark.parametrize("use", [migrate, check_schema, prepare_schema])
def test_database_of_another_program_is_left_alone(database: Database, use: Callable[[Database], None]) -> None:
    """Our tables are not put beside those of somebody else."""
    with database.transaction() as session:
        session.execute(text("CREATE TABLE images (id INTEGER)"))
    with pytest.raises(ConfigurationError, match="holds the tables of another program"):
        use(database)
    assert tables(database) == {"images"}


def test_downgrade_takes_the_tables_away(database: Database) -> None:
    """The way back leads to an empty store, from which the way forward works again."""
    migrate(database)
    go_to(database, command.downgrade, "base")
    assert tables(database) == {"alembic_version"}
    migrate(database)
    assert tables(database) == TABLES


def rows(database: Database) -> dict[str, list[dict[str, object]]]:
    """Give all rows of all tables but the one that names the revision."""
    with database.reading() as connection:
        names = sorted(tables(database) - {"alembic_version"})
        return {name: [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}").mappings()] for name in names}  # noqa: S608


def test_dependency_proxy_is_on_in_what_there_was_before_its_switch(database: Database) -> None:
    """The switch is added to groups and projects that exist, switched on; nothing else changes, on the way back neither."""
    go_to(database, command.upgrade, "0002")
    statements = (
        "INSERT INTO namespaces VALUES (1, 'group', 'g', NULL, 'G', 'public', :at), (2, 'group', 'g/s', 1, 'S', 'private', :at)",
        "INSERT INTO namespaces VALUES (3, 'project', 'g/s/p', 2, 'P', 'private', :at)",
        "INSERT INTO users VALUES (1, 'Ada', 'ada', 'Ada', NULL, NULL, 1, NULL, :at)",
        "INSERT INTO memberships VALUES (1, 1, 1, 50, :at)",
        "INSERT INTO deploy_tokens VALUES (1, 3, 'ci', 'ci', 'read_registry', NULL, NULL, :at, 1)",
        "INSERT INTO deploy_token_secrets VALUES (1, 1, x'00', 'key', :at, NULL)",
    )
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement), {"at": "2026-01-02 03:04:05"})
    before = rows(database)
    with pytest.raises(ConfigurationError, match=r"has schema 0002, this version needs \w+: run `registry-auth database migrate`"):
        check_schema(database)
    migrate(database)
    switched = {"namespaces": [row | {"dependency_proxy_enabled": 1} for row in before["namespaces"]]}
    assert rows(database) == before | switched
    assert Namespaces(database, lambda: datetime.now(UTC)).get(NamespaceKind.GROUP, "g/s").dependency_proxy_enabled is True
    go_to(database, command.downgrade, "0002")
    assert rows(database) == before


def test_threads_migrate_one_database_together(tmp_path: Path) -> None:
    """Whoever comes second waits, and finds the work done."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    failures: list[Exception] = []

    def work() -> None:
        try:
            with Database(url) as store:
                prepare_schema(store)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_processes_migrate_one_database_together(tmp_path: Path) -> None:
    """Several servers may start on one new directory at once."""
    url = f"sqlite:///{tmp_path / 'new' / 'store.db'}"
    code = "import sys; from registry_auth.database import *; prepare_schema(Database(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 3
    with Database(url) as store:
        assert tables(store) == TABLES
