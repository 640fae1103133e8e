"""What the tests of the REST API share: one installation with somebody of every role, which is put back after each test."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.installation import copy_installation
from tests.unit.rest_api.world import World, make_world


@pytest.fixture(scope="session")
def shared_world(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make the installation once, with an application that has its clock."""
    installation = copy_installation(template, tmp_path_factory.mktemp("world") / "installation")
    world = make_world(installation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("registry_auth.services.utc_now", installation.clock)
        assert installation.app is not None
    yield world
    installation.close()


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """Give the installation, and put it back afterwards."""
    before, now = shared_world.dump(), shared_world.installation.clock.now
    yield replace(shared_world)
    shared_world.installation.clock.now = now
    if shared_world.dump() != before:
        shared_world.restore()
