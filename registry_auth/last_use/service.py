"""The last uses in the store: many at once, in both directions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

from sqlalchemy import Executable, bindparam, select

from registry_auth.database import Database
from registry_auth.last_use.models import LastUseRow
from registry_auth.values import CallerKind

TokenKey = tuple[CallerKind, int]  # kind and id of a token

_MOST_IDS = 10_000  # in one query: PostgreSQL takes 65535 parameters, SQLite 32766 unless it is built otherwise

_BY_IDS = select(LastUseRow.credential_id, LastUseRow.used_at, LastUseRow.address, LastUseRow.service).where(
    LastUseRow.credential_kind == bindparam("kind"), LastUseRow.credential_id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class LastUse:
    """A log-in with a token: the instant (UTC), the client's address, and the service that it was for."""

    used_at: datetime
    address: str
    service: str


class LastUses:
    """The last uses of all tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, kind: CallerKind, ids: Collection[int]) -> Mapping[int, LastUse]:
        """Give the last use of each of these tokens, by id; one that was never used is left out."""
        if not ids:
            return {}
        wanted = sorted(ids)
        batches = [wanted[start : start + _MOST_IDS] for start in range(0, len(wanted), _MOST_IDS)]
        with self._database.recording() as connection:
            rows = [row for batch in batches for row in connection.execute(_BY_IDS, {"kind": kind, "ids": batch})]
        return {row.credential_id: LastUse(row.used_at, row.address, row.service) for row in rows}

    def of_one(self, kind: CallerKind, token_id: int) -> LastUse | None:
        """Give the last use of this token, or None when it was never used."""
        return self.of(kind, [token_id]).get(token_id)

    def write(self, uses: Mapping[TokenKey, LastUse]) -> None:
        """Store last uses, in one transaction; where a later one is stored already it stays."""
        # In the order of the keys: of two processes that write the same rows in different orders each could wait for the other.
        rows = [
            {"credential_kind": kind, "credential_id": token_id, "used_at": use.used_at, "address": use.address, "service": use.service}
            for (kind, token_id), use in sorted(uses.items())
        ]
        if rows:
            with self._database.recording() as connection:
                connection.execute(_upsert(connection.dialect.name), rows)


def _upsert(dialect: str) -> Executable:
    # Both dialects have the clause, and SQLAlchemy one for each. Only the one in use is imported: it takes 2 MB of each worker.
    insert = import_module(f"sqlalchemy.dialects.{dialect}").insert(LastUseRow)
    latest = {name: insert.excluded[name] for name in ("used_at", "address", "service")}
    statement: Executable = insert.on_conflict_do_update(
        index_elements=["credential_kind", "credential_id"], set_=latest, where=LastUseRow.used_at < insert.excluded.used_at
    )
    return statement
