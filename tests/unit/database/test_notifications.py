"""Changes of a PostgreSQL database: they are heard, or it is known that they are not."""

import logging
from collections.abc import Iterator
from contextlib import closing
from threading import enumerate as all_threads

import pytest
from sqlalchemy import text

from registry_auth.database import Database, migrate, notifications
from registry_auth.database.notifications import NotificationWatch
from registry_auth.last_use import LastUse, LastUses
from registry_auth.namespaces.ownership import ProjectLookup
from registry_auth.namespaces.service import Namespaces
from registry_auth.values import CallerKind, NamespaceKind, Visibility
from tests.e2e.peers.postgresql import PostgresCluster
from tests.e2e.peers.processes import wait_until
from tests.unit.database.channel import Channel
from tests.unit.installation import NOW, Clock

REAL_SECOND = 0.02  # of these tests


class Time:
    """A clock that stands until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Let the watch have a clock of the test, and let it wait hundredths of a second instead of seconds."""
    time = Time()
    monkeypatch.setattr(notifications, "monotonic", time)
    for name in ("_BEAT_EVERY", "_RETRY_AFTER"):
        monkeypatch.setattr(notifications, name, REAL_SECOND)
    return time


@pytest.fixture
def channel() -> Channel:
    """Give a channel."""
    return Channel()


@pytest.fixture
def watch(channel: Channel, time: Time) -> Iterator[NotificationWatch]:
    """Give a watch that listens."""
    assert time.now
    with closing(NotificationWatch(channel.connect, channel.notify)) as watch:
        yield watch


def settled(watch: NotificationWatch) -> int:
    """Wait for a version and give it."""
    wait_until(lambda: watch.version() is not None, "a version")
    version = watch.version()
    assert version is not None
    return version


def changed(watch: NotificationWatch, before: int) -> int:
    """Wait for another version and give it."""
    wait_until(lambda: watch.version() not in {None, before}, "another version")
    return settled(watch)


def beats(channel: Channel, number: int = 3) -> None:
    """Wait until some heartbeats have been sent and heard by everybody."""
    counted: list[str] = []
    with channel.connect() as line:
        while len(counted) < number:
            counted.extend(each.payload for each in line.notifies(timeout=1))
    wait_until(lambda: all(line.heard.empty() for line in channel.lines), "everything to be heard")


def test_nothing_is_opened_before_the_first_question(channel: Channel) -> None:
    """A process that remembers nothing neither connects nor has threads."""
    with closing(NotificationWatch(channel.connect, channel.notify)):
        assert channel.connections == 0
    assert channel.connections == 0


def test_each_change_is_another_version(channel: Channel, watch: NotificationWatch) -> None:
    """Without one the version stays, whatever time passes and however many heartbeats are heard."""
    versions = [settled(watch)]
    for _ in range(3):
        beats(channel)
        assert watch.version() == versions[-1]
        channel.notify("changed")
        versions.append(changed(watch, versions[-1]))
    assert len(set(versions)) == 4
    assert [line.statements for line in channel.lines] == [["LISTEN registry_auth"]]


def test_no_version_without_a_heartbeat(channel: Channel, watch: NotificationWatch) -> None:
    """That a connection is open, or that somebody else is heard, does not say that changes would be."""
    channel.is_heard = False
    assert watch.version() is None
    wait_until(lambda: bool(channel.lines), "a connection")
    for line in channel.lines:
        line.heard.put("0123456789abcdef0123456789abcdef 99999999.0")
        line.heard.put("changed")
    wait_until(lambda: all(line.heard.empty() for line in channel.lines), "everything to be heard")
    assert watch.version() is None
    channel.is_heard = True
    assert settled(watch) is not None


def test_two_missed_heartbeats_end_the_trust(channel: Channel, watch: NotificationWatch, time: Time) -> None:
    """For two and a half seconds after the last heartbeat that was heard there is a version, then none; the next one brings it back."""
    version = settled(watch)
    beats(channel)
    channel.is_heard = False
    time.now += 2.4
    assert watch.version() == version
    time.now += 0.2
    assert watch.version() is None
    channel.is_heard = True
    assert settled(watch) == version


