"""Stop and continue processes, so that what talks to them waits."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from .processes import wait_until


def suspend(parent: int) -> None:
    """Return when the process and its children have stopped."""
    # The parent first: then there are no further children.
    _suspend(parent)
    for child in _children(parent):
        _suspend(child)


def resume(parent: int) -> None:
    """Let the process and its children go on."""
    for process in (*_children(parent), parent):
        _signal(process, signal.SIGCONT)


def _suspend(process: int) -> None:
    _signal(process, signal.SIGSTOP)
    wait_until(lambda: _state(process) in "TZX", f"process {process} to stop")


def _children(parent: int) -> list[int]:
    with suppress(OSError):  # it has ended
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return []


def _state(process: int) -> str:
    with suppress(OSError):  # it has ended
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return "X"


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)
