"""What a thousand clients at once do to a server, and to somebody with a good token among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import median

from benchmarks.cells import good_requests, wrong_requests
from benchmarks.filling import Tokens
from benchmarks.installations import Target
from benchmarks.load import Request, closed_loop

CLIENTS = 1_000

_REQUESTS = 3_000
_GOOD_EACH = 40  # every so many requests comes the one whose time counts


@dataclass(frozen=True, slots=True)
class Herd:
    """Medians over the rounds, in seconds.

    `answered` clients of the worst round got a token, the last after `last`. A good token's time is `alone` for a single client, and then
    among clients that do nothing but send good ones, or wrong secrets that look like tokens.
    """

    answered: int
    last: float
    alone: float
    among_good: float
    among_wrong: float


def herd(target: Target, tokens: Tokens, rounds: int) -> Herd:
    """Let the clients connect at the same moment, then let them go on."""
    good, wrong = good_requests(tokens), wrong_requests(tokens)
    at_once = [closed_loop(target.port, list(islice(good, CLIENTS)), CLIENTS) for _ in range(rounds)]
    alone = closed_loop(target.port, list(islice(good, 200)), 1).checked()
    among_good, among_wrong = [], []
    for _ in range(rounds):
        among_good.append(_time_among(target, good, good))
        among_wrong.append(_time_among(target, good, wrong))
    answered = min(sum(seconds is not None for seconds in outcome.seconds) for outcome in at_once)
    last = median(outcome.duration for outcome in at_once)
    return Herd(answered, last, median(alone), median(among_good), median(among_wrong))


def _time_among(target: Target, good: Iterator[Request], others: Iterator[Request]) -> float:
    requests = [next(others if number % _GOOD_EACH else good) for number in range(_REQUESTS)]
    return median(closed_loop(target.port, requests, CLIENTS).checked()[::_GOOD_EACH])
