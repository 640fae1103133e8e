"""Where hits are counted over moving windows, and how that is done in the memory of this process."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Protocol

MEMORY_URL = "memory://"

# Each key takes about 500 bytes, so at most 25 MB a process. Whoever wants a count to be forgotten has to send as many other wrong
# secrets within its window: there is nothing to gain by that.
_MOST_KEYS = 50_000


class WindowsFailedError(Exception):
    """What the windows are stored in does not answer; `str()` is for the log."""


class Windows(Protocol):
    """Moving windows by key: the methods of `limits.storage.MovingWindowSupport` and what clears a key.

    They raise WindowsFailedError.
    """

    def acquire_entry(self, key: str, limit: int, expiry: int) -> bool:
        """Count a hit, and say True; say False and count nothing when there are `limit` hits in the last `expiry` seconds."""

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Give the instant of the oldest hit that counts, in seconds since the epoch, and how many count: now and 0 without any."""

    def clear(self, key: str) -> None:
        """Forget the hits of a key."""


class MemoryWindows:
    """Windows in memory, at most so many, whose least recently hit one makes room.

    The memory storage of `limits` 5.8 keeps the key of a moving window for ever and lets a thread go through all keys at every hit.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._hits: OrderedDict[str, list[float]] = OrderedDict()  # in the order of their latest hits

    def __len__(self) -> int:
        return len(self._hits)

    def acquire_entry(self, key: str, limit: int, expiry: int) -> bool:
        """Count a hit, unless there are `limit` hits in the last `expiry` seconds."""
        with self._lock:
            now = self._clock()
            hits = self._recent(key, now - expiry)
            if len(hits) >= limit:
                return False
            self._hits[key] = [*hits, now]
            self._hits.move_to_end(key)
            self._make_room(now - expiry)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the signature of limits
        """Give the instant of the oldest hit that counts, and how many count."""
        with self._lock:
            now = self._clock()
            hits = self._recent(key, now - expiry)
            return (hits[0] if hits else now), len(hits)

    def clear(self, key: str) -> None:
        """Forget the hits of a key."""
        with self._lock:
            self._hits.pop(key, None)

    def _recent(self, key: str, start: float) -> list[float]:
        return [instant for instant in self._hits.get(key, ()) if instant > start]

    def _make_room(self, start: float) -> None:
        # The key in front has the oldest latest hit: when that one counts, so does a hit of every other key.
        while len(self._hits) > _MOST_KEYS or next(iter(self._hits.values()))[-1] <= start:
            self._hits.popitem(last=False)
