"""The wheels that an image of registry-auth is built from, downloaded before, so that the build needs no network."""

import hashlib
import os
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.e2e.peers.availability import REPOSITORY
from tests.e2e.peers.processes import run

_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--only-binary", ":all:")


def locked_wheels() -> Path:
    """Return a directory with the wheels of requirements.lock and of the build's requirements, for this interpreter.

    pip compares them with the hashes of the lock file. They are kept for the next run.
    """
    lock, project = REPOSITORY / "requirements.lock", REPOSITORY / "pyproject.toml"
    build = tomllib.loads(project.read_text())["build-system"]["requires"]
    contents = hashlib.sha256(lock.read_bytes() + repr(build).encode()).hexdigest()
    directory = REPOSITORY / ".tools" / f"wheels-{sys.implementation.cache_tag}-{contents[:12]}"
    if not directory.is_dir():
        _download(lock, build, directory)
    return directory


def _download(lock: Path, build: list[str], directory: Path) -> None:
    directory.parent.mkdir(exist_ok=True)
    # pip has to find the index and its certificate as it did when the tests were installed: with the same environment.
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix="wheels-new-") as new:
        wheels = Path(new, "wheels")
        run([*_PIP, "--dest", wheels, "--require-hashes", "--requirement", lock], env=os.environ, timeout=250).check()
        run([*_PIP, "--dest", wheels, "--no-deps", *build], env=os.environ).check()
        wheels.rename(directory)
