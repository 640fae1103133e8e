"""What the tests of the keys share."""

import os
import shutil
from pathlib import Path

import pytest

from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from tests.unit.installation import KEYS_DIR, Clock


@pytest.fixture(autouse=True)
def _no_power_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for the disk: key files are many here, and no test cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> KeyDirectory:
    """Give a complete key directory."""
    return KeyDirectory(Path(shutil.copytree(template / KEYS_DIR, tmp_path / KEYS_DIR)))


@pytest.fixture
def changes(directory: KeyDirectory) -> KeyChanges:
    """Give what changes the keys of a complete directory."""
    return KeyChanges(directory)
