"""Throttling: what counts as a wrong secret, as the same name and as the same address, and what happens without Redis."""

import logging
import socket
import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from registry_auth.errors import TooManyWrongSecretsError
from registry_auth.services import utc_now
from registry_auth.throttling import Throttle
from tests.unit.installation import Clock

KEY = b"k" * 32
ADDRESS = "192.0.2.1"


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands until it is moved."""
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    """Give a throttle that counts in memory."""
    return Throttle("memory://", lambda: KEY, clock)


def exhaust(throttle: Throttle, name: str = "alice", address: str = ADDRESS) -> None:
    """Send as many different wrong secrets as are permitted."""
    for number in range(10):
        throttle.check(name, address)
        throttle.count_wrong(name, address, f"wrong-{number}")


def is_throttled(throttle: Throttle, name: str, address: str) -> bool:
    """Say whether the next wrong secret is refused for being one too many."""
    try:
        throttle.check(name, address)
    except TooManyWrongSecretsError:
        return True
    return False


def test_eleventh_different_wrong_secret_is_refused(throttle: Throttle, clock: Clock) -> None:
    """Ten different wrong secrets are permitted in a minute; then it is said how long to wait."""
    exhaust(throttle)
    clock.advance(seconds=17.5)
    for refused in (partial(throttle.check, "alice", ADDRESS), partial(throttle.count_wrong, "alice", ADDRESS, "wrong-10")):
        with pytest.raises(TooManyWrongSecretsError) as refusal:
            refused()
        assert refusal.value.retry_after == 43
        assert str(refusal.value) == "Too many wrong secrets for this user name from this address. Try again in 43 seconds."
        assert refusal.value.who == "caller='alice' credential=None"


def test_last_second_is_one_second(throttle: Throttle, clock: Clock) -> None:
    """Nobody is told to wait for no time, or for '1 seconds'."""
    exhaust(throttle)
    clock.advance(seconds=59.9)
    with pytest.raises(TooManyWrongSecretsError, match=r"Try again in 1 second\.$"):
        throttle.check("alice", ADDRESS)


def test_same_wrong_secret_counts_once(throttle: Throttle) -> None:
    """A client that sends one wrong secret again and again stays at one."""
    for _ in range(100):
        throttle.count_wrong("alice", ADDRESS, "stale")
    for number in range(9):
        throttle.count_wrong("alice", ADDRESS, f"wrong-{number}")
    assert is_throttled(throttle, "alice", ADDRESS)


def test_same_wrong_secret_takes_one_place_for_ever(throttle: Throttle, clock: Clock) -> None:
    """A pod that tries its stale token for an hour is never throttled by that."""
    for _ in range(3_600):
        throttle.check("alice", ADDRESS)
        throttle.count_wrong("alice", ADDRESS, "stale")
        clock.advance(seconds=1)


def test_counted_secret_is_no_new_one_at_the_limit(throttle: Throttle) -> None:
    """At the limit, what is counted already stays a wrong secret; what was refused does not become one by being sent again."""
    exhaust(throttle)
    throttle.count_wrong("alice", ADDRESS, "wrong-9")
    for _ in range(3):
        with pytest.raises(TooManyWrongSecretsError):
            throttle.count_wrong("alice", ADDRESS, "wrong-10")


def test_check_counts_nothing(throttle: Throttle) -> None:
    """Asking whether the limit is reached brings nobody nearer to it."""
    for _ in range(100):
        throttle.check("alice", ADDRESS)


def test_others_are_not_slowed(throttle: Throttle) -> None:
    """Another name or another address has its own count."""
    exhaust(throttle)
    assert is_throttled(throttle, "alice", ADDRESS)
    for name, address in (("bob", ADDRESS), ("alice", "192.0.2.2"), ("alice192.0.2.", "1"), ("", "")):
        exhaust(throttle, name, address)


def test_address_alone_has_a_wider_limit_of_its_own(throttle: Throttle) -> None:
    """Whoever sends wrong secrets for ever new names, or without any, is refused by address after fifty; nobody else is."""
    for number in range(50):
        throttle.check(None, ADDRESS)
        throttle.count_wrong(None, ADDRESS, f"name-{number}:wrong")
    throttle.check("alice", ADDRESS)
    throttle.check(None, "192.0.2.2")
    with pytest.raises(TooManyWrongSecretsError, match=r"^Too many wrong secrets from this address\. Try again in 60 seconds\.$"):
        throttle.check(None, ADDRESS)


def test_window_moves(throttle: Throttle, clock: Clock) -> None:
    """Each wrong secret counts for a minute from when it came, so a place is free when the oldest is a minute old."""
    for number in range(10):
        throttle.count_wrong("alice", ADDRESS, f"wrong-{number}")
        clock.advance(seconds=5)
    with pytest.raises(TooManyWrongSecretsError) as refusal:
        throttle.check("alice", ADDRESS)
    clock.advance(seconds=refusal.value.retry_after)
    throttle.count_wrong("alice", ADDRESS, "wrong-10")
    assert is_throttled(throttle, "alice", ADDRESS)
    clock.advance(seconds=60)
    exhaust(throttle)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Alice", ADDRESS), ("aLICE", ADDRESS)),
        (("straße", ADDRESS), ("STRASSE", ADDRESS)),
        (("alice", "2001:db8:1:2::1"), ("alice", "2001:db8:1:2:ffff:ffff:ffff:ffff")),
        (("alice", "2001:db8::1"), ("alice", "2001:DB8:0:0:0:0:0:2")),
        (("alice", "fe80::1%eth0"), ("alice", "fe80::2%eth1")),
        (("alice", "::ffff:192.0.2.1"), ("alice", "192.0.2.1")),
        (("alice", "no address"), ("alice", "no address")),
        (("\ud800", "\0"), ("\ud800", "\0")),
    ],
)
def test_same_name_and_address_in_other_words(throttle: Throttle, first: tuple[str, str], second: tuple[str, str]) -> None:
    """Names compare case-insensitively, an IPv6 address by its /64, a mapped IPv4 address as itself, anything else as text."""
    exhaust(throttle, *first)
    assert is_throttled(throttle, *second)


@pytest.mark.parametrize(
    ("one", "other"), [("2001:db8:1:2::1", "2001:db8:1:3::1"), ("::ffff:192.0.2.1", "::1"), ("192.0.2.1", "::c000:201")]
)
def test_other_networks_are_others(throttle: Throttle, one: str, other: str) -> None:
    """Another /64 is somebody else, and IPv6 is never taken for IPv4."""
    exhaust(throttle, "alice", one)
    assert not is_throttled(throttle, "alice", other)


def test_key_is_that_of_the_moment(clock: Clock) -> None:
    """With another key the counts begin anew, and those with the former one are still there should it come back."""
    keys = {"now": KEY}
    throttle = Throttle("memory://", lambda: keys["now"], clock)
    exhaust(throttle)
    for key, is_counted in ((b"x" * 32, False), (KEY, True)):
        keys["now"] = key
        assert is_throttled(throttle, "alice", ADDRESS) is is_counted


def test_nothing_readable_is_stored(throttle: Throttle) -> None:
    """The storage holds digests, which differ with the key, and neither names nor addresses nor secrets."""
    exhaust(throttle)
    other = Throttle("memory://", lambda: b"x" * 32, utc_now)
    exhaust(other)
    keys, other_keys = set(throttle._memory._hits), set(other._memory._hits)
    assert len(keys) == 11
    assert not keys & other_keys
    for key in keys:
        _room, *digests, _amount, _multiple, _unit = key.split("/")
        assert all(len(digest) == 32 and set(digest) <= set(string.hexdigits) for digest in digests)


@pytest.mark.parametrize("same", [True, False])
def test_threads_count_together(throttle: Throttle, same: bool) -> None:
    """Of what eight threads send at once exactly ten different secrets are counted, and one secret once."""

    def send(number: int) -> bool:
        try:
            throttle.count_wrong("alice", ADDRESS, "same" if same else f"wrong-{number}")
        except TooManyWrongSecretsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        permitted = list(pool.map(send, range(2_000)))
    assert permitted.count(True) == (2_000 if same else 10)
    assert is_throttled(throttle, "alice", ADDRESS) is not same


def test_without_a_clock_the_time_of_day_counts() -> None:
    """The clock is the machine's unless one is given."""
    throttle = Throttle("memory://", lambda: KEY, utc_now)
    exhaust(throttle)
    with pytest.raises(TooManyWrongSecretsError) as refusal:
        throttle.check("alice", ADDRESS)
    assert 50 <= refusal.value.retry_after <= 60
    assert throttle._clock().tzinfo is UTC
    assert throttle._clock() <= datetime.now(UTC)


