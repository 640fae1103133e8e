"""End a process together with everything it started."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from subprocess import Popen


def exit_status(process: Popen[bytes]) -> int | None:
    """Return the exit status of the leader of a group, the negative number of the signal that ended it, or None while it runs."""
    if process.returncode is not None:
        return process.returncode
    # WNOWAIT leaves the zombie, so that the id of the group stays reserved until the group has been ended.
    end = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if end is None:
        return None
    return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status


def has_ended(process: Popen[bytes]) -> bool:
    """Say whether the leader of a group has ended, a zombie counting as ended."""
    return exit_status(process) is not None


def members(group: int) -> dict[int, str]:
    """Return the processes of a group that have not ended, its leader included, with their command lines."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            state, _parent, its_group = (directory / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found[int(directory.name)] = (directory / "cmdline").read_text().replace("\0", " ").strip()
    return found


def end_group(process: Popen[bytes], grace: float) -> None:
    """Send SIGTERM to the group that `process` leads, SIGKILL once the leader has ended or after `grace` seconds."""
    if process.returncode is not None:
        return
    _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while not has_ended(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    # Children may have ignored the first signal, also where their leader obeyed it.
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
