"""Copying an installation from SQLite to PostgreSQL."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from registry_auth.database import Database, copy_to_postgresql, migrate
from registry_auth.deploy_tokens.service import DeployTokens, Issued
from registry_auth.errors import ConfigurationError, ConflictError
from registry_auth.last_use import LastUse, LastUses
from registry_auth.namespaces.service import Namespaces
from registry_auth.values import CallerKind, NamespaceKind, Role
from tests.unit.cli.command_line import run
from tests.unit.installation import NOW, Installation
from tests.unit.stores import PostgresDatabase

pytestmark = pytest.mark.one_store("the source is SQLite, the target PostgreSQL")

USE = LastUse(NOW, "192.0.2.1", "container_registry")


@pytest.fixture
def target(bare_postgresql: PostgresDatabase) -> Iterator[PostgresDatabase]:
    """Give a PostgreSQL without tables."""
    bare_postgresql.wipe()
    yield bare_postgresql
    bare_postgresql.release()


@pytest.fixture
def token(installation: Installation) -> Issued:
    """Fill every table of the source, and give a token; the highest ids belong to what is deleted."""
    installation.project("group/sub/project")
    user = installation.user("Ada", password="a long password", is_administrator=True)
    installation.member("group", user, Role.OWNER, kind=NamespaceKind.GROUP)
    installation.personal_token(user)
    token = installation.token("group/sub/project", expires_at=date(2030, 1, 1))
    installation.deploy_tokens.rotate(token.token.id)
    issued = installation.deploy_tokens.rotate(token.token.id)
    installation.deploy_tokens.delete(installation.token("group/sub/project").token.id)
    installation.project("gone")
    installation.namespaces.delete(NamespaceKind.PROJECT, "gone")
    LastUses(installation.database).write({(CallerKind.DEPLOY_TOKEN, issued.token.id): USE})
    return issued


def test_everything_is_copied(installation: Installation, token: Issued, target: PostgresDatabase) -> None:
    """All rows are there with their ids, the secret is found, and its last use is known."""
    counts = copy_to_postgresql(installation.database, target.database)
    source, copied = installation.store.dump(), target.dump()
    assert all(counts.values())
    assert {table: len(rows) for table, rows in copied.items()} | {"last_uses": 1} == counts
    assert {table: [row[0] for row in rows] for table, rows in copied.items()} == {
        table: sorted(row[0] for row in source[table]) for table in copied
    }
    theirs, ours = (
        DeployTokens(database, installation.digester, installation.clock).list() for database in (target.database, installation.database)
    )
    assert [vars(each.owner)["path"] for each in theirs] == [each.owner.path for each in ours]
    assert [(each.id, each.name, each.username, each.scopes, each.expires_at, each.created_at) for each in theirs] == [
        (each.id, each.name, each.username, each.scopes, each.expires_at, each.created_at) for each in ours
    ]
    assert LastUses(target.database).of(CallerKind.DEPLOY_TOKEN, [token.token.id]) == {token.token.id: USE}


def test_ids_that_were_used_stay_used(installation: Installation, token: Issued, target: PostgresDatabase) -> None:
    """A token in flight names its credential by id: what is made at the target gets a higher one than anything ever had."""
    copy_to_postgresql(installation.database, target.database)
    tokens = DeployTokens(target.database, installation.digester, installation.clock)
    made = tokens.create(NamespaceKind.PROJECT, "group/sub/project", name="token", scopes=token.token.scopes).token
    assert made.id == token.token.id + 2
    again = Namespaces(target.database, installation.clock).create(NamespaceKind.PROJECT, "gone", reuse_path=True).namespace
    assert again.id == installation.namespaces.create(NamespaceKind.PROJECT, "gone", reuse_path=True).namespace.id


@pytest.mark.usefixtures("token")
def test_target_that_holds_something_is_left_alone(installation: Installation, target: PostgresDatabase) -> None:
    """Copying twice, or into an installation that is in use, is refused and changes nothing."""
    copy_to_postgresql(installation.database, target.database)
    before = target.dump()
    with pytest.raises(ConflictError, match="namespaces at the target holds rows already"):
        copy_to_postgresql(installation.database, target.database)
    assert target.dump() == before


@pytest.mark.usefixtures("token")
def test_failure_leaves_an_empty_target(installation: Installation, target: PostgresDatabase) -> None:
    """It is all or nothing: what cannot be read in the last table undoes those before it."""
    migrate(target.database)
    with installation.database.reading() as connection:
        connection.execute(text("UPDATE deploy_token_secrets SET created_at = 'never'"))
    with pytest.raises(ValueError, match="never"):
        copy_to_postgresql(installation.database, target.database)
    assert not any(target.dump().values())


def test_target_has_to_be_a_postgresql(installation: Installation, tmp_path: Path) -> None:
    """Another file is none."""
    with Database(f"sqlite:///{tmp_path / 'other.db'}") as other, pytest.raises(ConfigurationError, match="REGISTRY_AUTH_DATABASE_URL"):
        copy_to_postgresql(installation.database, other)


def test_source_has_to_be_up_to_date(tmp_path: Path, target: PostgresDatabase) -> None:
    """A file without the tables of this version is named, and the target stays as it is."""
    with Database(f"sqlite:///{tmp_path / 'empty.db'}") as empty, pytest.raises(ConfigurationError, match=r"empty\.db has schema none"):
        copy_to_postgresql(empty, target.database)


@pytest.mark.usefixtures("token")
def test_command(installation: Installation, target: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how much it copied, from where to where, and not the password."""
    monkeypatch.setenv("REGISTRY_AUTH_DATABASE_URL", target.url)
    said = run("database", "copy", "--from", installation.database.label).stdout
    assert "        3 deploy token secrets\n" in said
    assert said.endswith(f"Copied {installation.database.label} to the database {target.database.label}.\n")
    assert run("database", "check").stdout == f"The database {target.database.label} is up to date.\n"
