"""The key directory between processes: several at once, and one that may not write or read."""

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.values import TokenHeader
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
print(ring.authority.kid, *(key.pair.kid for key in ring.signing_keys), ring.server_secrets[0].id)
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


ROTATION = """
import sys
from datetime import datetime
from pathlib import Path
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.values import TokenHeader
changes = [KeyChanges(KeyDirectory(Path(sys.argv[1]) / header, header)) for header in TokenHeader]
print("ready", flush=True)
sys.stdin.read()
print(*(change.rotate(datetime.fromisoformat(sys.argv[2])).signing_key.pair.kid for change in changes))
"""


def test_of_rotations_at_once_one_counts(template: Path, tmp_path: Path) -> None:
    """Processes that rotate at the same moment, as a timer on two machines does, make one key and all name it, in every mode."""
    for header in TokenHeader:
        shutil.copytree(template / "keys", tmp_path / header)
    rotation = [sys.executable, "-c", ROTATION, str(tmp_path), (NOW + timedelta(days=1)).isoformat()]
    signal, start = os.pipe()
    processes = [subprocess.Popen(rotation, stdin=signal, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    os.close(signal)
    assert [process.stdout and process.stdout.readline() for process in processes] == ["ready\n"] * 2
    os.close(start)
    answers = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    rings = [KeyDirectory(tmp_path / header).loaded() for header in TokenHeader]
    assert answers == {" ".join(ring.published_keys[0].pair.kid for ring in rings) + "\n"}
    assert [len(ring.published_keys) for ring in rings] == [2, 2, 2]


def test_complete_directory_may_be_read_only(keys: Path) -> None:
    """A secret mount that cannot be written serves, as long as nothing is due."""
    close(keys)
    result = run_bound_by_modes(keys)
    ring = KeyDirectory(keys).ready(NOW)
    assert (result.stdout.split()[:2], result.stderr) == ([ring.authority.kid, ring.signing_keys[0].pair.kid], "")


def test_read_only_directory_serves_when_work_is_due(keys: Path) -> None:
    """What cannot be renewed or exported is a line on standard error with the way out, and the keys that are there are used."""
    close(keys)
    result = run_bound_by_modes(keys, "2026-09-01T00:00:00+00:00")
    assert (
        f"The key directory {keys} cannot be used (Permission denied): it has to be a directory that this user can write" in result.stderr
    )
    assert (result.returncode, result.stderr.count("\n"), len(result.stdout.split())) == (0, 1, 3)


def test_keys_of_somebody_else_are_taken_up_in_a_read_only_directory(keys: Path) -> None:
    """Also where the public files cannot be brought up to date."""
    new = KeyChanges(KeyDirectory(keys)).rotate(NOW + timedelta(days=1)).signing_key.pair.kid
    (keys / "public" / "jwks.json").write_bytes(b"of before")
    close(keys)
    result = run_bound_by_modes(keys)
    assert result.stdout.split()[1] == new
    assert result.stderr == f"The files for registries in {keys}/public are not up to date and cannot be written (Permission denied).\n"


@pytest.mark.parametrize("name", ["private", ".", "private/ca.pem"])
def test_unreadable_part_is_a_sentence(keys: Path, name: str) -> None:
    """Whatever private part of the directory this user may not read, the refusal is one line that names it."""
    (keys / name).chmod(0)
    result = run_bound_by_modes(keys)
    (keys / name).chmod(0o700)
    assert result.returncode == 1
    assert str(keys) in result.stderr
    assert "Permission denied" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["public", "public/ca.crt"])
def test_unreadable_public_part_is_told_and_survived(keys: Path, name: str) -> None:
    """Tokens can be signed without it; what registries get may be wrong, so it is said."""
    (keys / name).chmod(0)
    result = run_bound_by_modes(keys)
    (keys / name).chmod(0o700)
    assert (result.returncode, result.stderr.count("\n")) == (0, 1)
    assert f"{keys}/public are not up to date and cannot be written (Permission denied)" in result.stderr
