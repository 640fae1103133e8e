"""Digests made by several server secrets: how rows are found by them, and how those of a former one are replaced.

That happens as tokens are used: only then is the secret at hand that a digest is of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Select, bindparam, or_, update

from registry_auth.database import Database, WaitingWrites
from registry_auth.token_columns import DigestColumns
from registry_auth.token_secrets import Digest

Statement = Select[*tuple[Any, ...]]

_BATCH = 1_000  # rows of a transaction, during which other changes wait


def row_key(digests: Sequence[Digest]) -> bytes:
    """Give the key under which a row found by these is remembered: another one when a server secret comes or goes."""
    return b"".join([digest.value for digest in digests])


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The digest that is stored, and the one that takes its place."""

    old: bytes = field(repr=False)
    new: Digest = field(repr=False)


Place = tuple[type[DigestColumns], int]  # table and id of the row


class DigestUpgrades:
    """Replaces digests some seconds after they were noted, many at once. Safe for several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writes: WaitingWrites[Place, Upgrade] = WaitingWrites("digests of the newer server secret", self._write_all)

    def note(self, table: type[DigestColumns], row_id: int, stored: bytes, current: Digest) -> None:
        """Have the digest in this row replaced, unless it is the current one, or another than it was."""
        if stored != current.value:
            self._writes.put((table, row_id), Upgrade(stored, current))

    def write(self) -> None:
        """Replace those that were noted."""
        self._writes.write()

    def close(self) -> None:
        """Replace those that were noted, for the last time."""
        self._writes.close()

    def _write_all(self, upgrades: Mapping[Place, Upgrade]) -> None:
        for table in {table for table, _ in upgrades}:
            rows = [
                {"row": row_id, "old": upgrade.old, "new": upgrade.new.value, "key": upgrade.new.key_id}
                for (each, row_id), upgrade in upgrades.items()
                if each is table
            ]
            for start in range(0, len(rows), _BATCH):
                self._replace(table, rows[start : start + _BATCH])

    def _replace(self, table: type[DigestColumns], rows: list[dict[str, object]]) -> None:
        same = (table.id == bindparam("row"), table.digest == bindparam("old"))
        values: dict[str, object] = {"digest": bindparam("new"), "digest_key_id": bindparam("key")}
        with self._database.transaction() as session:
            session.connection().execute(update(table).where(*same).values(values), rows)


class DigestSearch:
    """Finds rows of a table by a secret, whichever server secret made their digests, and notes those that a former one made.

    `statement` selects what is wanted of the rows, their id under the name `row_id` among it.
    """

    def __init__(self, database: Database, upgrades: DigestUpgrades, table: type[DigestColumns], statement: Statement, row_id: str) -> None:
        self._database = database
        self._upgrades = upgrades
        self._table = table
        self._statement = statement.add_columns(table.digest)
        self._row_id = row_id
        self._by_count: dict[int, Statement] = {}

    def rows(self, digests: Sequence[Digest]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Give the rows with any of these digests, of which the first is the one that the row should have."""
        parameters = {f"digest_{number}": digest.value for number, digest in enumerate(digests)}
        rows = self._database.rows(self._statement_for(len(digests)), parameters)
        for row in rows:
            self._upgrades.note(self._table, getattr(row, self._row_id), row.digest, digests[0])
        return rows

    def _statement_for(self, count: int) -> Statement:
        """Give the statement for a number of digests, which is built once."""
        if count not in self._by_count:
            same = [self._table.digest == bindparam(f"digest_{number}") for number in range(count)]
            self._by_count[count] = self._statement.where(or_(*same))
        return self._by_count[count]
