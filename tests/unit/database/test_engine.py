"""The store: what holds on every connection, and how it fails."""

import threading
from datetime import UTC, datetime
from traceback import format_exception

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from registry_auth.namespaces.models import ReservedPath
from registry_auth.values import NamespaceKind
from tests.unit.installation import Installation

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def reserve(installation: Installation, path: str) -> None:
    """Write one row."""
    with installation.database.transaction() as session:
        session.add(ReservedPath(path=path, kind=NamespaceKind.GROUP, deleted_at=NOW))


def reserved(installation: Installation) -> set[str]:
    """Read all rows."""
    with installation.database.reading() as connection:
        return set(connection.scalars(select(ReservedPath.path)))


def test_transaction_is_all_or_nothing(installation: Installation) -> None:
    """A transaction is kept at its end, and undone when an exception leaves it."""
    reserve(installation, "kept")
    with pytest.raises(IntegrityError), installation.database.transaction() as session:
        session.add_all(ReservedPath(path=path, kind=NamespaceKind.GROUP, deleted_at=NOW) for path in ("undone", "kept"))
    assert reserved(installation) == {"kept"}


def test_reading_does_not_wait_for_a_writer(installation: Installation) -> None:
    """While somebody writes, readers see the state before, at once."""
    with installation.database.transaction() as session:
        session.add(ReservedPath(path="unfinished", kind=NamespaceKind.GROUP, deleted_at=NOW))
        session.flush()
        assert reserved(installation) == set()
        with installation.database.reading_session() as reader:
            assert reader.scalars(select(ReservedPath)).all() == []


def test_parallel_transactions_wait_for_each_other(installation: Installation) -> None:
    """Transactions that read before they write do not fail with "database is locked"."""
    installation.database  # noqa: B018 - opened once, before the threads
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            with installation.database.transaction() as session:
                session.scalars(select(ReservedPath)).all()
                session.add(ReservedPath(path=f"p{number}", kind=NamespaceKind.GROUP, deleted_at=NOW))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(reserved(installation)) == 10


def test_violated_constraint_is_not_an_outage(installation: Installation) -> None:
    """What was asked is at fault: the exception says so, and does not show the values."""
    path = "undisclosed"
    reserve(installation, path)
    with pytest.raises(IntegrityError) as error:
        reserve(installation, path)
    assert "undisclosed" not in "".join(format_exception(error.value))
