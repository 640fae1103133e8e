"""What the token endpoint may cost."""

from collections.abc import Iterator, Sequence

from benchmarks.cells import HELLO, HOT, WRONG, cold, group_token
from benchmarks.report import Results

USUAL_SIZE = 10_000

_HOT = {"sqlite": 1.8, "postgresql": 2.0}
_COLD = {"sqlite": 2.8, "postgresql": 3.6}
_GROWTH, _WRONG, _UNEVEN, _MEGABYTES = 1.2, 1.0, 5.0, 80.0
_SCOPES = {10: 1.25, 60: 2.0}

Target = tuple[str, float, float]


def target_table(measured: Sequence[Results]) -> Iterator[str]:
    """Write which targets were reached."""
    yield f"{'target':<64}{'at most':>9}{'measured':>10}"
    for results in measured:
        for name, most, value in _targets(results):
            # What is shown decides, so that nobody reads 1.20 as more than 1.2.
            reached = "reached" if round(value, 2) <= most else "not reached"
            yield f"{results.store + ': ' + name:<64}{most:>9.2f}{value:>10.2f}  {reached}"


def _targets(results: Results) -> Iterator[Target]:
    """Give each target with its limit and what was measured."""
    cells = results.cells
    usual, smallest, largest = (cells[cold(size)] for size in (usual_size(results.sizes), min(results.sizes), max(results.sizes)))
    yield "CPU hot ÷ hello, workers", _HOT[results.store], cells[HOT].over(cells[HELLO])
    yield "CPU cold ÷ hello, workers", _COLD[results.store], usual.over(cells[HELLO])
    yield f"{max(results.sizes):,} ÷ {min(results.sizes):,} tokens, cold", _GROWTH, largest.with_database_over(smallest)
    for rows in ("hot", "cold"):
        for count, most in _SCOPES.items():
            one, several = (cells[group_token(rows, each)] for each in (1, count))
            yield f"{count} scopes ÷ 1, {rows}", most, several.with_database_over(one)
    yield "wrong secret ÷ good one, cold", _WRONG, cells[WRONG].with_database_over(usual)
    for each in results.steadiness:
        if each.name != HELLO:
            yield f"p99 ÷ p50 at 70 %, {each.name}", _UNEVEN, each.ratio
    yield "resident MB of a worker after the rounds", _MEGABYTES, results.loaded_megabytes


def usual_size(sizes: Sequence[int]) -> int:
    """Give the size of the store that everything is measured on; on the others only what tells of growth."""
    return USUAL_SIZE if USUAL_SIZE in sizes else max(sizes)
