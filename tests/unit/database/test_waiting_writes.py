"""Values that wait in memory until they are written."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from threading import Event

import pytest

from registry_auth.database import WaitingWrites, waiting_writes
from registry_auth.errors import UnavailableError
from tests.e2e.peers.processes import wait_until


class Store:
    """Takes values, unless it is switched off or broken."""

    def __init__(self) -> None:
        self.stored: dict[str, int] = {}
        self.writes: list[Mapping[str, int]] = []
        self.error: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def write_all(self, values: Mapping[str, int]) -> None:
        """Store them."""
        self.writes.append(dict(values))
        self.meanwhile()
        if self.error is not None:
            raise self.error
        self.stored |= values


OFF = UnavailableError("The store is off.")


@pytest.fixture
def store() -> Store:
    """Give a store."""
    return Store()


@pytest.fixture
def waiting(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[WaitingWrites[str, int]]:
    """Give values that are written when the test says so."""
    monkeypatch.setattr(waiting_writes, "_WRITE_EVERY", 60.0)
    with closing(WaitingWrites("the numbers", store.write_all)) as waiting:
        yield waiting
        store.error = None


def test_nothing_is_written_before_its_time(store: Store, waiting: WaitingWrites[str, int]) -> None:
    """A request waits for no store: what it puts is written later, once, all together, and only the newest value for each key."""
    for number in range(3):
        for key in "ab":
            waiting.put(key, number)
    assert store.writes == []
    waiting.write()
    assert store.writes == [{"a": 2, "b": 2}]
    waiting.write()
    assert not any(store.writes[1:])


def test_thread_writes_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every few seconds, with nobody asking it to."""
    monkeypatch.setattr(waiting_writes, "_WRITE_EVERY", 0.01)
    with closing(WaitingWrites("the numbers", store.write_all)) as waiting:
        for number in (1, 2):
            waiting.put(f"key {number}", number)
            wait_until(lambda number=number: len(store.stored) == number, "the value to be written")  # type: ignore[misc]


def test_one_thread_writes(waiting: WaitingWrites[str, int]) -> None:
    """It starts with the first value, and there is never a second one; a process that ends waits for it, whichever thread started it."""
    before = set(threading.enumerate())
    waiting.write()
    assert set(threading.enumerate()) <= before
    for number in range(3):
        request = threading.Thread(target=waiting.put, args=(f"key {number}", number), daemon=True)
        request.start()
        request.join()
    (thread,) = set(threading.enumerate()) - before
    assert not thread.daemon


def test_thread_survives_what_nobody_expects(store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A value that breaks the write is lost, which the log tells with the number of those that went with it; later ones are written."""
    monkeypatch.setattr(waiting_writes, "_WRITE_EVERY", 0.01)
    with closing(WaitingWrites("the numbers", store.write_all)) as waiting:
        store.error = ZeroDivisionError()
        waiting.put("a", 1)
        wait_until(lambda: bool(caplog.records), "the failure to be told")
        store.error = None
        waiting.put("b", 2)
        wait_until(lambda: store.stored == {"b": 2}, "the value to be written")
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "the numbers are lost: 1")


def test_closing_writes_what_is_waiting(store: Store) -> None:
    """Nothing that was put before is lost, closing twice does no harm, and no thread is started afterwards."""
    waiting = WaitingWrites("the numbers", store.write_all)
    waiting.put("a", 1)
    waiting.close()
    waiting.close()
    assert store.stored == {"a": 1}
    closed = WaitingWrites("the numbers", store.write_all)
    closed.close()
    before = set(threading.enumerate())
    closed.put("b", 2)
    assert set(threading.enumerate()) <= before


def test_failure_keeps_what_is_waiting(store: Store, waiting: WaitingWrites[str, int]) -> None:
    """While the store is off, what waits goes on waiting, with what comes meanwhile; of one key the later value stays."""
    store.error = OFF
    waiting.put("a", 1)
    waiting.put("b", 1)
    store.meanwhile = lambda: waiting.put("b", 2)
    waiting.write()
    store.meanwhile = lambda: None
    waiting.put("c", 3)
    store.error = None
    waiting.write()
    assert store.stored == {"a": 1, "b": 2, "c": 3}


def test_failure_is_told_once(store: Store, waiting: WaitingWrites[str, int], caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried again; and once more when it fails after it has worked."""
    for is_off in (True, True, True, False, True, True):
        store.error = OFF if is_off else None
        waiting.put("a", 1)
        waiting.write()
    said = "the numbers cannot be written now: The store is off."
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.WARNING, said)] * 2


def test_number_of_those_that_wait_is_bounded(store: Store, waiting: WaitingWrites[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage does not fill the memory: the latest stay."""
    monkeypatch.setattr(waiting_writes, "_MOST_WAITING", 3)
    store.error = OFF
    for number in range(1, 6):
        waiting.put(str(number), number)
    waiting.write()
    store.error = None
    waiting.write()
    assert store.stored == {"3": 3, "4": 4, "5": 5}


def test_putting_does_not_wait_for_writing(store: Store, waiting: WaitingWrites[str, int]) -> None:
    """While the store takes its time, requests go on."""
    begun, end = Event(), Event()

    def take_time() -> None:
        begun.set()
        end.wait(10)

    store.meanwhile = take_time
    waiting.put("a", 1)
    writer = threading.Thread(target=waiting.write)
    writer.start()
    assert begun.wait(10)
    waiting.put("b", 2)
    end.set()
    writer.join()
    waiting.write()
    assert store.stored == {"a": 1, "b": 2}


def test_threads_lose_nothing(store: Store, waiting: WaitingWrites[str, int]) -> None:
    """Whatever is put and written in parallel is stored in the end."""

    def put(first: int) -> None:
        for number in range(first, first + 500):
            waiting.put(str(number), number)

    threads = [threading.Thread(target=put, args=(first,)) for first in range(0, 2_000, 500)]
    threads += [threading.Thread(target=waiting.write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waiting.write()
    assert set(store.stored.values()) == set(range(2_000))
