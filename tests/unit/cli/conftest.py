"""What the tests of `registry-auth keys` share."""

import importlib
from pathlib import Path

import pytest

from registry_auth.signing import KeyDirectory
from tests.unit.installation import NOW, Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Set the clock of the command line."""
    clock = Clock()
    for module in ("registry_auth.cli.keys", "registry_auth.services"):
        monkeypatch.setattr(importlib.import_module(module), "utc_now", clock)
    return clock


@pytest.fixture
def directory(environment: Path) -> KeyDirectory:
    """Give the key directory that the settings name, complete."""
    directory = KeyDirectory(environment / "keys")
    directory.ready(NOW)
    return directory
