"""Start servers and run clients so that nothing of them outlives a test."""

import os
import random
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, TimeoutExpired
from typing import Self

from .process_group import end_group, exit_status, has_ended, members

Command = Sequence[str | Path]

# Below Linux' ephemeral ports (32768 up): there, a client that polls a port not yet open can be given that very port as
# its own source port, connect to itself, and keep the server from binding.
_PORTS = range(20000, 32000)
_LOG_TAIL = 3000
_issued: set[int] = set()


class ServerDiedError(RuntimeError):
    """A server ended although it was still needed; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A client that ran to its end; `output` is what it wrote to stdout and stderr, in the order of writing."""

    command: tuple[str, ...]
    returncode: int
    output: str

    def check(self) -> Self:
        """Return itself; raise AssertionError with command and output unless the exit code is 0."""
        if self.returncode:
            raise AssertionError(f"{' '.join(self.command)}: exit code {self.returncode}\n{self.output}")
        return self


def clean_environment(home: Path, **extra: str) -> dict[str, str]:
    """Return PATH, HOME and LANG, plus `extra`, and create the directory `home`.

    Nothing else is inherited: a REGISTRY_AUTH_FILE meant for podman stops a registry from starting.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", **extra}


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nobody listens, never the same one twice in a test run."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            if port not in _issued:
                _issued.add(port)
                return port


class Server:
    """A server running in a process group of its own, its output appended to a file."""

    def __init__(self, command: Command, *, env: Mapping[str, str], log: Path) -> None:
        self.command = tuple(str(part) for part in command)
        self.log_path = log
        with log.open("ab") as output:
            self._process = Popen(self.command, stdin=DEVNULL, stdout=output, stderr=STDOUT, env=env, start_new_session=True)
        self.pid = self._process.pid

    def log_text(self) -> str:
        """Return everything the server has written so far."""
        return self.log_path.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        """Say whether the process still runs; a zombie does not."""
        return not has_ended(self._process)

    @property
    def exit_status(self) -> int | None:
        """The exit status, negative for a signal, or None while the process runs."""
        return exit_status(self._process)

    def group(self) -> dict[int, str]:
        """Return the running processes of the server's group, itself included, with their command lines."""
        return members(self.pid)

    def check_alive(self) -> None:
        """Raise ServerDiedError unless the server still runs."""
        if not self.alive:
            raise ServerDiedError(f"{' '.join(self.command)} ended; its log:\n{self.log_text()[-_LOG_TAIL:]}")

    def stop(self, grace: float = 5) -> None:
        """End the whole process group: SIGTERM, and SIGKILL after `grace` seconds. A second call does nothing."""
        end_group(self._process, grace)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def run(command: Command, *, env: Mapping[str, str], stdin: bytes | None = None, timeout: float = 60) -> Finished:
    """Run a client to its end; raise TimeoutError after `timeout` seconds, with nothing left of it."""
    words = tuple(str(part) for part in command)
    source = DEVNULL if stdin is None else PIPE
    with Popen(words, stdin=source, stdout=PIPE, stderr=STDOUT, env=env, start_new_session=True) as process:
        try:
            output, _ = process.communicate(stdin, timeout)
        except TimeoutExpired as slow:
            said = (slow.output or b"").decode(errors="replace")
            raise TimeoutError(f"{' '.join(words)}: not done after {timeout} s\n{said}") from None
        finally:
            end_group(process, grace=0)
    return Finished(words, process.returncode, output.decode(errors="replace"))


def wait_until(predicate: Callable[[], bool], what: str, *, timeout: float = 10, server: Server | None = None) -> None:
    """Return as soon as `predicate` holds; raise TimeoutError naming `what`, or ServerDiedError if the server ended."""
    deadline = time.monotonic() + timeout
    while not predicate():
        if server is not None:
            server.check_alive()
        if time.monotonic() > deadline:
            log = "" if server is None else f"; log of {server.command[0]}:\n{server.log_text()[-_LOG_TAIL:]}"
            raise TimeoutError(f"{what}: not within {timeout} s{log}")
        time.sleep(0.02)


def wait_for_port(host: str, port: int, server: Server, timeout: float = 10) -> None:
    """Return when `server` accepts connections on the port; raise as `wait_until` does."""
    wait_until(lambda: _accepts(host, port), f"port {port} of {host}", timeout=timeout, server=server)
    # Somebody else may have the port: then the server is on its way out with "address already in use".
    server.check_alive()


def _accepts(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False
