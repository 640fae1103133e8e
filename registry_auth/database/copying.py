"""Copies an installation from SQLite to PostgreSQL."""

from collections.abc import Mapping

from sqlalchemy import Connection, Table, column, func, insert, select, table

from registry_auth.database.base import Base, Recorded
from registry_auth.database.engine import Database
from registry_auth.database.migration import check_schema, migrate
from registry_auth.errors import ConfigurationError, ConflictError

_ROWS_AT_ONCE = 1_000

# Where SQLite keeps the highest id that a table ever had.
_HIGHEST_IDS = table("sqlite_sequence", column("name"), column("seq"))


def copy_to_postgresql(source: Database, target: Database) -> Mapping[str, int]:
    """Copy all rows with their ids, and give how many there were of each table. The target's tables are made if need be.

    Ids that were in use once stay used up. Nobody can change the source meanwhile. All is copied or nothing, but for the last uses, which
    come at the end.
    Raises ConfigurationError for a source that has not the schema of this version, ConflictError for a target that holds rows.
    """
    if target.dialect != "postgresql":
        raise ConfigurationError("REGISTRY_AUTH_DATABASE_URL has to name the PostgreSQL that is to be filled.")
    check_schema(source)
    migrate(target)
    with source.transaction() as reading, target.transaction() as writing:
        counts = {each.name: _copy(reading.connection(), writing.connection(), each) for each in Base.metadata.sorted_tables}
        _use_up_ids(reading.connection(), writing.connection())
    with source.recording() as reader, target.recording() as writer:
        return counts | {each.name: _copy(reader, writer, each) for each in Recorded.metadata.sorted_tables}


def _copy(source: Connection, target: Connection, each: Table) -> int:
    if target.scalar(select(func.count()).select_from(each)):
        raise ConflictError(f"The table {each.name} at the target holds rows already: copy into an empty database.")
    # Parents have lower ids than what is in them, so they come first.
    rows = source.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(each).order_by(*each.primary_key))
    count = 0
    for part in rows.mappings().partitions():
        target.execute(insert(each), [dict(row) for row in part])
        count += len(part)
    return count


def _use_up_ids(source: Connection, target: Connection) -> None:
    for name, highest in source.execute(select(_HIGHEST_IDS.c.name, _HIGHEST_IDS.c.seq)):
        if highest:
            target.execute(select(func.setval(func.pg_get_serial_sequence(name, "id"), highest)))
