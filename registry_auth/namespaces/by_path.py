"""Looking up many groups or projects at once by their paths, for the decision: one statement, and no ORM objects."""

from collections.abc import Collection, Mapping
from typing import Generic, TypeVar

from sqlalchemy import bindparam, select
from sqlalchemy.orm import InstrumentedAttribute

from registry_auth.database import Database
from registry_auth.namespaces.models import Namespace
from registry_auth.values import NamespaceKind

Value = TypeVar("Value")


class ColumnByPath(Generic[Value]):
    """One column of all groups or all projects, by path. The statement is built once."""

    def __init__(self, kind: NamespaceKind, column: InstrumentedAttribute[Value]) -> None:
        is_wanted = Namespace.path.in_(bindparam("paths", expanding=True))
        self._statement = select(Namespace.path, column).where(is_wanted, Namespace.kind == kind)

    def read(self, database: Database, paths: Collection[str]) -> Mapping[str, Value]:
        """Give the value at each of these paths that is one of the kind; nothing is read when there are none."""
        if not paths:
            return {}
        rows = database.rows(self._statement, {"paths": sorted(paths)})
        return {path: value for path, value in rows}  # noqa: C416 - mypy knows no dict of rows
