"""What the unit tests share: stores of both kinds, an installation for each test, and hypothesis without a deadline."""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

from registry_auth.accounts import passwords
from registry_auth.cli import _COMMANDS
from tests.e2e.peers.availability import require
from tests.e2e.peers.postgresql import PostgresCluster
from tests.unit.hasher import WatchedHasher
from tests.unit.installation import DATABASE_FILE, KEYS_DIR, Installation, copy_database, copy_installation, make_template
from tests.unit.stores import POSTGRESQL, SQLITE, PostgresDatabase, SqliteFile, TriedStore, make_logins_cheap

# A busy machine is no bug: the tests assert behaviour and never speed. Searching for new examples is for the developer's machine.
settings.register_profile("unit", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("unit")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and import all commands: one imported while a test has another clock would keep that."""
    for module, _ in _COMMANDS.values():
        import_module(module)
    config.addinivalue_line("markers", "one_store(reason): run on SQLite alone, because the store has no part in what is tested")
    config.addinivalue_line("markers", "both_stores: run on both, in a module that is marked one_store")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that has a store on both kinds, unless it or its module is marked `one_store`; the nearest marker counts."""
    marks = [mark.name for mark in metafunc.definition.iter_markers() if mark.name in {"one_store", "both_stores"}]
    if "store_kind" in metafunc.fixturenames and marks[:1] != ["one_store"]:
        metafunc.parametrize("store_kind", [SQLITE, POSTGRESQL], indirect=True)


@pytest.fixture
def store_kind(request: pytest.FixtureRequest) -> str:
    """Say which kind of store the test runs on."""
    kind: str = getattr(request, "param", SQLITE)
    return kind


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    """Run PostgreSQL, once a test needs it."""
    require("postgres", "initdb")
    with PostgresCluster(tmp_path_factory.mktemp("postgresql")) as cluster:
        make_logins_cheap(cluster)
        yield cluster


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: PostgresCluster) -> Iterator[PostgresDatabase]:
    """Make the database that is emptied for each test."""
    database = PostgresDatabase(postgresql)
    yield database
    database.close()


@pytest.fixture(scope="session")
def bare_postgresql(postgresql: PostgresCluster) -> Iterator[PostgresDatabase]:
    """Make the database that is without tables for each test."""
    database = PostgresDatabase(postgresql)
    yield database
    database.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the files of a new installation once."""
    root = tmp_path_factory.mktemp("template")
    make_template(root)
    return root


@pytest.fixture
def store(store_kind: str, template: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TriedStore]:
    """Give a store that is migrated and empty."""
    if store_kind == POSTGRESQL:
        database: PostgresDatabase = request.getfixturevalue("migrated_postgresql")
        database.clear()
        yield database
        database.release()
    else:
        file = copy_database(template, tmp_path / "data" / DATABASE_FILE)
        yield file
        file.release()


@pytest.fixture
def bare_store(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TriedStore]:
    """Give a store without tables; of SQLite there is not even a file."""
    if store_kind == POSTGRESQL:
        database: PostgresDatabase = request.getfixturevalue("bare_postgresql")
        database.wipe()
        yield database
        database.release()
    else:
        file = SqliteFile(tmp_path / "bare" / "data" / DATABASE_FILE)
        yield file
        file.release()


@pytest.fixture
def installation(store: TriedStore, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Give a new installation whose application has the test's clock."""
    new = copy_installation(template, tmp_path / "installation", store)
    monkeypatch.setattr("registry_auth.services.utc_now", new.clock)
    yield new
    new.close()


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> WatchedHasher:
    """Watch the hash function of passwords."""
    watched = WatchedHasher(passwords._HASHER)
    monkeypatch.setattr(passwords, "_HASHER", watched)
    return watched


@pytest.fixture
def environment(store: TriedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the settings of the environment at an empty store and at keys that are not made yet, and give the directory."""
    return name_in_environment(monkeypatch, store, tmp_path)


@pytest.fixture
def bare_environment(bare_store: TriedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the settings of the environment at a place where nothing is yet, and give the directory."""
    (tmp_path / "bare").mkdir()
    return name_in_environment(monkeypatch, bare_store, tmp_path / "bare")


def name_in_environment(monkeypatch: pytest.MonkeyPatch, store: TriedStore, root: Path) -> Path:
    """Set the variables of an installation, and give its directory."""
    for name, value in store.settings.items():
        monkeypatch.setenv(f"REGISTRY_AUTH_{name.upper()}", str(value))
    monkeypatch.setenv("REGISTRY_AUTH_KEYS_DIR", str(root / KEYS_DIR))
    monkeypatch.setenv("REGISTRY_AUTH_EXTERNAL_URL", "")  # `serve` sets it for its workers; so it is put back afterwards
    return root
