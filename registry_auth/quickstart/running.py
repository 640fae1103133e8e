"""Runs the token server and the registry side by side until one of them or the user ends it."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from registry_auth.errors import ConfigurationError

_GRACE = 10  # seconds that a process gets to end by itself
_POLL = 0.1  # seconds


class Running:
    """A program that was started, and the file that holds what it prints (None: the terminal)."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path | None) -> None:
        self.name = name
        self._process = process
        self._log = log

    def check_alive(self) -> None:
        """Raise ConfigurationError when it has ended."""
        status = self._process.poll()
        if status is None:
            return
        last = self._log.read_text(errors="replace").strip().splitlines()[-3:] if self._log else []
        raise ConfigurationError("\n  ".join([f"{self.name} ended with status {status}.", *last]))


@contextmanager
def started(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path | None = None) -> Iterator[Running]:
    """Start a program and stop it at the end."""
    with log.open("wb") if log else _terminal() as output:
        # In a group of its own: Ctrl-C reaches this process alone, which then ends the programs one by one.
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0)
        try:
            yield Running(name, process, log)
        finally:
            process.terminate()
            try:
                process.wait(_GRACE)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                os.killpg(process.pid, signal.SIGKILL)  # with its own children
                process.wait()


@contextmanager
def _terminal() -> Iterator[None]:
    yield None


def wait_until(ready: Callable[[], bool], program: Running, timeout: float) -> None:
    """Wait until the program serves. Raises ConfigurationError when it ends before, or not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not ready():
        program.check_alive()
        if time.monotonic() > deadline:
            raise ConfigurationError(f"{program.name} did not start within {timeout:.0f} seconds.")
        time.sleep(_POLL)


def wait_for_end(programs: Sequence[Running]) -> None:
    """Wait for ever; raises ConfigurationError when one of the programs ends."""
    while True:
        for program in programs:
            program.check_alive()
        time.sleep(_POLL)


def answers(url: str, status: int) -> bool:
    """Say whether a GET of the address is answered with this status."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own http address
            return bool(response.status == status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code == status
    except OSError:
        return False
