"""The stores that tokens are kept in, each with all that it needs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.peers.postgresql import PostgresCluster


@dataclass(frozen=True, slots=True)
class Store:
    """Makes databases: `new_url` gives the address of an empty one, `settle` has it tidied up after it was filled.

    `pid` is the main process of a database server.
    """

    new_url: Callable[[], str]
    settle: Callable[[str], object]
    pid: int | None = None


@contextmanager
def _sqlite(directory: Path) -> Iterator[Store]:
    paths = (directory / f"{number}.db" for number in range(1000))
    yield Store(lambda: f"sqlite:///{next(paths)}", lambda _url: None)


@contextmanager
def _postgresql(directory: Path) -> Iterator[Store]:
    with PostgresCluster(directory) as cluster:
        pid = int((cluster.place / "data" / "postmaster.pid").read_text().split()[0])
        # Otherwise PostgreSQL does it by itself, in the middle of what is measured.
        yield Store(cluster.create_database, lambda url: cluster.run_sql("VACUUM ANALYZE", url), pid)


STORES: Mapping[str, Callable[[Path], AbstractContextManager[Store]]] = {"sqlite": _sqlite, "postgresql": _postgresql}
