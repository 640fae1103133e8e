"""The key directory between processes: several at once, and one that may not write or read."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from registry_auth.signing import KeyDirectory
from tests.unit.installation import NOW

CODE = """
import sys
from datetime import datetime
from pathlib import Path
from registry_auth.errors import ConfigurationError
from registry_auth.signing import KeyDirectory
try:
    ring = KeyDirectory(Path(sys.argv[1])).ready(datetime.fromisoformat(sys.argv[2]))
except ConfigurationError as error:
    sys.exit(str(error))
print(ring.authority.kid, *(key.pair.kid for key in ring.signing_keys), ring.server_secret.id)
"""


def command(path: Path, when: str = NOW.isoformat()) -> list[str]:
    """Give the command line of a process that opens the key directory."""
    return [sys.executable, "-c", CODE, str(path), when]


def run_bound_by_modes(path: Path, when: str = NOW.isoformat()) -> subprocess.CompletedProcess[str]:
    """Open the directory in a process that permission bits bind, which they do not bind root."""
    prefix = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root ignores permission bits, and setpriv (util-linux) is not there to change that")
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    return subprocess.run([*prefix, *command(path, when)], capture_output=True, text=True, check=False)


@pytest.fixture
def keys(template: Path, tmp_path: Path) -> Path:
    """Give a complete key directory whose modes are mended afterwards, so that it can be removed."""
    return Path(shutil.copytree(template / "keys", tmp_path / "keys"))


def close(path: Path) -> None:
    """Take the right to write away from everything."""
    for each in (*path.rglob("*"), path):
        each.chmod(each.stat().st_mode & ~0o222)


def test_processes_at_once_make_one_ring(tmp_path: Path) -> None:
    """Servers that start together on a new directory agree on CA, signing key and server secret."""
    processes = [subprocess.Popen(command(tmp_path / "keys"), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 3
    assert len(answers) == 1
    assert len(answers.pop().split()) == 3


def test_complete_directory_may_be_read_only(keys: Path) -> None:
    """A secret mount that cannot be written serves, as long as nothing is due."""
    close(keys)
    result = run_bound_by_modes(keys)
    ring = KeyDirectory(keys).ready(NOW)
    assert (result.stdout.split()[:2], result.stderr) == ([ring.authority.kid, ring.signing_keys[0].pair.kid], "")


@pytest.mark.parametrize("when", ["2026-09-01T00:00:00+00:00", "2026-07-01T12:00:00+00:00"], ids=["renewal due", "export missing"])
def test_read_only_directory_is_named_when_work_is_due(keys: Path, when: str) -> None:
    """What cannot be renewed or exported is a sentence with the way out, in one line."""
    if when.startswith("2026-07"):
        (keys / "public" / "ca.crt").unlink()
    close(keys)
    result = run_bound_by_modes(keys, when)
    assert result.returncode == 1
    assert f"The key directory {keys} cannot be used (Permission denied)" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["private", ".", "private/ca.pem", "public", "public/ca.crt"])
def test_unreadable_part_is_a_sentence(keys: Path, name: str) -> None:
    """Whatever part of the directory this user may not read, the refusal is one line that names it."""
    (keys / name).chmod(0)
    result = run_bound_by_modes(keys)
    (keys / name).chmod(0o700)
    assert result.returncode == 1
    assert str(keys) in result.stderr
    assert "Permission denied" in result.stderr
    assert result.stderr.count("\n") == 1
