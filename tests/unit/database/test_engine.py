"""The store: what holds on every connection, and how it fails."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from registry_auth.database import Database, migrate
from registry_auth.errors import ConfigurationError, UnavailableError
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


def test_connections_enforce_foreign_keys_and_survive_power_failures(installation: Installation) -> None:
    """Each connection, reading or writing, has foreign keys on, WAL, a full sync and a patience for other writers."""
    expected = {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2, "busy_timeout": 5_000}
    with installation.database.reading() as connection:
        assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in expected} == expected
    with installation.database.transaction() as session:
        assert {name: session.scalar(text(f"PRAGMA {name}")) for name in expected} == expected


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
    reserve(installation, "once")
    with pytest.raises(IntegrityError) as error:
        reserve(installation, "once")
    assert "hide_parameters" in str(error.value)


@pytest.mark.parametrize(("content", "way_out"), [(b"not a database, " * 100, "from a backup"), (None, "Check that this user")])
def test_broken_file_is_an_outage(tmp_path: Path, content: bytes | None, way_out: str) -> None:
    """A file that is no database, or a directory in its place, makes the store unavailable; the reason names the file and the way out."""
    file = tmp_path / "store.db"
    file.mkdir() if content is None else file.write_bytes(content)
    database = Database(f"sqlite:///{file}")
    with pytest.raises(UnavailableError, match=rf"store\.db cannot be used: .*{way_out}"), database.reading() as connection:
        connection.execute(text("SELECT * FROM sqlite_master"))
    with pytest.raises(UnavailableError, match=r"store\.db cannot be used"), database.transaction() as session:
        session.execute(text("SELECT * FROM sqlite_master"))
    database.close()


def test_new_database_is_for_this_user_only(tmp_path: Path) -> None:
    """Directory and files of a new database are closed to others."""
    with Database(f"sqlite:///{tmp_path / 'new' / 'store.db'}") as database:
        migrate(database)
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
        files = {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "new").glob("store.db*") if path.suffix != ".lock"}
    assert set(files) == {"store.db", "store.db-wal", "store.db-shm"}
    assert set(files.values()) == {0}


def test_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The refusal names the directory and the setting."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"file/data/store\.db cannot be made .*REGISTRY_AUTH_DATABASE_URL"):
        Database(f"sqlite:///{tmp_path / 'file' / 'data' / 'store.db'}")


def test_url_without_a_file_is_refused() -> None:
    """A URL that names no file cannot be opened."""
    with pytest.raises(ConfigurationError, match="names no file"):
        Database("sqlite://")


def test_migration_of_another_process_is_not_waited_for_without_end(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that nobody gives back is an outage with a sentence."""
    monkeypatch.setattr("registry_auth.database.sqlite._MIGRATION_TIMEOUT", 0.01)
    path = installation.database.label
    with (
        FileLock(f"{path}.lock"),
        pytest.raises(UnavailableError, match=r"cannot be used: .*lock"),
        installation.database.schema_change(),
    ):
        pass