def test_heartbeat_vouches_from_when_it_was_sent(channel: Channel, watch: NotificationWatch, time: Time) -> None:
    """One that was long on its way says nothing of what has happened meanwhile."""
    settled(watch)
    beats(channel)
    channel.is_heard = False
    late = f"{watch._name} {time.now}"
    time.now += 2.6
    for line in channel.lines:
        line.heard.put(late)
    wait_until(lambda: all(line.heard.empty() for line in channel.lines), "everything to be heard")
    assert watch.version() is None


def test_heartbeat_comes_after_the_changes_before_it(channel: Channel, watch: NotificationWatch, time: Time) -> None:
    """When there is a version again after a silence, it counts the changes whose notifications came late."""
    version = settled(watch)
    beats(channel)
    channel.is_heard = False
    time.now += 10
    assert watch.version() is None
    for line in channel.lines:
        line.heard.put("changed")
    channel.is_heard = True
    assert settled(watch) != version


def test_new_connection_is_another_version(channel: Channel, watch: NotificationWatch) -> None:
    """What happened between two connections was heard on neither."""
    version = settled(watch)
    channel.is_open = False
    channel.end_connections()
    wait_until(lambda: watch.version() is None, "the end of the trust")
    channel.is_open = True
    assert settled(watch) != version


def test_silent_connection_is_given_up(channel: Channel, watch: NotificationWatch, time: Time) -> None:
    """One on which no heartbeat comes for a while may lead nowhere: another is tried."""
    version = settled(watch)
    beats(channel)
    channel.is_heard = False
    before = channel.connections
    time.now += 8
    wait_until(lambda: channel.connections > before, "another connection")
    assert watch.version() is None
    channel.is_heard = True
    assert settled(watch) != version


