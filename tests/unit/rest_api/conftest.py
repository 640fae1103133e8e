"""What the tests of the REST API share: an installation of each store, with somebody of every role, put back after each test."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.peers.postgresql import PostgresCluster
from tests.unit.installation import DATABASE_FILE, Installation, copy_database, copy_installation
from tests.unit.rest_api.world import World, make_world
from tests.unit.stores import PostgresDatabase


@pytest.fixture(scope="session")
def sqlite_world(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make the installation on SQLite once."""
    root = tmp_path_factory.mktemp("world")
    store = copy_database(template, root / "data" / DATABASE_FILE)
    with closing(store.database), closing(copy_installation(template, root / "installation", store)) as installation:
        yield make_served_world(installation)


@pytest.fixture(scope="session")
def postgresql_world(postgresql: PostgresCluster, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make the installation on PostgreSQL once."""
    with closing(PostgresDatabase(postgresql)) as store:
        store.clear()
        with closing(copy_installation(template, tmp_path_factory.mktemp("world") / "installation", store)) as installation:
            yield make_served_world(installation)


def make_served_world(installation: Installation) -> World:
    """Fill an installation whose application has its clock. Last uses are not written there: ids come again after a test."""
    world = make_world(installation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("registry_auth.services.utc_now", installation.clock)
        installation.app.extensions["registry_auth"].last_uses.close()
    return world


@pytest.fixture
def world(store_kind: str, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give the installation, and put it back afterwards."""
    shared: World = request.getfixturevalue(f"{store_kind}_world")
    before, now = shared.dump(), shared.installation.clock.now
    yield replace(shared)
    shared.installation.clock.now = now
    if shared.dump() != before:
        shared.restore()
