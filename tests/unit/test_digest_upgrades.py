"""Digests of former server secrets: found like those of the current one, and replaced by its digests some seconds after the use."""

import logging
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Select, event, insert, select

from registry_auth import digest_upgrades
from registry_auth.accounts.models import PersonalAccessToken
from registry_auth.database import waiting_writes
from registry_auth.deploy_tokens.models import DeployTokenSecret
from registry_auth.digest_upgrades import DigestSearch, DigestUpgrades, Upgrade
from registry_auth.errors import UnavailableError
from registry_auth.token_columns import DigestColumns
from registry_auth.token_secrets import Digest
from registry_auth.values import TokenScope
from tests.unit.installation import NOW, Installation
from tests.unit.namespaces.statements import counted_statements
from tests.unit.server_secrets import replace_server_secret
from tests.unit.token_kinds import DEPLOY_TOKEN, TOKEN_KINDS, TokenKind, furnish

OLD, NEW = b"o" * 32, Digest(b"n" * 32, "new id")

THREADS = 12  # each has a connection to SQLite, of which there are 15; a server has four threads at most


@pytest.fixture
def served(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Give an installation with somebody to make tokens for, where digests are replaced when the test says so."""
    monkeypatch.setattr(waiting_writes, "_WRITE_EVERY", 60.0)
    return furnish(installation)


@contextmanager
def watched_updates(installation: Installation) -> Iterator[list[tuple[int, int]]]:
    """Collect of each update how many rows it was sent for, and how many it changed."""
    updates: list[tuple[int, int]] = []

    def collect(_connection: object, cursor: Any, statement: str, parameters: Sequence[object], _context: object, is_many: bool) -> None:
        if statement.startswith("UPDATE"):
            updates.append((len(parameters) if is_many else 1, cursor.rowcount))

    engine = installation.database._store.reader
    event.listen(engine, "after_cursor_execute", collect)
    try:
        yield updates
    finally:
        event.remove(engine, "after_cursor_execute", collect)


@pytest.mark.parametrize("kind", TOKEN_KINDS, ids=lambda kind: kind.name)
def test_digest_is_replaced_in_its_row(served: Installation, kind: TokenKind) -> None:
    """The row that was noted has the other digest and the id of its server secret once it is written, and nothing else is changed."""
    for _ in range(3):
        kind.make(served)
    first, second, third = kind.rows(served)
    served.upgrades.note(kind.table, second["id"], second["digest"], NEW)
    assert kind.rows(served) == [first, second, third]
    before = served.store.dump()
    served.upgrades.write()
    assert kind.rows(served) == [first, {**second, "digest": NEW.value, "digest_key_id": NEW.key_id}, third]
    changed = {table for table, rows in served.store.dump().items() if rows != before[table]}
    assert changed == {kind.table.__tablename__}  # type: ignore[attr-defined] # mapped classes have it


def test_current_digest_is_left_alone(served: Installation) -> None:
    """What needs no other digest is not written, and no thread is started for it."""
    before = set(threading.enumerate())
    served.upgrades.note(DeployTokenSecret, 1, NEW.value, NEW)
    with watched_updates(served) as updates:
        served.upgrades.write()
    assert updates == []
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("kind", TOKEN_KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("ending", ["rotated", "revoked", "deleted"])
def test_what_happens_meanwhile_stays(served: Installation, kind: TokenKind, ending: str) -> None:
    """A token that is rotated, revoked or deleted between use and writing stays so: the digest is all that is written."""
    kind.make(served)
    row = kind.rows(served)[0]
    served.upgrades.note(kind.table, row["id"], row["digest"], NEW)
    kind.endings[ending](served)
    ended = kind.rows(served)
    served.upgrades.write()
    replaced = {"digest": NEW.value, "digest_key_id": NEW.key_id}
    assert kind.rows(served) == [{**each, **replaced} if each["id"] == row["id"] else each for each in ended]
    assert len(ended) == {"rotated": 2, "revoked": 1, "deleted": 0}[ending]


@pytest.mark.parametrize("stored", [OLD, NEW.value[:-1], b"", "of another row"], ids=ascii)
def test_digest_that_is_not_the_one_in_the_row_is_left_alone(served: Installation, stored: bytes | str) -> None:
    """Another process was faster, or the digest is another row's: what is in the row stays."""
    for _ in range(2):
        DEPLOY_TOKEN.make(served)
    before = DEPLOY_TOKEN.rows(served)
    served.upgrades.note(DeployTokenSecret, before[0]["id"], before[1]["digest"] if isinstance(stored, str) else stored, NEW)
    with watched_updates(served) as updates:
        served.upgrades.write()
    assert updates == [(1, 0)]
    assert DEPLOY_TOKEN.rows(served) == before


def fill(installation: Installation, count: int) -> list[bytes]:
    """Store as many personal access tokens, and give their digests, the first row's first."""
    digests = [number.to_bytes(32) for number in range(1, count + 1)]
    same = {"user_id": 1, "name": "n", "scopes": (TokenScope.API,), "created_at": NOW, "digest_key_id": "old id"}
    with installation.database.transaction() as session:
        session.execute(insert(PersonalAccessToken), [{"digest": digest, **same} for digest in digests])
    return digests


def stored_key_ids(installation: Installation) -> list[str]:
    """Give the ids of the server secrets of all personal access tokens, the oldest first."""
    with installation.database.reading() as connection:
        return list(connection.scalars(select(PersonalAccessToken.digest_key_id).order_by(PersonalAccessToken.id)))


def note_all(installation: Installation, digests: Sequence[bytes]) -> None:
    """Note that each of these has to be replaced."""
    for number, digest in enumerate(digests, start=1):
        installation.upgrades.note(PersonalAccessToken, number, digest, Digest(bytes(reversed(digest)), "new id"))


def test_other_changes_get_between_many(served: Installation) -> None:
    """A transaction replaces at most 1,000 digests, so that no change waits for all of them."""
    note_all(served, fill(served, 2_500))
    with watched_updates(served) as updates:
        served.upgrades.write()
    assert updates == [(1_000, 1_000), (1_000, 1_000), (500, 500)]
    assert set(stored_key_ids(served)) == {"new id"}


def test_store_that_fails_in_between_gets_the_rest_later(
    served: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was replaced before the failure stays so, the rest goes on waiting, and tokens that are used meanwhile come to it."""
    monkeypatch.setattr(digest_upgrades, "_BATCH", 2)
    digests = fill(served, 6)
    note_all(served, digests[:5])
    real, calls = served.database.transaction, iter([False, True])

    def fail_at_second_call() -> Any:
        if next(calls, True):
            raise UnavailableError("The store is off.")
        return real()

    with monkeypatch.context() as patch:
        patch.setattr(served.database, "transaction", fail_at_second_call)
        for _ in range(2):
            served.upgrades.write()
    assert stored_key_ids(served) == ["new id"] * 2 + ["old id"] * 4
    assert [record.getMessage() for record in caplog.records] == [
        "digests of the newer server secret cannot be written now: The store is off."
    ]
    note_all(served, digests)
    served.upgrades.write()
    assert stored_key_ids(served) == ["new id"] * 6


def test_closing_replaces_what_was_noted(served: Installation) -> None:
    """A server that ends loses nothing that it has seen."""
    note_all(served, fill(served, 3))
    served.upgrades.close()
    assert stored_key_ids(served) == ["new id"] * 3


def test_both_tables_are_written_together(served: Installation) -> None:
    """A deploy token and a personal access token of the same number are told apart."""
    for kind in TOKEN_KINDS:
        kind.make(served)
        (row,) = kind.rows(served)
        served.upgrades.note(kind.table, row["id"], row["digest"], Digest(kind.name.encode(), kind.name))
    served.upgrades.write()
    assert [(row["id"], row["digest"], row["digest_key_id"]) for kind in TOKEN_KINDS for row in kind.rows(served)] == [
        (1, kind.name.encode(), kind.name) for kind in TOKEN_KINDS
    ]


def test_failure_tells_no_digest(served: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """A digest that the store refuses is told of without it: neither the log nor what stands for it in texts has a digest."""
    digests = fill(served, 2)
    served.upgrades.note(PersonalAccessToken, 1, digests[0], Digest(digests[1], "new id"))
    with caplog.at_level(logging.DEBUG):
        served.upgrades.write()
    assert "digests of the newer server secret are lost: 1" in caplog.text
    shown = f"{caplog.text}{Upgrade(digests[0], Digest(digests[1], 'new id'))!r}{Digest(digests[1], 'new id')} {served.upgrades!r}"
    for form in (digests[1].hex(), repr(digests[1])[2:-1], digests[0].hex(), repr(digests[0])[2:-1]):
        assert form not in shown
    assert stored_key_ids(served) == ["old id"] * 2


class Notes(DigestUpgrades):
    """Remembers what was noted."""

    def __init__(self) -> None:
        self.noted: list[tuple[type[DigestColumns], int, bytes, Digest]] = []

    def note(self, table: type[DigestColumns], row_id: int, stored: bytes, current: Digest) -> None:
        """Remember."""
        self.noted.append((table, row_id, stored, current))


def search(installation: Installation, notes: DigestUpgrades) -> DigestSearch:
    """Give a search for personal access tokens."""
    statement: Select[*tuple[Any, ...]] = select(PersonalAccessToken.id.label("row"), PersonalAccessToken.name)
    return DigestSearch(installation.database, notes, PersonalAccessToken, statement, "row")


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_row_is_found_by_any_digest_with_one_statement(served: Installation, count: int) -> None:
    """However many server secrets there are, the store is asked once, and the row is noted with what it has and what it should have."""
    stored = fill(served, 3)[1]
    notes = Notes()
    tried = search(served, notes)
    for place in range(count):
        digests = [Digest(bytes([number]) * 32, f"id {number}") for number in range(100, 100 + count)]
        digests[place] = Digest(stored, "old id")
        with counted_statements(served.database) as statements:
            rows = tried.rows(digests)
        assert len(statements) == 1
        assert [(row.row, row.name) for row in rows] == [(2, "n")]
        assert notes.noted.pop() == (PersonalAccessToken, 2, stored, digests[0])
    assert notes.noted == []


@pytest.mark.parametrize("value", [b"", b"\x00" * 32, (2).to_bytes(32)[:-1], (2).to_bytes(31), (4).to_bytes(32)], ids=ascii)
def test_wrong_digest_finds_nothing_and_notes_nothing(served: Installation, value: bytes) -> None:
    """Only the whole digest finds its row, at whichever place it stands; and whoever guesses costs one statement."""
    fill(served, 3)
    notes = Notes()
    tried = search(served, notes)
    for digests in ([Digest(value, "id")], [Digest(OLD, "id"), Digest(value, "id")], [Digest(value, "id"), NEW, Digest(OLD, "id")]):
        with counted_statements(served.database) as statements:
            assert list(tried.rows(digests)) == []
        assert len(statements) == 1
    assert notes.noted == []


def test_threads_replace_each_digest_once(served: Installation) -> None:
    """While threads use 50 old tokens and what they noted is written again and again, nobody is refused and no digest is replaced twice."""
    secrets = [(kind, kind.make(served)) for kind in TOKEN_KINDS for _ in range(25)]
    new = replace_server_secret(served)
    refused: list[object] = []
    over = threading.Event()

    def use_all() -> None:
        for kind, secret in random.sample(secrets, len(secrets)):
            try:
                refused.extend([] if kind.find(served, secret) else [secret])
            except Exception as error:  # noqa: BLE001 - whatever it is
                refused.append(error)

    def write_always() -> None:
        while not over.wait(0.005):
            served.upgrades.write()

    users, writer = [threading.Thread(target=use_all) for _ in range(THREADS)], threading.Thread(target=write_always)
    with watched_updates(served) as updates:
        for thread in (writer, *users):
            thread.start()
        for thread in users:
            thread.join()
        over.set()
        writer.join()
        served.upgrades.write()
    assert refused == []
    assert sum(changed for _, changed in updates) == 50
    assert {key_id for kind in TOKEN_KINDS for key_id in kind.key_ids(served)} == {new.id}
