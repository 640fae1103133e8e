"""Uses that wait in memory until they are written down."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from threading import Event

import pytest

from registry_auth.errors import UnavailableError
from registry_auth.last_use import REST_API, LastUse, LastUseRecorder, recorder
from registry_auth.values import ANONYMOUS, Caller, CallerKind
from tests.e2e.peers.processes import wait_until
from tests.unit.installation import NOW

ADDRESS = "192.0.2.1"


class Store:
    """Takes last uses, unless it is switched off."""

    def __init__(self) -> None:
        self.stored: dict[tuple[CallerKind, int], LastUse] = {}
        self.writes = 0
        self.is_off = False
        self.meanwhile: Callable[[], object] = lambda: None

    def write(self, uses: Mapping[tuple[CallerKind, int], LastUse]) -> None:
        """Store them."""
        self.writes += bool(uses)
        self.meanwhile()
        if self.is_off:
            raise UnavailableError("The store is off.")
        self.stored |= uses


@pytest.fixture
def store() -> Store:
    """Give a store."""
    return Store()


@pytest.fixture
def uses(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[LastUseRecorder]:
    """Give a recorder that writes when the test says so."""
    monkeypatch.setattr(recorder, "_WRITE_EVERY", 60.0)
    with closing(LastUseRecorder(store)) as uses:  # type: ignore[arg-type] # the part of it that is used
        yield uses
        store.is_off = False


def token(number: int = 1, kind: CallerKind = CallerKind.DEPLOY_TOKEN) -> Caller:
    """Give somebody who logged in with a token."""
    return Caller(kind, f"name {number}", number)


def at(seconds: float) -> datetime:
    """Give an instant."""
    return NOW + timedelta(seconds=seconds)


def test_nothing_is_written_before_its_time(store: Store, uses: LastUseRecorder) -> None:
    """A request waits for no store: what it notes is written later, all at once, and only the last use of each token."""
    for seconds in range(3):
        for number in (1, 2):
            uses.record(token(number), "container_registry", ADDRESS, at(seconds))
    assert store.writes == 0
    uses.write()
    assert store.writes == 1
    assert store.stored == {(CallerKind.DEPLOY_TOKEN, number): LastUse(at(2), ADDRESS, "container_registry") for number in (1, 2)}
    uses.write()
    assert store.writes == 1


def test_kinds_of_tokens_are_told_apart(store: Store, uses: LastUseRecorder) -> None:
    """A deploy token and a personal access token may have the same number."""
    uses.record(token(1), "container_registry", ADDRESS, at(0))
    uses.record(token(1, CallerKind.PERSONAL_ACCESS_TOKEN), REST_API, ADDRESS, at(1))
    uses.write()
    assert {key: use.service for key, use in store.stored.items()} == {
        (CallerKind.DEPLOY_TOKEN, 1): "container_registry",
        (CallerKind.PERSONAL_ACCESS_TOKEN, 1): REST_API,
    }


@pytest.mark.parametrize("caller", [ANONYMOUS, token(kind=CallerKind.PASSWORD), Caller(CallerKind.DEPLOY_TOKEN, "name")])
def test_what_is_no_token_is_left_out(store: Store, uses: LastUseRecorder, caller: Caller) -> None:
    """Neither anonymous callers nor passwords have a last use, and no thread is started for them."""
    before = threading.active_count()
    uses.record(caller, "container_registry", ADDRESS, at(0))
    uses.write()
    assert store.stored == {}
    assert threading.active_count() == before


def test_thread_writes_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every few seconds, with nobody asking it to."""
    monkeypatch.setattr(recorder, "_WRITE_EVERY", 0.01)
    with closing(LastUseRecorder(store)) as uses:  # type: ignore[arg-type] # the part of it that is used
        for number in (1, 2):
            uses.record(token(number), "container_registry", ADDRESS, at(0))
            wait_until(lambda number=number: len(store.stored) == number, "the use to be written")  # type: ignore[misc]


def test_closing_writes_what_is_waiting(store: Store) -> None:
    """Nothing that was recorded before is lost, and closing twice does no harm."""
    uses = LastUseRecorder(store)  # type: ignore[arg-type] # the part of it that is used
    uses.record(token(), "container_registry", ADDRESS, at(0))
    uses.close()
    uses.close()
    assert len(store.stored) == 1


def test_failure_keeps_what_is_waiting(store: Store, uses: LastUseRecorder) -> None:
    """While the store is off, what waits goes on waiting, with what comes meanwhile; of one token the later use stays."""
    store.is_off = True
    uses.record(token(1), "container_registry", ADDRESS, at(0))
    uses.record(token(2), "container_registry", ADDRESS, at(0))
    store.meanwhile = lambda: uses.record(token(2), "dependency_proxy", ADDRESS, at(1))
    uses.write()
    store.meanwhile = lambda: None
    uses.record(token(3), "container_registry", ADDRESS, at(2))
    store.is_off = False
    uses.write()
    assert {number: use.used_at for (_, number), use in store.stored.items()} == {1: at(0), 2: at(1), 3: at(2)}


def test_failure_is_told_once(store: Store, uses: LastUseRecorder, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried again; and once more when it fails after it has worked."""
    for is_off in (True, True, True, False, True, True):
        store.is_off = is_off
        uses.record(token(), "container_registry", ADDRESS, at(0))
        uses.write()
    said = "the last uses of tokens cannot be written now: The store is off."
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.WARNING, said)] * 2


def test_number_of_those_that_wait_is_bounded(store: Store, uses: LastUseRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage does not fill the memory: the tokens that were used last stay."""
    monkeypatch.setattr(recorder, "_MOST_WAITING", 3)
    store.is_off = True
    for number in range(1, 6):
        uses.record(token(number), "container_registry", ADDRESS, at(number))
    uses.write()
    store.is_off = False
    uses.write()
    assert sorted(number for _, number in store.stored) == [3, 4, 5]


def test_recording_does_not_wait_for_writing(store: Store, uses: LastUseRecorder) -> None:
    """While the store takes its time, requests go on."""
    begun, end = Event(), Event()

    def take_time() -> None:
        begun.set()
        end.wait(10)

    store.meanwhile = take_time
    uses.record(token(1), "container_registry", ADDRESS, at(0))
    writer = threading.Thread(target=uses.write)
    writer.start()
    assert begun.wait(10)
    uses.record(token(2), "container_registry", ADDRESS, at(1))
    end.set()
    writer.join()
    uses.write()
    assert len(store.stored) == 2


def test_threads_lose_nothing(store: Store, uses: LastUseRecorder) -> None:
    """Whatever is recorded and written in parallel is stored in the end."""

    def record(first: int) -> None:
        for number in range(first, first + 500):
            uses.record(token(number), "container_registry", ADDRESS, at(0))

    threads = [threading.Thread(target=record, args=(first,)) for first in range(0, 2_000, 500)]
    threads += [threading.Thread(target=uses.write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    uses.write()
    assert {number for _, number in store.stored} == set(range(2_000))
