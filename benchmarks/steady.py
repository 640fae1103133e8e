"""How even the answers are at a load that the server can bear: 70 % of the most that it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.cell import Cell
from benchmarks.load import closed_loop, open_loop
from benchmarks.times import p50, p99

_SHARE = 0.7
_CLIENTS = 32
_REQUESTS = 1_000


@dataclass(frozen=True, slots=True)
class Steadiness:
    """The most requests a second, and the times at 70 % of that: medians over the rounds, in milliseconds."""

    name: str
    saturation: float
    p50: float
    p99: float
    ratio: float


def steadiness(cells: Sequence[Cell], rounds: int, seconds: float) -> list[Steadiness]:
    """Find the most that each server answers, then send 70 % of it at even distances for so long; all in turn, in several rounds."""
    measured = [[_round(cell, seconds) for cell in cells] for _ in range(rounds)]
    return [_summary(cell.name, [each[number] for each in measured]) for number, cell in enumerate(cells)]


def _round(cell: Cell, seconds: float) -> tuple[float, float, float]:
    """Give the saturation, and in milliseconds the median and the time that one request in a hundred exceeds."""
    # Anew in each round: on a machine that has something else to do as well, the most changes.
    saturation = _REQUESTS / closed_loop(cell.target.port, cell.next(_REQUESTS), _CLIENTS).duration
    rate = saturation * _SHARE
    times = open_loop(cell.target.port, cell.next(int(rate * seconds)), rate).checked()
    return saturation, p50(times), p99(times)


def _summary(name: str, rounds: Sequence[tuple[float, float, float]]) -> Steadiness:
    saturation, usual, slow = (median(values) for values in zip(*rounds, strict=True))
    return Steadiness(name, saturation, usual, slow, median(slow / usual for _, usual, slow in rounds))
