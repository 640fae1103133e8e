"""Watching what is asked of a database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from registry_auth.database import Database


@contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    """Collect the statements that look-ups send meanwhile."""
    statements: list[str] = []

    def collect(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(database._store.reader, "before_cursor_execute", collect)
    try:
        yield statements
    finally:
        event.remove(database._store.reader, "before_cursor_execute", collect)