@pytest.fixture(params=["refuses", "is-silent", "speaks-http", "is-gone", "has-an-impossible-name"])
def broken_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a Redis, with its password, that cannot be used."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        if request.param == "refuses":
            server.close()
        elif request.param == "is-gone":
            host = "redis.invalid"
        elif request.param == "has-an-impossible-name":
            host = f"{'x' * 64}.example.com"
        with ThreadPoolExecutor(1) as pool:
            if request.param == "speaks-http":
                pool.submit(speak_http, server)
            yield f"redis://:hunter2@{host}/0"


def speak_http(server: socket.socket) -> None:
    """Answer whoever connects as a web server would."""
    connection, _address = server.accept()
    with connection:
        connection.recv(1_000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_without_redis_this_process_counts(broken_redis: str, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Redis that does not answer makes no log-in fail; it is said once, without the password, and the limit holds."""
    throttle = Throttle(broken_redis, lambda: KEY, clock)
    exhaust(throttle)
    assert is_throttled(throttle, "alice", ADDRESS)
    (line,) = caplog.messages
    assert line.startswith("throttling: Redis failed, so this process counts by itself for 60 seconds: ")
    assert caplog.records[0].levelno == logging.WARNING
    assert "hunter2" not in caplog.text


def test_redis_is_asked_again_after_a_minute(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """While Redis is down it is asked, and told of, once a minute, also by threads that fail at the same time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        throttle = Throttle(f"redis://127.0.0.1:{server.getsockname()[1]}", lambda: KEY, clock)
    for minute in range(1, 4):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(throttle.check, ["alice"] * 50, [ADDRESS] * 50))
        assert len(caplog.messages) == minute
        clock.advance(seconds=60)
