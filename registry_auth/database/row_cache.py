"""Rows that were read from the store, remembered until anything in it changes."""

from collections.abc import Callable, Hashable, Mapping
from threading import Lock, local
from typing import Any, Generic, TypeVar

from cachetools import LRUCache

from registry_auth.database.changes import ChangeWatch

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _Request(local):
    """What a thread has learned of the version in the request that it serves."""

    is_begun = False
    has_asked = False
    version: int | None = None


class RowCache:
    """At most `size` rows of all kinds; the one that was used least lately makes room. Safe for several threads.

    Every change empties it: changes are rare, and so there is no question of which rows a change concerns. Only rows that exist are
    remembered, so nobody without a good credential can fill it. What depends on the time, such as expiry, is for the reader to check.
    """

    def __init__(self, changes: ChangeWatch, size: int) -> None:
        self._changes = changes
        self._size = size
        self._lock = Lock()
        self._version: int | None = None
        self._request = _Request()
        self._rows: LRUCache[tuple[object, Hashable], Any] = LRUCache(max(size, 1))

    def begin_request(self) -> None:
        """Let this thread ask for the version once, at its next look-up, and go on with that until it begins another request.

        All that a request reads is then of one moment. To ask for each look-up took a twentieth of a whole request on SQLite.
        """
        self._request.is_begun, self._request.has_asked = True, False

    def version(self) -> int | None:
        """Forget everything if something has changed, and give the version that counts; None when nothing can be remembered.

        Outside requests it is asked for each time.
        """
        request = self._request
        if not request.has_asked:
            request.version = self._ask()
            request.has_asked = request.is_begun
        return request.version

    def _ask(self) -> int | None:
        if not self._size:
            return None
        with self._lock:
            version = self._changes.version()
            if version != self._version:
                self._rows.clear()
                self._version = version
            return version

    def get(self, key: tuple[object, Hashable]) -> Any:
        """Give the row that is remembered, or None."""
        with self._lock:
            return self._rows.get(key)

    def put(self, version: int, rows: Mapping[tuple[object, Hashable], object]) -> None:
        """Remember rows that were read after this version was given; not when a change has overtaken them."""
        with self._lock:
            if version == self._version:
                self._rows.update(rows)


class RememberedRows(Generic[Key, Value]):
    """The rows of one kind, in the cache of all."""

    def __init__(self, cache: RowCache) -> None:
        self._cache = cache

    def moment(self) -> "Moment[Key, Value]":
        """Begin a moment: what is read from now on can be remembered in it."""
        return Moment(self._cache, self, self._cache.version())

    def read(self, key: Key, read: Callable[[], Value | None]) -> Value | None:
        """Give the row of a key, by `read` unless it is remembered; None when there is none."""
        moment = self.moment()
        row = moment.get(key)
        if row is None:
            row = read()
            if row is not None:
                moment.put({key: row})
        return row


class Moment(Generic[Key, Value]):
    """What is remembered of one kind of rows, and can be used now."""

    __slots__ = ("_cache", "_kind", "_version")

    def __init__(self, cache: RowCache, kind: RememberedRows[Key, Value], version: int | None) -> None:
        self._cache = cache
        self._kind = kind
        self._version = version

    def get(self, key: Key) -> Value | None:
        """Give the row of a key, or None when it has to be read."""
        row: Value | None = None if self._version is None else self._cache.get((self._kind, key))
        return row

    def put(self, rows: Mapping[Key, Value]) -> None:
        """Remember rows that were read since the moment began."""
        if self._version is not None:
            self._cache.put(self._version, {(self._kind, key): row for key, row in rows.items()})
