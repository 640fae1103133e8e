"""The version of an SQLite file: another number after the commit of anybody else."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry_auth.database.data_version import DataVersion
from registry_auth.last_use import LastUse, LastUses
from registry_auth.values import CallerKind, NamespaceKind
from tests.unit.installation import Installation

pytestmark = pytest.mark.one_store("it is about SQLite")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file with one table, in WAL mode as ours."""
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE things (name TEXT)")
    return tmp_path / "store.db"


@pytest.fixture
def watch(file: Path) -> Iterator[DataVersion]:
    """Watch the file."""
    with closing(DataVersion(file)) as watch:
        yield watch


def add(file: Path, commit: str = "COMMIT") -> None:
    """Write one row on a connection of its own, and end the transaction with a statement."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO things VALUES ('x')")
        connection.execute(commit)


def test_sqlite_does_not_tell_a_connection_of_its_own_changes(file: Path) -> None:
    """This is why the version is asked on a connection that writes nothing."""
    with closing(sqlite3.connect(file, isolation_level=None)) as one, closing(sqlite3.connect(file)) as other:
        before = [each.execute("PRAGMA data_version").fetchone()[0] for each in (one, other)]
        one.execute("INSERT INTO things VALUES ('x')")
        after = [each.execute("PRAGMA data_version").fetchone()[0] for each in (one, other)]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_every_commit_is_another_version(file: Path, watch: DataVersion) -> None:
    """Each is seen at once, and without one the version stays."""
    versions = [watch.version()]
    for _ in range(5):
        add(file)
        versions.append(watch.version())
        assert watch.version() == versions[-1]
    assert None not in versions
    assert len(set(versions)) == 6


def test_rollback_is_none(file: Path, watch: DataVersion) -> None:
    """What was not committed has changed nothing."""
    before = watch.version()
    add(file, "ROLLBACK")
    assert watch.version() == before


def test_commit_of_another_process_is_seen(file: Path, watch: DataVersion) -> None:
    """The command line and other workers change the file too."""
    before = watch.version()
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('INSERT INTO things VALUES (1)'); c.commit()"
    subprocess.run([sys.executable, "-c", code, file], check=True)
    assert watch.version() != before


def test_watch_cannot_change_the_file(watch: DataVersion) -> None:
    """Its connection only reads."""
    watch.version()
    assert watch._connection is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        watch._connection.execute("DELETE FROM things")


def test_watch_does_not_keep_writers_waiting(file: Path, watch: DataVersion) -> None:
    """Asking leaves no lock behind: the file can be locked, and its journal be emptied."""
    watch.version()
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("INSERT INTO things VALUES ('x')")
        assert watch.version() is not None
        connection.execute("COMMIT")
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def test_program_s_own_changes_are_seen(installation: Installation) -> None:
    """Each transaction of this process counts as anybody's, whichever connection it had; a look-up and a last use are no change."""
    with closing(DataVersion(Path(installation.database.label))) as watch:
        versions = [watch.version()]
        for name in ("a", "b", "c"):
            installation.project(name)
            versions.append(watch.version())
        assert len(set(versions)) == 4
        installation.projects.owners(["a"])
        installation.namespaces.list(NamespaceKind.PROJECT)
        use = LastUse(datetime.now(UTC), "192.0.2.1", "container_registry")
        LastUses(installation.database).write({(CallerKind.DEPLOY_TOKEN, 1): use})
        assert watch.version() == versions[-1]


def test_file_that_cannot_be_read_has_no_version(file: Path, watch: DataVersion, tmp_path: Path) -> None:
    """Nothing that was read earlier may be used then; once the file can be read, there is a version again."""
    with closing(DataVersion(tmp_path)) as directory, closing(DataVersion(tmp_path / "missing" / "x.db")) as missing:
        assert (directory.version(), missing.version()) == (None, None)
    content = file.read_bytes()
    file.write_bytes(b"no database " * 1_000)
    assert watch.version() is None
    file.write_bytes(content)
    assert watch.version() is not None


def test_closed_watch_opens_again(watch: DataVersion) -> None:
    """Closing gives the file up; a question afterwards opens it anew, and closing twice does no harm."""
    assert watch.version() is not None
    watch.close()
    watch.close()
    assert watch.version() is not None
