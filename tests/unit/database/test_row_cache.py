"""Rows that are remembered until something changes."""

import threading
from collections.abc import Callable

import pytest

from registry_auth.database import RememberedRows, RowCache


class Watch:
    """Tells the version that it was set to."""

    def __init__(self) -> None:
        self.now: int | None = 1
        self.questions = 0

    def version(self) -> int | None:
        """Give the version."""
        self.questions += 1
        return self.now

    def close(self) -> None:
        """Do nothing."""


class Table:
    """Rows that can be read, and how often each was."""

    def __init__(self, **rows: str) -> None:
        self.rows = dict(rows)
        self.read_keys: list[str] = []

    def reader(self, key: str) -> Callable[[], str | None]:
        """Give what reads one row."""

        def read() -> str | None:
            self.read_keys.append(key)
            return self.rows.get(key)

        return read


@pytest.fixture
def watch() -> Watch:
    """Give a watch."""
    return Watch()


@pytest.fixture
def table() -> Table:
    """Give a table with two rows."""
    return Table(a="A", b="B")


def remembered(watch: Watch, size: int = 100) -> RememberedRows[str, str]:
    """Give rows of one kind in a cache of their own."""
    return RememberedRows(RowCache(watch, size))


def test_row_is_read_once_until_something_changes(watch: Watch, table: Table) -> None:
    """While the version stays, a row is not read again; after a change every row is, and what is given is what is stored then."""
    rows = remembered(watch)
    assert [rows.read(key, table.reader(key)) for key in "abab"] == ["A", "B", "A", "B"]
    assert table.read_keys == ["a", "b"]
    table.rows["a"] = "other"
    watch.now = 2
    assert [rows.read(key, table.reader(key)) for key in "abab"] == ["other", "B", "other", "B"]
    assert table.read_keys == ["a", "b", "a", "b"]


def test_version_that_comes_back_is_no_reason_to_remember(watch: Watch, table: Table) -> None:
    """What was forgotten stays forgotten, should the number ever come again."""
    rows = remembered(watch)
    rows.read("a", table.reader("a"))
    for version in (2, 1):
        watch.now = version
        rows.read("b", table.reader("b"))
    rows.read("a", table.reader("a"))
    assert table.read_keys == ["a", "b", "b", "a"]


def test_without_a_version_everything_is_read(watch: Watch, table: Table) -> None:
    """While changes cannot be seen, nothing is given from memory and nothing is put there; what was there is gone for good."""
    rows = remembered(watch)
    rows.read("a", table.reader("a"))
    watch.now = None
    assert [rows.read("a", table.reader("a")) for _ in range(2)] == ["A", "A"]
    watch.now = 1
    rows.read("a", table.reader("a"))
    assert table.read_keys == ["a"] * 4


def test_row_that_is_not_there_is_asked_for_each_time(watch: Watch, table: Table) -> None:
    """Names that somebody invents do not fill the cache."""
    rows = remembered(watch)
    assert [rows.read("nobody", table.reader("nobody")) for _ in range(3)] == [None] * 3
    assert table.read_keys == ["nobody"] * 3


def test_row_that_was_overtaken_by_a_change_is_not_remembered(watch: Watch, table: Table) -> None:
    """A change between reading and remembering counts: the row is given once, as it was asked for before, and then read again."""
    rows = remembered(watch)

    def read_slowly() -> str | None:
        row = table.reader("a")()
        table.rows["a"], watch.now = "revoked", 2
        rows.read("b", table.reader("b"))  # another thread, which finds the change
        return row

    assert rows.read("a", read_slowly) == "A"
    assert rows.read("a", table.reader("a")) == "revoked"
    assert rows.read("b", lambda: None) == "B"


def test_change_that_nobody_has_noticed_yet_counts_too(watch: Watch, table: Table) -> None:
    """The row that was overtaken may be put there, but nobody is given it: whoever asks next finds the change first."""
    rows = remembered(watch)

    def read_slowly() -> str | None:
        row = table.reader("a")()
        table.rows["a"], watch.now = "revoked", 2
        return row

    assert rows.read("a", read_slowly) == "A"
    assert rows.read("a", table.reader("a")) == "revoked"


def test_rows_of_an_outage_are_not_remembered(watch: Watch, table: Table) -> None:
    """What was read when changes could not be seen is not given when they can be seen again."""
    rows = remembered(watch)
    watch.now = None
    moment = rows.moment()
    watch.now = 2
    rows.read("b", table.reader("b"))
    moment.put({"a": "A"})
    assert rows.moment().get("a") is None


def test_moment_is_good_for_many_rows(watch: Watch) -> None:
    """A request that asks for many rows asks for the version once, and remembers all rows at once."""
    rows = remembered(watch)
    moment = rows.moment()
    assert [moment.get(key) for key in "ab"] == [None, None]
    moment.put({"a": "A", "b": "B"})
    assert [moment.get(key) for key in "ab"] == ["A", "B"]
    assert watch.questions == 1


def test_kinds_of_rows_are_told_apart(watch: Watch) -> None:
    """Rows of different kinds share the cache, but never their keys; a value that counts as false is a row."""
    cache = RowCache(watch, 10)
    users: RememberedRows[int, str] = RememberedRows(cache)
    switches: RememberedRows[int, bool] = RememberedRows(cache)
    assert (users.read(1, lambda: "ada"), switches.read(1, lambda: False)) == ("ada", False)
    assert (users.read(1, lambda: "x"), switches.read(1, lambda: True)) == ("ada", False)


def test_number_of_rows_is_bounded_over_all_kinds(watch: Watch) -> None:
    """The row that was used least lately makes room."""
    cache = RowCache(watch, 3)
    some: RememberedRows[int, str] = RememberedRows(cache)
    others: RememberedRows[int, str] = RememberedRows(cache)
    for rows, key in ((some, 1), (some, 2), (others, 1)):
        rows.read(key, lambda: "first")
    some.read(1, lambda: "again")
    others.read(2, lambda: "first")
    found = {(rows is some, key): rows.moment().get(key) for rows in (some, others) for key in (1, 2)}
    assert found == {(True, 1): "first", (True, 2): None, (False, 1): "first", (False, 2): "first"}
    some.moment().put(dict.fromkeys(range(1000), "many"))
    assert len(cache._rows) == 3


def test_size_zero_remembers_nothing_and_asks_for_no_version(watch: Watch, table: Table) -> None:
    """Whoever switches the cache off has no watch of changes either."""
    rows = remembered(watch, size=0)
    assert [rows.read("a", table.reader("a")) for _ in range(3)] == ["A"] * 3
    assert table.read_keys == ["a"] * 3
    assert watch.questions == 0


def test_threads_never_get_a_row_from_before_a_change_that_they_know_of(watch: Watch) -> None:
    """Whatever other threads read and remember meanwhile: what is given is never older than the version at the time of asking."""
    rows: RememberedRows[int, int] = RememberedRows(RowCache(watch, 4))
    stale: list[tuple[int, int]] = []
    done = threading.Event()

    def now() -> int:
        assert watch.now is not None
        return watch.now

    def ask() -> None:
        while not done.is_set():
            for key in range(8):
                known = now()
                given = rows.read(key, now)
                if given is None or given < known:
                    stale.append((known, given or 0))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in range(2, 3_000):
        watch.now = version
    done.set()
    for thread in threads:
        thread.join()
    assert stale == []
