"""SQLite as a store: its connections and files, and how it fails."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import text

from registry_auth.database import Database, migrate
from registry_auth.errors import ConfigurationError, UnavailableError
from registry_auth.last_use import LastUse, LastUses
from registry_auth.values import CallerKind
from tests.unit.installation import NOW, Installation

pytestmark = pytest.mark.one_store("it is about SQLite")


def test_connections_enforce_foreign_keys_and_survive_power_failures(installation: Installation) -> None:
    """Each connection, reading or writing, has foreign keys on, WAL, a full sync and a patience for other writers."""
    expected = {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2, "busy_timeout": 5_000}
    with installation.database.reading() as connection:
        assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in expected} == expected
    with installation.database.transaction() as session:
        assert {name: session.scalar(text(f"PRAGMA {name}")) for name in expected} == expected


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


def last_uses_file(installation: Installation) -> Path:
    """Give the file of the last uses."""
    (file,) = Path(installation.database.label).parent.glob("*-last-use.db")
    return file


def test_writer_is_not_waited_for_without_end(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process changes the file, a transaction waits for a bounded time, and then says so in one line."""
    monkeypatch.setattr("registry_auth.database.sqlite._BUSY_TIMEOUT", 50)
    with closing(sqlite3.connect(installation.database.label, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match=r"cannot be used: database is locked\. ") as error:
            installation.project("p")
        assert "\n" not in str(error.value)
        assert installation.namespaces.list("project") == []  # type: ignore[arg-type] # an equal word
        other.execute("COMMIT")
    installation.project("p")


def test_last_uses_are_in_a_file_of_their_own(installation: Installation) -> None:
    """Writing them leaves the file that is remembered alone; both are closed to others."""
    use = LastUse(NOW, "192.0.2.1", "container_registry")
    file = Path(installation.database.label)
    before = file.read_bytes()
    LastUses(installation.database).write({(CallerKind.DEPLOY_TOKEN, 1): use})
    assert file.read_bytes() == before
    assert not file.with_name(f"{file.name}-wal").exists()
    assert last_uses_file(installation).stat().st_mode & 0o777 == 0o600


def test_file_of_the_last_uses_may_be_lost(installation: Installation) -> None:
    """It is made again, also while the server runs; what was in it is not known any more."""
    last_uses = LastUses(installation.database)
    use = LastUse(NOW, "192.0.2.1", "container_registry")
    last_uses.write({(CallerKind.DEPLOY_TOKEN, 1): use})
    last_uses_file(installation).unlink()
    last_uses.write({(CallerKind.DEPLOY_TOKEN, 2): use})
    assert last_uses.of(CallerKind.DEPLOY_TOKEN, [1, 2]) == {2: use}
    assert last_uses_file(installation).stat().st_mode & 0o777 == 0o600
