"""What the workers hold, and what remembering rows adds to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from benchmarks.cell import CLIENTS
from benchmarks.cells import good_requests
from benchmarks.cpu import Memory, memory
from benchmarks.filling import Tokens
from benchmarks.installations import Target
from benchmarks.load import closed_loop


@dataclass(frozen=True, slots=True)
class Remembering:
    """How many rows were remembered, and what the workers together hold more since, in bytes for each."""

    rows: int
    bytes_per_row: float


def workers_memory(target: Target) -> Sequence[Memory]:
    """Give what each worker holds."""
    return [memory(pid) for pid in target.workers()]


def remembering(target: Target, tokens: Tokens) -> Remembering:
    """Let the workers remember all tokens of projects. They must not have been asked for any."""
    count = len(tokens.of_projects())
    first = next(good_requests(tokens))
    closed_loop(target.port, [first] * count, CLIENTS).checked()
    before = _resident(target)
    closed_loop(target.port, list(islice(good_requests(tokens), count)), CLIENTS).checked()
    return Remembering(count, (_resident(target) - before) / count)


def _resident(target: Target) -> int:
    return sum(each.resident for each in workers_memory(target))
