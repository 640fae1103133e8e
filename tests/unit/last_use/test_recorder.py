"""Uses that wait in memory until they are written down."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from registry_auth.database import waiting_writes
from registry_auth.last_use import REST_API, LastUse, LastUseRecorder
from registry_auth.values import ANONYMOUS, Caller, CallerKind
from tests.unit.installation import NOW

ADDRESS = "192.0.2.1"


class Store:
    """Takes last uses."""

    def __init__(self) -> None:
        self.stored: dict[tuple[CallerKind, int], LastUse] = {}
        self.writes = 0

    def write(self, uses: Mapping[tuple[CallerKind, int], LastUse]) -> None:
        """Store them."""
        self.writes += bool(uses)
        self.stored |= uses


@pytest.fixture
def store() -> Store:
    """Give a store."""
    return Store()


@pytest.fixture
def uses(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[LastUseRecorder]:
    """Give a recorder that writes when the test says so."""
    monkeypatch.setattr(waiting_writes, "_WRITE_EVERY", 60.0)
    with closing(LastUseRecorder(store)) as uses:  # type: ignore[arg-type] # the part of it that is used
        yield uses


def token(number: int = 1, kind: CallerKind = CallerKind.DEPLOY_TOKEN) -> Caller:
    """Give somebody who logged in with a token."""
    return Caller(kind, f"name {number}", number)


def at(seconds: float) -> datetime:
    """Give an instant."""
    return NOW + timedelta(seconds=seconds)


def test_last_use_of_each_token_is_written_at_once(store: Store, uses: LastUseRecorder) -> None:
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
    before = set(threading.enumerate())
    uses.record(caller, "container_registry", ADDRESS, at(0))
    uses.write()
    assert store.stored == {}
    assert set(threading.enumerate()) <= before


def test_closing_writes_what_is_waiting(store: Store, uses: LastUseRecorder) -> None:
    """Nothing that was recorded before is lost."""
    uses.record(token(), "container_registry", ADDRESS, at(0))
    uses.close()
    assert len(store.stored) == 1
