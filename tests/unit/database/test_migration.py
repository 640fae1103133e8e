"""Migrations: the tables are those of the models, and every state of a database is told apart."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import ForeignKeyConstraint, Select, Table, inspect, text
from sqlalchemy.sql import visitors

from registry_auth.accounts import lookup as account_lookup
from registry_auth.accounts import models as account_models
from registry_auth.database import Base, Database, Recorded, check_schema, migrate, migration, prepare_schema
from registry_auth.deploy_tokens import lookup as deploy_token_lookup
from registry_auth.deploy_tokens import models as deploy_token_models
from registry_auth.errors import ConfigurationError
from registry_auth.namespaces import group_lookup, ownership
from registry_auth.namespaces import models as namespace_models
from registry_auth.namespaces.by_path import ColumnByPath
from registry_auth.namespaces.service import Namespaces
from registry_auth.values import NamespaceKind
from tests.unit.stores import PostgresDatabase, TriedStore

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
def database(bare_store: TriedStore) -> Database:
    """Give a store without any table."""
    return bare_store.database


def set_revision(database: Database, revision: str) -> None:
    """Pretend that another version of this program was here."""
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def config() -> Config:
    """Give what Alembic needs to find the migrations."""
    made = Config()
    made.set_main_option("script_location", "registry_auth:database/migrations")
    return made


def go_to(database: Database, way: Callable[[Config, str], object], revision: str) -> None:
    """Upgrade or downgrade to a revision that is not the newest."""
    options = config()
    with database.schema_change() as connection:
        options.attributes["connection"] = connection
        way(options, revision)


def tables(database: Database) -> set[str]:
    """Give the names of the tables."""
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def expected_tables(database: Database) -> set[str]:
    """Give the names of all tables: last uses are in the database itself on PostgreSQL only."""
    return TABLES | ({"last_uses"} if database.dialect == "postgresql" else set())


def test_migrated_schema_is_that_of_the_models(database: Database) -> None:
    """What the migrations make is what the models describe, constraints and indexes included."""
    assert {deploy_token_models.__name__, namespace_models.__name__, account_models.__name__} <= set(sys.modules)
    migrate(database)
    options: dict[str, Any] = {"compare_type": True, "compare_server_default": True}
    models = [Base.metadata, Recorded.metadata]
    if database.dialect == "sqlite":
        options |= {"include_object": _can_be_compared_on_sqlite}
        models = [Base.metadata]
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, models) == []  # type: ignore[arg-type] # Alembic documents that it takes several


def _can_be_compared_on_sqlite(schema_item: object, *_more: object) -> bool:
    """Leave out what SQLAlchemy cannot read back: the options of a foreign key that SQLite got with an added column."""
    return not (isinstance(schema_item, ForeignKeyConstraint) and schema_item.column_keys == ["created_by"])


def test_files_are_named_after_their_revisions() -> None:
    """The names of the files tell what Alembic reads in them: one line of revisions, and in its order."""
    scripts = ScriptDirectory.from_config(config())
    line = [script.revision for script in scripts.walk_revisions()]
    assert [*migration._revisions()] == line[::-1]
    assert scripts.get_heads() == [migration._head()]


@pytest.mark.one_store("it is about what cannot be compared on SQLite")
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


@pytest.mark.one_store("sequences of PostgreSQL only count on")
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
    assert tables(database) == expected_tables(database)


def test_migrating_twice_changes_nothing(database: Database) -> None:
    """A store that is up to date stays as it is."""
    migrate(database)
    migrate(database)
    assert tables(database) == expected_tables(database)


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
    assert tables(database) == expected_tables(database)


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
    assert tables(database) == expected_tables(database)


def rows(database: Database) -> dict[str, list[dict[str, object]]]:
    """Give all rows of all tables but the one that names the revision."""
    with database.reading() as connection:
        names = sorted(TABLES & tables(database) - {"alembic_version"})
        return {name: [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}").mappings()] for name in names}  # noqa: S608


def test_dependency_proxy_is_on_in_what_there_was_before_its_switch(database: Database) -> None:
    """The switch is added to groups and projects that exist, switched on; nothing else changes, on the way back neither."""
    go_to(database, command.upgrade, "0002")
    statements = (
        "INSERT INTO namespaces VALUES (1, 'group', 'g', NULL, 'G', 'public', :at), (2, 'group', 'g/s', 1, 'S', 'private', :at)",
        "INSERT INTO namespaces VALUES (3, 'project', 'g/s/p', 2, 'P', 'private', :at)",
        "INSERT INTO users VALUES (1, 'Ada', 'ada', 'Ada', NULL, NULL, true, NULL, :at)",
        "INSERT INTO memberships VALUES (1, 1, 1, 50, :at)",
        "INSERT INTO deploy_tokens VALUES (1, 3, 'ci', 'ci', 'read_registry', NULL, NULL, :at, 1)",
        "INSERT INTO deploy_token_secrets VALUES (1, 1, :digest, 'key', :at, NULL)",
    )
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement), {"at": "2026-01-02 03:04:05", "digest": b"digest"})
    before = rows(database)
    with pytest.raises(ConfigurationError, match=r"has schema 0002, this version needs \w+: run `registry-auth database migrate`"):
        check_schema(database)
    migrate(database)
    switched = {"namespaces": [row | {"dependency_proxy_enabled": 1} for row in before["namespaces"]]}
    assert rows(database) == before | switched
    assert Namespaces(database, lambda: datetime.now(UTC)).get(NamespaceKind.GROUP, "g/s").dependency_proxy_enabled is True
    go_to(database, command.downgrade, "0002")
    assert rows(database) == before


def test_threads_migrate_one_database_together(bare_store: TriedStore) -> None:
    """Whoever comes second waits, and finds the work done."""
    failures: list[Exception] = []

    def work() -> None:
        try:
            with Database(bare_store.url) as store:
                prepare_schema(store)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_processes_migrate_one_database_together(bare_store: TriedStore) -> None:
    """Several servers may start on one new database at once."""
    code = "import sys; from registry_auth.database import *; prepare_schema(Database(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", code, bare_store.url], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 3
    assert tables(bare_store.database) == expected_tables(bare_store.database)


def statements_of(module: ModuleType) -> Iterator[Select[*tuple[Any, ...]]]:
    """Give the statements that a module of look-ups has ready."""
    for value in vars(module).values():
        if isinstance(value, ColumnByPath):
            yield value._statement
        elif isinstance(value, Select):
            yield value


def test_every_table_that_look_ups_read_tells_of_its_changes(migrated_postgresql: PostgresDatabase) -> None:
    """What is remembered is forgotten when it changes: each of these tables has the trigger, for every kind of statement."""
    migrated_postgresql.clear()
    statements = [each for module in (account_lookup, deploy_token_lookup, group_lookup, ownership) for each in statements_of(module)]
    read = {str(part) for statement in statements for part in visitors.iterate(statement) if isinstance(part, Table)}
    assert read >= {"namespaces", "users", "memberships", "deploy_tokens"}
    events = """SELECT relname FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid
                WHERE tgname = 'registry_auth_notify' AND tgenabled = 'O' AND tgtype & 60 = 60"""  # insert, delete, update and truncate
    assert {name for (name,) in migrated_postgresql._rows(events)} == read


def test_way_back_takes_everything_away(bare_postgresql: PostgresDatabase) -> None:
    """After the last step back PostgreSQL has the columns, triggers and functions of the step before."""
    bare_postgresql.wipe()
    database = bare_postgresql.database
    go_to(database, command.upgrade, "0003")
    before = shape(bare_postgresql)
    migrate(database)
    assert shape(bare_postgresql) != before
    go_to(database, command.downgrade, "0003")
    assert shape(bare_postgresql) == before


def shape(store: PostgresDatabase) -> set[tuple[Any, ...]]:
    """Give all columns, triggers, functions and sequences of a database."""
    columns = """SELECT table_name, column_name, data_type, character_maximum_length, collation_name
                 FROM information_schema.columns WHERE table_schema = 'public'"""
    others = """SELECT trigger_name FROM information_schema.triggers
                UNION SELECT routine_name FROM information_schema.routines WHERE routine_schema = 'public'
                UNION SELECT sequence_name || data_type FROM information_schema.sequences"""
    return {*store._rows(columns), *store._rows(others)}
