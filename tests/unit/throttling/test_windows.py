"""Windows in memory: bounded, and nothing is kept that does not count any more."""

import pytest

from registry_auth.throttling.windows import MemoryWindows


class Seconds:
    """A clock in seconds that stands until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def test_hits_count_until_they_leave_the_window() -> None:
    """A hit counts for as long as the window, and the oldest that counts is where the window starts."""
    clock = Seconds()
    windows = MemoryWindows(clock)
    for _ in range(3):
        assert windows.acquire_entry("key", 3, 60)
        clock.now += 10
    assert not windows.acquire_entry("key", 3, 60)
    assert windows.get_moving_window("key", 3, 60) == (1_000.0, 3)
    clock.now = 1_060.0
    assert windows.get_moving_window("key", 3, 60) == (1_010.0, 2)
    assert windows.acquire_entry("key", 3, 60)
    assert windows.get_moving_window("other", 3, 60) == (1_060.0, 0)


def test_cleared_key_has_no_hits() -> None:
    """Clearing forgets the hits, and is no error for a key without any."""
    windows = MemoryWindows(Seconds())
    windows.acquire_entry("key", 1, 60)
    for _ in range(2):
        windows.clear("key")
    assert windows.acquire_entry("key", 1, 60)


def test_old_keys_are_forgotten() -> None:
    """What does not count any more takes no memory once something else is counted."""
    clock = Seconds()
    windows = MemoryWindows(clock)
    for number in range(1_000):
        windows.acquire_entry(str(number), 10, 60)
    clock.now += 60
    windows.acquire_entry("new", 10, 60)
    assert len(windows) == 1


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless new keys push out those that were hit longest ago, and only as many as needed."""
    monkeypatch.setattr("registry_auth.throttling.windows._MOST_KEYS", 100)
    windows = MemoryWindows(Seconds())
    for number in range(100):
        windows.acquire_entry(str(number), 10, 60)
    windows.acquire_entry("0", 10, 60)
    for number in range(100, 199):
        windows.acquire_entry(str(number), 10, 60)
    assert len(windows) == 100
    assert windows.get_moving_window("0", 10, 60)[1] == 2
    assert windows.get_moving_window("99", 10, 60)[1] == 0
