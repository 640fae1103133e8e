"""Brings the schema to the state that this version needs."""

from collections.abc import Collection
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, delete, inspect, table

from registry_auth.database.engine import Database
from registry_auth.errors import ConfigurationError

_VERSIONS = table("alembic_version", column("version_num"))


def migrate(database: Database) -> None:
    """Bring the schema up to date. Several processes may call it at once; one of them does the work.

    Raises ConfigurationError for a schema that a newer version or another program made.
    """
    found = _revision(database)
    if found == _head():
        return
    _check_ours(database, found)
    config = _config()
    with database.schema_change() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_schema(database: Database) -> None:
    """Raise ConfigurationError unless the schema is the one that this version needs."""
    found, needed = _revision(database), _head()
    if found == needed:
        return
    _check_ours(database, found)
    raise ConfigurationError(
        f"The database {database.path} has schema {found or 'none'}, this version needs {needed}: run `registry-auth database migrate`."
    )


def check_writable(database: Database) -> None:
    """Raise UnavailableError unless changes can be made. The statement changes nothing, but needs the right to."""
    with database.transaction() as session:
        session.execute(delete(_VERSIONS).where(_VERSIONS.c.version_num.is_(None)))


def prepare_schema(database: Database) -> None:
    """Make the tables of a new database; for any other, as check_schema."""
    if not _tables(database):
        migrate(database)
    check_schema(database)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "registry_auth:database/migrations")
    return config


@cache
def _scripts() -> ScriptDirectory:
    """Give the migrations of this version, read once: each readiness check asks for the newest."""
    return ScriptDirectory.from_config(_config())


def _head() -> str | None:
    return _scripts().get_current_head()


def _check_ours(database: Database, revision: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise ConfigurationError(
            f"The database {database.path} has schema {revision}, which this version does not know: a newer registry-auth made it."
        )
    tables = _tables(database)
    if tables and _VERSIONS.name not in tables:
        raise ConfigurationError(f"The database {database.path} holds the tables of another program: name another file.")


def _revision(database: Database) -> str | None:
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _tables(database: Database) -> Collection[str]:
    with database.reading() as connection:
        return inspect(connection).get_table_names()
