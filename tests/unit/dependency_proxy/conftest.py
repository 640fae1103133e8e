"""Applications with a gate, for the tests of the dependency proxy."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from registry_auth.application import create_app
from registry_auth.settings import Settings
from tests.unit.dependency_proxy.door import Door
from tests.unit.installation import Installation


@pytest.fixture
def doors(installation: Installation) -> Iterator[Callable[..., Door]]:
    """Give what opens a door with settings of its own; each stands for another process with the same files."""
    opened = []

    def open_door(**changes: Any) -> Door:
        opened.append(create_app(Settings(**installation.store.settings, keys_dir=installation.keys_dir, **changes)))
        return Door(installation, opened[-1])

    yield open_door
    for app in opened:
        app.extensions["registry_auth"].close()


@pytest.fixture
def door(doors: Callable[..., Door]) -> Door:
    """Give a door with the default settings."""
    return doors()
