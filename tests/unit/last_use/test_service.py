"""Last uses in the store."""

import threading
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event, text

from registry_auth.last_use import LastUse, LastUses, service
from registry_auth.values import CallerKind
from tests.unit.installation import NOW, Installation

DEPLOY, PERSONAL = CallerKind.DEPLOY_TOKEN, CallerKind.PERSONAL_ACCESS_TOKEN


def use(seconds: float = 0, address: str = "192.0.2.1", service_: str = "container_registry") -> LastUse:
    """Give a use, so many seconds after the beginning."""
    return LastUse(NOW + timedelta(seconds=seconds), address, service_)


@pytest.fixture
def last_uses(installation: Installation) -> LastUses:
    """Give the last uses of an installation."""
    return LastUses(installation.database)


def test_what_is_written_is_read(last_uses: LastUses) -> None:
    """By kind and id, to the microsecond; a token that was never used has none, and a kind is not taken for another."""
    uses = {(DEPLOY, 1): use(0.000_001), (DEPLOY, 2): use(1, "2001:db8::1", "dependency_proxy"), (PERSONAL, 1): use(2, service_="rest_api")}
    last_uses.write(uses)
    assert last_uses.of(DEPLOY, [1, 2, 3]) == {1: uses[DEPLOY, 1], 2: uses[DEPLOY, 2]}
    assert last_uses.of(PERSONAL, [1, 2]) == {1: uses[PERSONAL, 1]}
    assert last_uses.of_one(PERSONAL, 1) == uses[PERSONAL, 1]
    assert last_uses.of_one(PERSONAL, 2) is None


@pytest.mark.parametrize(("first", "second", "kept"), [(1, 2, 2), (2, 1, 2), (1, 1, 1)])
def test_latest_use_stays(last_uses: LastUses, first: int, second: int, kept: int) -> None:
    """Servers write one after the other what they saw in another order: the latest counts, with its address and service."""
    for seconds in (first, second):
        last_uses.write({(DEPLOY, 1): use(seconds, f"192.0.2.{seconds}")})
    assert last_uses.of_one(DEPLOY, 1) == use(kept, f"192.0.2.{kept}")


def test_nothing_is_asked_or_written_for_nothing(installation: Installation, last_uses: LastUses) -> None:
    """Without a token there is no statement."""
    installation.store.take_away()
    last_uses.write({})
    assert last_uses.of(DEPLOY, []) == {}


def test_many_are_written_and_read_at_once(last_uses: LastUses, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a database takes parameters in one statement."""
    monkeypatch.setattr(service, "_MOST_IDS", 100)
    uses = {(DEPLOY, number): use(number) for number in range(1, 1_001)}
    last_uses.write(uses)
    assert last_uses.of(DEPLOY, range(2_000)) == {number: each for (_, number), each in uses.items()}


def test_rows_are_written_in_the_order_of_their_keys(installation: Installation, last_uses: LastUses) -> None:
    """Two servers that write the same rows in one order wait for each other, and not each for the other."""
    sent: list[tuple[str, int]] = []
    engine = installation.database._store.recorder

    def collect(_connection: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        if statement.startswith("INSERT"):
            rows = parameters if isinstance(parameters, list) else [parameters]
            sent.extend((row["credential_kind"], row["credential_id"]) if isinstance(row, dict) else tuple(row[:2]) for row in rows)

    event.listen(engine, "before_cursor_execute", collect)
    last_uses.write({(kind, number): use() for kind in (PERSONAL, DEPLOY) for number in (10, 9, 2, 1)})
    event.remove(engine, "before_cursor_execute", collect)
    assert len(sent) == 8
    assert all(one < other for one, other in pairwise(sent))


def test_servers_that_write_the_same_at_once(last_uses: LastUses) -> None:
    """All of them succeed, and the latest stays."""
    failures: list[Exception] = []

    def write(number: int) -> None:
        try:
            for seconds in range(5):
                last_uses.write({(DEPLOY, key): use(seconds * 10 + number, f"192.0.2.{number}") for key in range(50, 0, -1)})
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(last_uses.of(DEPLOY, range(51)).values()) == {use(43, "192.0.2.3")}


def test_large_ids_have_their_place(last_uses: LastUses) -> None:
    """Whatever number a token has."""
    last_uses.write({(DEPLOY, 2**63 - 1): use()})
    assert last_uses.of_one(DEPLOY, 2**63 - 1) == use()


def test_transaction_does_not_keep_last_uses_waiting(installation: Installation, last_uses: LastUses) -> None:
    """They are written and read while somebody changes something."""
    with installation.database.transaction() as session:
        session.execute(text("SELECT 1"))
        last_uses.write({(DEPLOY, 1): use()})
        assert last_uses.of_one(DEPLOY, 1) == use()
