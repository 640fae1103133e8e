"""One store, from its filling to what was measured on it."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cell import Cell
from benchmarks.cells import HELLO, HOT, cold, cold_cell, further_cold_cells, hello_cells, hot_cells
from benchmarks.cpu import signature_seconds
from benchmarks.herd import herd
from benchmarks.installations import Installation, Target, filled, hello_served
from benchmarks.memory import remembering, workers_memory
from benchmarks.report import Results
from benchmarks.steady import steadiness
from benchmarks.stores import STORES
from benchmarks.targets import usual_size

_NOTHING_REMEMBERED = {"REGISTRY_AUTH_CACHE_SIZE": "2"}  # a token and its project, which one look-up finds
_SIGNATURES = 1_000

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: rounds, requests of each kind in one; and rounds of load over time, and their seconds."""

    sizes: Sequence[int]
    rounds: int
    requests: int
    long_rounds: int
    long_seconds: float


def measured(name: str, plan: Plan, say: Say) -> Results:
    """Fill the store, start the servers, and measure. Everything is gone at the end."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ra-")))
        store = stack.enter_context(STORES[name](directory))
        usual, installations = usual_size(plan.sizes), {}
        for size in plan.sizes:
            say(f"{name}: filling {size:,} tokens")
            installations[size] = filled(directory / str(size), store, size)
        hot = stack.enter_context(installations[usual].served())
        colds = {size: stack.enter_context(installation.served(**_NOTHING_REMEMBERED)) for size, installation in installations.items()}
        memories = {"after the start": workers_memory(hot)}
        remembered = remembering(hot, installations[usual].tokens)
        cells = _cells(stack.enter_context(hello_served(directory)), hot, colds, installations)
        signature = _rounds(cells, plan, lambda done: say(f"{name}: round {done} of {plan.rounds}"))
        say(f"{name}: load over time")
        by_name = {cell.name: cell for cell in cells}
        memories["after the rounds"] = workers_memory(hot)
        steady = steadiness([by_name[each] for each in (HELLO, HOT, cold(usual))], plan.long_rounds, plan.long_seconds)
        crowd = herd(hot, installations[usual].tokens, plan.long_rounds)
        memories["after the crowd"] = workers_memory(hot)
        return Results(name, plan.sizes, by_name, signature, [hot, *colds.values()], remembered, steady, crowd, memories)


def _cells(hello: Target, hot: Target, colds: dict[int, Target], installations: dict[int, Installation]) -> list[Cell]:
    usual = usual_size(list(colds))
    tokens = installations[usual].tokens
    return [
        *hello_cells(hello, tokens),
        *hot_cells(hot, tokens),
        *(cold_cell(target, installations[size].tokens) for size, target in colds.items()),
        *further_cold_cells(colds[usual], tokens),
    ]


def _rounds(cells: Sequence[Cell], plan: Plan, say: Callable[[int], object]) -> list[float]:
    """Measure all cells in turn, round after round; give what a signature cost in each round."""
    for cell in cells:
        cell.warm_up(plan.requests)
    signature = []
    for number in range(plan.rounds):
        say(number + 1)
        signature.append(signature_seconds(_SIGNATURES))
        for cell in cells:
            cell.measure(plan.requests)
    return signature
