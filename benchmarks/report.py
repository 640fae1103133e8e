"""The tables."""

import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median

from benchmarks.cell import CLIENTS, Cell
from benchmarks.cells import BARE, HELLO
from benchmarks.cpu import Memory
from benchmarks.herd import CLIENTS as HERD
from benchmarks.herd import Herd
from benchmarks.installations import Target
from benchmarks.memory import Remembering
from benchmarks.steady import Steadiness

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured on one store; `signature` is CPU seconds in each round, `memories` by the moment, one for each worker."""

    store: str
    sizes: Sequence[int]
    cells: Mapping[str, Cell]
    signature: Sequence[float]
    starts: Sequence[Target]
    remembering: Remembering
    steadiness: Sequence[Steadiness]
    herd: Herd
    memories: Mapping[str, Sequence[Memory]]

    @property
    def loaded_megabytes(self) -> float:
        """The resident memory of the largest worker after the rounds."""
        return max(memory.resident for memory in self.memories["after the rounds"]) / _MEGABYTE


def surroundings() -> str:
    """Say what is measured, and on what."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("registry-auth", "granian", "flask", "sqlalchemy"))
    machine = f"{len(os.sched_getaffinity(0))} processors, {platform.machine()}, load {os.getloadavg()[0]:.1f} before"
    return f"{packages}, Python {platform.python_version()}; {machine}"


def tables(results: Results) -> Iterator[str]:
    """Write everything that was measured on one store."""
    yield from _costs(results)
    yield ""
    yield from _steady_load(results.steadiness)
    yield ""
    yield from _crowd(results.herd)
    yield ""
    yield from _footprint(results)


def _costs(results: Results) -> Iterator[str]:
    hello, bare, signature = results.cells[HELLO], results.cells[BARE], median(results.signature)
    yield f"{results.store}: CPU with {CLIENTS} clients, times with one; median of {len(hello.server_cpu)} rounds"
    yield f"{'':<34}{'CPU µs':>8}{'÷ hello':>9}{'÷ bare token':>14}{'÷ signature':>13}{'database ÷ hello':>18}{'p50 ms':>8}{'p99 ms':>8}"
    ratio = median(mine / its for mine, its in zip(results.signature, hello.server_cpu, strict=True))
    yield f"{'one P-256 signature':<34}{signature * 1e6:>8.0f}{ratio:>9.2f}{'':>14}{1:>13.1f}"
    for cell in results.cells.values():
        cpu = median(cell.server_cpu)
        database = "" if cell.target.database is None else f"{cell.database_over(hello):.2f}"
        costs = f"{cpu * 1e6:>8.0f}{cell.over(hello):>9.2f}{cell.over(bare):>14.2f}{cpu / signature:>13.1f}{database:>18}"
        yield f"{cell.name:<34}{costs}{cell.p50:>8.2f}{cell.p99:>8.2f}"


def _steady_load(measured: Sequence[Steadiness]) -> Iterator[str]:
    yield f"{'at 70 % of saturation':<34}{'most a second':>14}{'p50 ms':>8}{'p99 ms':>8}{'p99 ÷ p50':>11}"
    for each in measured:
        yield f"{each.name:<34}{each.saturation:>14.0f}{each.p50:>8.2f}{each.p99:>8.2f}{each.ratio:>11.1f}"


def _crowd(herd: Herd) -> Iterator[str]:
    yield f"{HERD:,} clients at once: {herd.answered:,} get a token, the last after {herd.last:.2f} s"
    times = f"alone {_ms(herd.alone)}, among {HERD:,} with good ones {_ms(herd.among_good)}, with wrong ones {_ms(herd.among_wrong)}"
    yield f"a good token's time: {times}; wrong ÷ good {herd.among_wrong / herd.among_good:.2f}"


def _footprint(results: Results) -> Iterator[str]:
    yield f"{'memory of the largest worker':<34}{'resident MB':>14}{'proportional MB':>17}"
    for moment, memories in results.memories.items():
        proportional = [memory.proportional for memory in memories if memory.proportional is not None]
        yield f"{moment:<34}{_megabytes(memory.resident for memory in memories):>14}{_megabytes(proportional):>17}"
    yield f"a remembered row: {results.remembering.bytes_per_row:,.0f} bytes, of {results.remembering.rows:,}"
    clock, cpu = (
        median(times) for times in zip(*((start.start_seconds, start.start_cpu_seconds) for start in results.starts), strict=True)
    )
    yield f"start until ready: {clock:.2f} s, {cpu:.2f} s CPU, median of {len(results.starts)} starts"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _megabytes(sizes: Iterable[int]) -> str:
    return f"{max(sizes, default=0) / _MEGABYTE:.0f}"
