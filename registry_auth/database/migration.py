"""Brings the schema to the state that this version needs.

Only migrating needs Alembic, which would be an eighth of the memory of a worker: whoever just asks for the state does without it.
"""

import pkgutil
from collections.abc import Collection, Sequence
from functools import cache

from sqlalchemy import Connection, column, delete, inspect, select, table

from registry_auth.database.engine import Database
from registry_auth.database.migrations import versions
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
    with database.schema_change() as connection:
        _upgrade(connection)


def check_schema(database: Database) -> None:
    """Raise ConfigurationError unless the schema is the one that this version needs."""
    found, needed = _revision(database), _head()
    if found == needed:
        return
    _check_ours(database, found)
    raise ConfigurationError(
        f"The database {database.label} has schema {found or 'none'}, this version needs {needed}: run `registry-auth database migrate`."
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


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "registry_auth:database/migrations")
    command.upgrade(config, "head")


@cache
def _revisions() -> Sequence[str]:
    """Give the revisions that this version knows, the newest last: each migration's file begins with the number of its revision."""
    return sorted(module.name.partition("_")[0] for module in pkgutil.iter_modules(versions.__path__))


def _head() -> str:
    return _revisions()[-1]


def _check_ours(database: Database, revision: str | None) -> None:
    if revision is not None and revision not in _revisions():
        raise ConfigurationError(
            f"The database {database.label} has schema {revision}, which this version does not know: a newer registry-auth made it."
        )
    tables = _tables(database)
    if tables and _VERSIONS.name not in tables:
        raise ConfigurationError(f"The database {database.label} holds the tables of another program: name another file.")


def _revision(database: Database) -> str | None:
    with database.reading() as connection:
        if not inspect(connection).has_table(_VERSIONS.name):
            return None
        return connection.scalars(select(_VERSIONS.c.version_num)).one_or_none()


def _tables(database: Database) -> Collection[str]:
    with database.reading() as connection:
        return inspect(connection).get_table_names()
