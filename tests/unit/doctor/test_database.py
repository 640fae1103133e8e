"""The doctor on the database: one that is wrong in one way for each finding."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from registry_auth.doctor.database import examine_database
from registry_auth.doctor.findings import Finding, Severity
from registry_auth.settings import Settings
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.token_secrets import ServerSecret
from tests.unit.installation import NOW, Installation
from tests.unit.stores import TriedStore

SECRET = ServerSecret(b"\0" * 32, NOW)


def examine(settings: Settings, *server_secrets: ServerSecret) -> tuple[Severity, str]:
    """Let the doctor look at the database; give the severity of its one finding, and what it says."""
    (finding,) = examine_database(settings, server_secrets, NOW)
    return finding.severity, text_of(finding)


def text_of(finding: Finding) -> str:
    """Give all that a finding says."""
    return f"{finding.check}: {finding.seen} {finding.meaning} {finding.remedy}"


def test_sound_database_is_fine(installation: Installation) -> None:
    """It is named, without a password, and nothing is said of tokens whose server secrets are there."""
    installation.project("p")
    installation.token("p")
    severity, said = examine(installation.settings, *installation.keys.server_secrets())
    assert severity is Severity.FINE
    assert f"database: {installation.database.label} is reached, has the tables of this version, and can be changed." in said


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ("", "has schema none, this version needs"),
        ("CREATE TABLE x (id INTEGER)", "holds the tables of another program"),
        ("CREATE TABLE alembic_version (version_num VARCHAR(32))", "has schema none, this version needs"),
        ("CREATE TABLE alembic_version AS SELECT '0001' AS version_num", "has schema 0001, this version needs"),
        ("CREATE TABLE alembic_version AS SELECT '9999' AS version_num", "which this version does not know: a newer registry-auth made it"),
    ],
)
def test_schema_of_another_version_is_named(bare_store: TriedStore, schema: str, sentence: str) -> None:
    """The doctor migrates nothing; it names what does."""
    with bare_store.database.transaction() as session:
        session.execute(text(schema or "SELECT 1"))
    severity, said = examine(Settings(**bare_store.settings))
    assert severity is Severity.BROKEN
    assert sentence in said
    assert "`registry-auth database check`" in said


def test_database_that_cannot_be_used_is_named(installation: Installation) -> None:
    """The sentence says what to look at."""
    installation.store.take_away()
    severity, said = examine(installation.settings, SECRET)
    assert severity is Severity.BROKEN
    assert " cannot be used: " in said
    assert "REGISTRY_AUTH_DATABASE_URL" in said


@pytest.mark.one_store("the server is another one")
def test_password_is_not_shown() -> None:
    """Where no PostgreSQL answers, the sentence has the address without the password."""
    severity, said = examine(Settings(database_url="postgresql+psycopg://user:hidden@127.0.0.1:1/registry_auth"))
    assert severity is Severity.BROKEN
    assert "The database registry_auth at 127.0.0.1:1 cannot be used: " in said
    assert "hidden" not in said


@pytest.mark.one_store("it is about a file")
def test_missing_file_is_named_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who runs the doctor in the wrong place sees where it looked."""
    monkeypatch.chdir(tmp_path)
    severity, said = examine(Settings(database_url="sqlite:///data/registry-auth.db"), SECRET)
    assert severity is Severity.BROKEN
    assert f"There is no database yet: {tmp_path}/data/registry-auth.db is missing." in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.one_store("it is about a file")
def test_file_that_cannot_be_reached_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory that this user may not enter, it may be there or not."""
    denied = PermissionError(13, "Permission denied")

    def exists(_path: Path) -> bool:
        raise denied

    monkeypatch.setattr(Path, "exists", exists)
    severity, said = examine(Settings(database_url=f"sqlite:///{tmp_path}/registry-auth.db"))
    assert severity is Severity.BROKEN
    assert "registry-auth.db cannot be made (Permission denied): make its directory writable for this user" in said


@pytest.mark.one_store("on PostgreSQL a lock is another thing")
def test_database_that_cannot_be_changed_is_named(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be read but not written is broken too."""
    monkeypatch.setattr("registry_auth.database.sqlite._BUSY_TIMEOUT", 20)
    with closing(sqlite3.connect(installation.database.label, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        severity, said = examine(installation.settings, SECRET)
    assert severity is Severity.BROKEN
    assert "database is locked" in said


@pytest.mark.one_store("it is about files")
def test_no_file_is_made(installation: Installation) -> None:
    """Beside the database there is nothing that was not there before."""
    before = sorted(Path(installation.database.label).parent.iterdir())
    examine(installation.settings)
    assert sorted(Path(installation.database.label).parent.iterdir()) == before


@pytest.mark.parametrize(("newer", "severity"), [(0, Severity.BROKEN), (2, Severity.WARNING)])
def test_tokens_of_a_lost_server_secret_are_counted(installation: Installation, newer: int, severity: Severity) -> None:
    """Some that are refused are a warning, all are a broken installation; without any key nothing can be said of them."""
    installation.project("p")
    installation.token("p")
    installation.personal_token(installation.user("alice"))
    (lost,) = installation.keys.server_secrets()
    KeyChanges(installation.keys.directory).rotate_server_secret(NOW + timedelta(hours=1))
    installation.clock.advance(hours=2)
    for _ in range(newer):
        installation.token("p")
    (left,) = [each for each in installation.keys.server_secrets() if each.id != lost.id]
    database, tokens = examine_database(installation.settings, [left], installation.clock())
    assert database.severity is Severity.FINE
    assert tokens.severity is severity
    sentence = f"token secrets: 2 of {2 + newer} token secrets were stored with a server secret that is not in the key directory."
    assert sentence in text_of(tokens)
    assert "Bring the lost private/server-secret-*.key back" in text_of(tokens)
    assert len(examine_database(installation.settings, [], NOW)) == 1
    assert len(examine_database(installation.settings, [left, lost], NOW)) == 1
