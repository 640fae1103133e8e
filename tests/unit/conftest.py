"""What the unit tests share: an installation for each test, and hypothesis without a deadline."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from registry_auth.accounts import passwords
from tests.unit.hasher import WatchedHasher
from tests.unit.installation import Installation, copy_installation, make_template

# A busy machine is no bug: the tests assert behaviour and never speed. Searching for new examples is for the developer's machine.
settings.register_profile("unit", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("unit")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the files of a new installation once."""
    root = tmp_path_factory.mktemp("template")
    make_template(root)
    return root


@pytest.fixture
def installation(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Give a new installation whose application has the test's clock."""
    new = copy_installation(template, tmp_path / "installation")
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
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the settings of the environment at a directory where nothing is yet, and give the directory."""
    monkeypatch.setenv("REGISTRY_AUTH_DATABASE_URL", f"sqlite:///{tmp_path / 'data' / 'registry-auth.db'}")
    monkeypatch.setenv("REGISTRY_AUTH_KEYS_DIR", str(tmp_path / "keys"))
    monkeypatch.setenv("REGISTRY_AUTH_EXTERNAL_URL", "")  # `serve` sets it for its workers; so it is put back afterwards
    return tmp_path
