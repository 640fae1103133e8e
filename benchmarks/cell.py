"""One kind of request at one server, and what it cost, round after round."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median

from benchmarks.cpu import tree, used, used_between
from benchmarks.installations import Target
from benchmarks.load import Request, closed_loop
from benchmarks.times import p50, p99

# Enough that no worker waits for work: a request that comes alone costs a third more.
CLIENTS = 16

_WARM_UP = 100  # requests of each round that do not count: meanwhile the processor has worked for other servers

_ALONE = 60  # requests of a single client in each round


@dataclass(slots=True)
class Cell:
    """A kind of request, the server that answers it, and CPU seconds a request for each round: the server's and its database's.

    `seconds` are the times that a single client waited.
    """

    name: str
    target: Target
    requests: Iterator[Request]
    kept: bool = False
    server_cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def next(self, count: int) -> Sequence[Request]:
        """Give the next requests, built beforehand so that sending them costs little."""
        return list(islice(self.requests, count))

    def warm_up(self, count: int) -> None:
        """Make so many requests that are not counted."""
        closed_loop(self.target.port, self.next(count), CLIENTS, kept=self.kept).checked()

    def measure(self, count: int) -> None:
        """Make so many requests from many clients, then a few from one."""
        self.warm_up(_WARM_UP)
        requests, server, database = self.next(count), used(self.target.processes()), self._database()
        closed_loop(self.target.port, requests, CLIENTS, kept=self.kept).checked()
        self.server_cpu.append(used_between(server, used(self.target.processes())) / count)
        self.database_cpu.append(used_between(database, self._database()) / count)
        self.seconds += closed_loop(self.target.port, self.next(_ALONE), 1, kept=self.kept).checked()

    def over(self, other: "Cell") -> float:
        """Give the server's CPU as a multiple of that of another cell: the median over the rounds."""
        return _ratio(self.server_cpu, other.server_cpu)

    def database_over(self, other: "Cell") -> float:
        """Give the database's CPU as a multiple of the server's in another cell."""
        return _ratio(self.database_cpu, other.server_cpu)

    def with_database_over(self, other: "Cell") -> float:
        """Give the CPU of server and database as a multiple of that of another cell."""
        return _ratio(self.both(), other.both())

    @property
    def p50(self) -> float:
        """The median of a single client's times, in milliseconds."""
        return p50(self.seconds)

    @property
    def p99(self) -> float:
        """The time that one request in a hundred exceeds, in milliseconds."""
        return p99(self.seconds)

    def both(self) -> Sequence[float]:
        """Give the CPU of server and database together in each round."""
        return [sum(both) for both in zip(self.server_cpu, self.database_cpu, strict=True)]

    def _database(self) -> Mapping[int, float]:
        return {} if self.target.database is None else used(tree(self.target.database))


def _ratio(mine: Sequence[float], its: Sequence[float]) -> float:
    return median(one / other for one, other in zip(mine, its, strict=True))