def test_heartbeats_that_cannot_be_sent(channel: Channel, watch: NotificationWatch, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """When changes go to a server that takes none, there is no version; the operator is told why, once."""
    caplog.set_level(logging.WARNING)
    version = settled(watch)
    beats(channel)
    channel.takes = False
    wait_until(lambda: bool(caplog.records), "a line in the log")
    time.now += 2.6
    assert watch.version() is None
    channel.takes = True
    assert settled(watch) == version
    assert [record.getMessage() for record in caplog.records] == [
        "changes in the database cannot be seen, so nothing is remembered: nobody takes it"
    ]


def test_same_problem_is_told_once_and_again_after_it_was_mended(
    channel: Channel, watch: NotificationWatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for each problem, however often the connection is tried, and one for its end."""
    caplog.set_level(logging.INFO)
    settled(watch)
    for number in (1, 2):
        channel.is_open = False
        channel.end_connections()
        wait_until(lambda number=number: len(caplog.records) >= 3 * number - 1, "lines in the log")  # type: ignore[misc]
        channel.is_open = True
        settled(watch)
    assert [(record.levelno, record.getMessage().rpartition(": ")[2]) for record in caplog.records] == [
        (logging.WARNING, "terminating connection"),
        (logging.WARNING, "connection refused"),
        (logging.INFO, "changes in the database are seen again"),
    ] * 2


def test_close_ends_threads_and_connection(channel: Channel, time: Time) -> None:
    """Nothing is left, and a question afterwards starts nothing."""
    assert time.now
    before = set(all_threads())
    watch = NotificationWatch(channel.connect, channel.notify)
    settled(watch)
    assert len(set(all_threads()) - before) == 2
    watch.close()
    assert set(all_threads()) <= before
    assert channel.lines == []
    watch.version()
    assert set(all_threads()) <= before


def test_watch_that_was_never_asked_can_be_closed(channel: Channel) -> None:
    """It then never connects."""
    watch = NotificationWatch(channel.connect, channel.notify)
    watch.close()
    assert watch.version() is None
    assert channel.connections == 0


@pytest.fixture(scope="module")
def servers(postgresql: PostgresCluster) -> Iterator[tuple[Database, Database]]:
    """Give two servers' views of one PostgreSQL, both of which remember."""
    url = postgresql.create_database()
    with Database(url) as one, Database(url) as other:
        migrate(one)
        for database in (one, other):
            wait_until(lambda database=database: database.cache.version() is not None, "a version")  # type: ignore[misc]
        yield one, other
    postgresql.drop_database(url)


def versions(servers: tuple[Database, Database]) -> tuple[int | None, int | None]:
    """Give what both servers know of."""
    return servers[0].cache.version(), servers[1].cache.version()


def heard(servers: tuple[Database, Database], before: tuple[int | None, int | None]) -> bool:
    """Say whether both have heard of something since, and would know of more."""
    return all(now is not None and now != then for now, then in zip(versions(servers), before, strict=True))


def steps(servers: tuple[Database, Database], before: tuple[int | None, int | None]) -> set[int]:
    """Give how often each has heard of something since."""
    return {(now or 0) - (then or 0) for now, then in zip(versions(servers), before, strict=True)}


CHANGES = {
    "insert": "INSERT INTO reserved_paths VALUES ('a', 'group', now()); INSERT INTO namespaces (kind, path, name, visibility, created_at) "
    "VALUES ('group', 'a', 'a', 'public', now())",
    "update": "UPDATE users SET blocked_at = now()",
    "delete": "DELETE FROM memberships",
    "truncate": "TRUNCATE personal_access_tokens",
    "secrets": "DELETE FROM deploy_token_secrets",
    "tokens": "UPDATE deploy_tokens SET revoked_at = now()",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_postgresql_tells_every_server_of_a_change(servers: tuple[Database, Database], postgresql: PostgresCluster, statement: str) -> None:
    """Whoever makes it, also by hand: all servers hear of it, once for each transaction, and not of one that is rolled back."""
    before, name = versions(servers), servers[0].label.partition(" ")[0]
    with servers[0].transaction() as session:
        session.execute(text("SELECT count(*) FROM namespaces"))
    postgresql.run_sql(f"BEGIN; {statement}; ROLLBACK", name)
    postgresql.run_sql(f"BEGIN; {statement}; COMMIT", name)
    wait_until(lambda: heard(servers, before), "both servers to hear of it")
    assert steps(servers, before) == {1}


def test_own_changes_are_heard_too(servers: tuple[Database, Database]) -> None:
    """A server hears of what it changed itself as the others do, and then gives what is stored."""
    one, other = servers
    Namespaces(one, Clock()).create(NamespaceKind.PROJECT, "p", visibility=Visibility.PRIVATE)
    lookups = ProjectLookup(one), ProjectLookup(other)
    wait_until(lambda: all(lookup.owners(["p"]) for lookup in lookups), "the project to be found")
    Namespaces(one, Clock()).update(NamespaceKind.PROJECT, "p", visibility=Visibility.PUBLIC)
    wait_until(lambda: all(lookup.owners(["p"])["p"].visibility is Visibility.PUBLIC for lookup in lookups), "the change to be heard of")


def test_last_uses_are_no_changes(servers: tuple[Database, Database]) -> None:
    """They are written all the time, and no answer depends on them."""
    before = versions(servers)
    use = LastUse(NOW, "192.0.2.1", "container_registry")
    LastUses(servers[0]).write({(CallerKind.DEPLOY_TOKEN, 1): use})
    Namespaces(servers[0], Clock()).create(NamespaceKind.GROUP, "g")
    wait_until(lambda: heard(servers, before), "both servers to hear of the group")
    assert steps(servers, before) == {1}


def test_ended_connections_are_another_version(servers: tuple[Database, Database], postgresql: PostgresCluster) -> None:
    """What happened while a server did not listen it cannot know: it remembers nothing from before."""
    before = versions(servers)
    assert postgresql.terminate_connections(servers[0].label.partition(" ")[0]) >= 4
    wait_until(lambda: heard(servers, before), "both servers to listen again")
