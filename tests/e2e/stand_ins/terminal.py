"""A stand-in for a terminal: a session of processes, which are interrupted together and which the test can count."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.e2e.peers.processes import Command, Server, wait_until


class Terminal(Server):
    """A program started in a directory as from a terminal, in a session of its own."""

    def __init__(self, directory: Path, command: Command, *, env: Mapping[str, str], log: Path) -> None:
        # Who runs the tests in the background may have them ignore Ctrl-C; what a terminal starts does not.
        super().__init__(["/usr/bin/env", f"--chdir={directory}", "--default-signal=INT", *command], env=env, log=log)

    def press_ctrl_c(self, within: float = 8) -> None:
        """Interrupt every process as the terminal does. Raises TimeoutError when one is still there after so many seconds."""
        os.killpg(self.pid, signal.SIGINT)
        wait_until(lambda: not self.processes(), "the end of every process", timeout=within)

    def stop(self, grace: float = 5) -> None:
        """End the program and whatever is left of its session, which may have process groups of its own in it."""
        super().stop(grace)
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self) -> dict[int, str]:
        """Give the processes of the session that have not ended, with their command lines."""
        found = {}
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):
                # After the name, which may hold anything: state, parent, process group, session (proc(5)).
                state, _, _, session = (directory / "stat").read_text().rpartition(")")[2].split()[:4]
                if session == str(self.pid) and state != "Z":
                    found[int(directory.name)] = (directory / "cmdline").read_text().replace("\0", " ")
        return found
