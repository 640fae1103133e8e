"""Windows in Redis, counted for all workers and replicas together. Not imported without need: redis-py takes 5 MB of each worker."""

from collections.abc import Iterator
from contextlib import contextmanager

from limits.storage import RedisStorage
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from registry_auth.throttling.windows import WindowsFailedError

# A log-in waits this long for Redis, and no longer: each worker has few threads.
_TIMEOUT = 0.5  # seconds
_KEY_PREFIX = "registry-auth"


class RedisWindows:
    """Windows in the Redis at an address, which settings have checked. Nothing is asked of it before the first hit."""

    def __init__(self, url: str) -> None:
        # Without this redis-py tries again, with growing pauses, for seconds.
        once = Retry(NoBackoff(), 0)
        pool = ConnectionPool.from_url(url.removeprefix("redis+"), socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=once)
        self._storage = RedisStorage(url, connection_pool=pool, key_prefix=_KEY_PREFIX)

    def acquire_entry(self, key: str, limit: int, expiry: int) -> bool:
        """Count a hit, unless there are `limit` hits in the last `expiry` seconds."""
        with _translated_errors():
            return self._storage.acquire_entry(key, limit, expiry)

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Give the instant of the oldest hit that counts, and how many count."""
        with _translated_errors():
            return self._storage.get_moving_window(key, limit, expiry)

    def clear(self, key: str) -> None:
        """Forget the hits of a key."""
        with _translated_errors():
            self._storage.clear(key)


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, ValueError) as failure:  # UnicodeError, of a host name that no host can have, is a ValueError
        # redis-py names host and port in its messages, never the password.
        raise WindowsFailedError(str(failure)) from failure
