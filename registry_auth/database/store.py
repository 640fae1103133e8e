"""What a kind of database has to offer, so that nothing above this room knows which one it is."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from registry_auth.database.changes import ChangeWatch


class Store(Protocol):
    """One database. Connections are opened when they are needed."""

    label: str  # names the database in a sentence; holds no password
    records_label: str  # names where the tables of `Recorded` are
    reader: Engine  # every statement stands for itself
    writer: Engine  # a transaction has the write lock from its begin to its end: transactions follow each other
    recorder: Engine  # transactions without that lock, on the tables of `Recorded` alone; `changes` does not see them
    changes: ChangeWatch

    def look_up(self) -> AbstractContextManager[Connection]:
        """Open, or keep open, a connection of `reader` for one query."""

    def schema_change(self) -> AbstractContextManager[Connection]:
        """Open one transaction for a migration, in one process at a time. Another that waits meanwhile finds the work done."""

    def advice(self, error: DBAPIError | OSError | None, label: str) -> str:
        """Give the sentence that tells what to do when what bears the label fails so; None stands for a pool without a free connection."""

    def close(self) -> None:
        """Give up all connections."""
