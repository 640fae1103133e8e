"""What a tree of processes has used, read from the kernel, and what one signature costs."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one process: resident, and its proportional share of what it has in common with others, where that can be read."""

    resident: int
    proportional: int | None


def tree(root: int) -> frozenset[int]:
    """Give a process and all its descendants."""
    parents, found = dict(_parents()), {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return frozenset(found)


def used(pids: Collection[int]) -> Mapping[int, float]:
    """Give the CPU seconds, of user and kernel, that each process has used since it began."""
    seconds = {}
    for pid in pids:
        with suppress(OSError):  # it ended meanwhile
            # The clock that clock_getcpuclockid(3) names. /proc/PID/stat has the same in steps of 10 ms, too coarse for a short round.
            seconds[pid] = time.clock_gettime((~pid << 3) | 2)
    return seconds


def used_between(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """Give the CPU seconds between two readings, with those of processes that have begun between them."""
    return sum(seconds - before.get(pid, 0) for pid, seconds in after.items())


def memory(pid: int) -> Memory:
    """Give what a process holds."""
    with suppress(OSError):
        sizes = _sizes(Path(f"/proc/{pid}/smaps_rollup"))
        return Memory(sizes["Rss"], sizes["Pss"])
    return Memory(_sizes(Path(f"/proc/{pid}/status"))["VmRSS"], None)


def signature_seconds(signatures: int) -> float:
    """Give the CPU seconds that one raw P-256 signature takes in this process."""
    key, algorithm, text = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256()), b"x" * 500
    began = time.process_time()
    for _ in range(signatures):
        key.sign(text, algorithm)
    return (time.process_time() - began) / signatures


def _parents() -> Iterator[tuple[int, int]]:
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            yield int(directory.name), int((directory / "stat").read_text().rpartition(")")[2].split()[1])


def _sizes(path: Path) -> Mapping[str, int]:
    rows = (line.split() for line in path.read_text().splitlines() if line.endswith(" kB"))
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows}
