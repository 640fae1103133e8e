"""A command that changes keys is killed at each of its steps: servers go on, and whoever runs it again gets what it would have made."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from registry_auth.errors import ConflictError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_exports import stale_exports

from .key_changes import signed_by_each
from .peers.availability import require
from .peers.stock_registry import REGISTRIES, StockRegistry
from .registry_calls import list_tags
from .secret_search import check_nothing_secret
from .signing_keys import let_pass, self_signed
from .token_server import Token, TokenServer
from .workers import lines_to_workers

PROJECT = "killed/project"

_SERVE = """
from datetime import timedelta
from registry_auth.cli import main
from registry_auth.signing import current_keys
assert current_keys._LOOK_EVERY
current_keys._LOOK_EVERY = timedelta(0)
main()
"""

Work = Callable[[KeyChanges], object]


class WatchfulServer(TokenServer):
    """A server that looks into the key directory at every request, and not every few seconds."""

    _program = (sys.executable, "-c", _SERVE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchfulServer]:
    """Serve an installation whose keys are an hour old."""
    server = WatchfulServer(tmp_path_factory.mktemp("killed"))
    server.create_project(PROJECT)
    let_pass(timedelta(hours=1), server.keys)
    with server:
        yield server
    check_nothing_secret(server)


@pytest.fixture(scope="module")
def token(server: WatchfulServer) -> Token:
    """Make a token of the project."""
    return server.create_token(project=PROJECT)


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


IMPORTED = self_signed(ec.generate_private_key(ec.SECP384R1()))


def nothing(_changes: KeyChanges) -> None:
    """Change nothing."""


def rotate(changes: KeyChanges) -> None:
    """Rotate the signing key."""
    changes.rotate(now())


def rotate_authority(changes: KeyChanges) -> None:
    """Publish the next CA."""
    changes.rotate_authority(now())


def import_key(changes: KeyChanges) -> None:
    """Publish a key that was brought along."""
    changes.import_key(IMPORTED, now())


def publish_both(changes: KeyChanges) -> None:
    """Publish a key and a CA."""
    import_key(changes)
    rotate_authority(changes)


def activate(changes: KeyChanges) -> None:
    """Activate what is published."""
    changes.activate(now())


# What was done before, and what is killed.
CASES = {
    "rotate": (nothing, rotate),
    "rotate-ca": (nothing, rotate_authority),
    "import": (nothing, import_key),
    "activate-key": (import_key, activate),
    "activate-ca": (rotate_authority, activate),
    "activate-both": (publish_both, activate),
}


def completes(work: Work, keys: Path, *, killed_at: int) -> bool:
    """Do the work in a process that is killed before that change of a file, counted from one; say whether it came to its end."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            sys.addaudithook(_killing(killed_at))
            work(KeyChanges(KeyDirectory(keys)))
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status in {0, signal.SIGKILL}
    return status == 0


def _killing(step: int) -> Callable[[str, tuple[object, ...]], None]:
    """Give an audit hook that kills its process before a file is made, renamed or removed for that time (Python's audit events table)."""
    steps = count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        makes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if (makes or event in {"os.rename", "os.remove"}) and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def kinds(keys: Path) -> list[str]:
    """Say what is in the private half of a key directory; what two files hold counts once."""
    files = {path.read_bytes(): path.name for path in (keys / "private").iterdir()}
    return sorted(re.sub("-[0-9]{8}T.*", "", name) for name in files.values())


def put_back(keys: Path, saved: Path) -> None:
    """Give a key directory the content that was saved."""
    shutil.rmtree(keys)
    shutil.copytree(saved, keys)


@pytest.fixture
def keys(server: WatchfulServer, tmp_path: Path) -> Iterator[Path]:
    """Give the server's key directory, which is put back afterwards."""
    original = shutil.copytree(server.keys, tmp_path / "original")
    yield server.keys
    put_back(server.keys, original)


@pytest.mark.parametrize(("before", "change"), CASES.values(), ids=CASES)
def test_a_command_that_is_killed(server: WatchfulServer, token: Token, keys: Path, tmp_path: Path, before: Work, change: Work) -> None:
    """At each step both workers go on signing what a registry that runs accepts, and the command, run again, ends where it would have."""
    require(REGISTRIES[0].peer)
    before(KeyChanges(KeyDirectory(keys)))
    start = shutil.copytree(keys, tmp_path / "start")
    ends = []
    with StockRegistry(REGISTRIES[0], tmp_path, server.token_auth) as registry, lines_to_workers(server) as lines:

        def check_tokens() -> None:
            assert [list_tags(registry, PROJECT, jwt).status for jwt in signed_by_each(lines, token, PROJECT)] == [404] * 2

        for step in count(1):
            put_back(keys, start)
            check_tokens()
            is_over = completes(change, keys, killed_at=step)
            check_tokens()
            if not is_over:
                with suppress(ConflictError):  # it had done its work
                    change(KeyChanges(KeyDirectory(keys)))
                check_tokens()
            assert not stale_exports(KeyDirectory(keys).loaded(), keys / "public")
            ends.append(kinds(keys))
            if is_over:
                break

    assert ends == [ends[-1]] * step
    assert step > 2
    assert ends[-1] != kinds(start)
