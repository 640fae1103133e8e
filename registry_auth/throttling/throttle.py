"""How many wrong secrets somebody may send, and who counts as the same somebody."""

import hashlib
import hmac
import logging
import math
from collections.abc import Callable
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Lock
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute

from registry_auth.errors import TooManyWrongSecretsError
from registry_auth.logs import caller_label
from registry_auth.throttling.windows import MEMORY_URL, MemoryWindows, Windows, WindowsFailedError

# People mistype a password two or three times, and a node may hold a handful of old tokens; guessing needs millions. The window moves:
# in fixed ones, twice as many could be sent around the turn of the minute.
_WRONG_SECRETS = RateLimitItemPerMinute(10, namespace="wrong-secrets")

# Without this, somebody who tries many user names keeps the hash function busy, or finds whoever has a common password. Behind one
# address there may be an office full of people who mistype theirs.
_WRONG_SECRETS_OF_ADDRESS = RateLimitItemPerMinute(50, namespace="wrong-secrets-of-address")

# Docker sends the same password by POST and then by GET, and a pod tries its stale token for ever: that is one wrong secret, not many.
_SAME_SECRET = RateLimitItemPerMinute(1, namespace="same-secret")

# As long as a window, so that a Redis that hangs delays one log-in a minute, and the log tells of it once a minute.
_REDIS_PAUSE = 60  # seconds

_IPV6_CUSTOMER_BITS = 64  # what one customer gets at least (RFC 6177), and may take addresses from at will
_DIGEST_LENGTH = 32  # hexadecimal digits: 128 bits

_Answer = TypeVar("_Answer")

logger = logging.getLogger(__name__)


class Throttle:
    """Counts different wrong secrets per credential name and client address, in Redis or in the memory of this process.

    Names compare case-insensitively and IPv6 addresses by their /64. Good secrets never come here, so nobody can slow them by sending
    wrong ones. What is stored are digests with `key`, so that whoever reads the storage can neither read nor guess names and secrets.
    When Redis does not answer, this process counts by itself for a minute.

    Where the name is None, what counts is the address alone, with a wider limit.
    """

    def __init__(self, storage_url: str, key: Callable[[], bytes], clock: Callable[[], datetime]) -> None:
        self._key = key
        self._clock = clock
        self._memory = MemoryWindows(self._now)
        self._redis = None if storage_url == MEMORY_URL else _redis_windows(storage_url)
        self._redis_paused_until = 0.0
        self._lock = Lock()

    def check(self, name: str | None, address: str) -> None:
        """Raise TooManyWrongSecretsError while the limit is reached; count nothing. To be asked before a secret is checked at a cost."""
        limit, subject = self._limit(name, address)
        _refuse_if_full(name, self._ask(partial(self._full_for, limit, subject)))

    def count_wrong(self, name: str | None, address: str, secret: str) -> None:
        """Count a wrong secret, unless it is counted already.

        Raises TooManyWrongSecretsError, and counts nothing, when the limit was reached before by other secrets.
        """
        limit, subject = self._limit(name, address)
        _refuse_if_full(name, self._ask(partial(self._count, limit, subject, self._digest(subject, secret))))

    def _full_for(self, limit: RateLimitItem, subject: str, windows: Windows) -> int:
        """Give the seconds until there is room for another wrong secret; 0 when there is."""
        start, count = windows.get_moving_window(limit.key_for(subject), limit.amount, limit.get_expiry())
        if count < limit.amount:
            return 0
        return max(1, math.ceil(start + limit.get_expiry() - self._now()))

    def _count(self, limit: RateLimitItem, subject: str, secret: str, windows: Windows) -> int:
        """Count the wrong secret, or give the seconds until there is room for it."""
        same = _SAME_SECRET.key_for(subject, secret)
        if not windows.acquire_entry(same, _SAME_SECRET.amount, _SAME_SECRET.get_expiry()):
            return 0
        if windows.acquire_entry(limit.key_for(subject), limit.amount, limit.get_expiry()):
            return 0
        windows.clear(same)  # it is not counted, and when it is sent again it must not pass for one that is
        return max(1, self._full_for(limit, subject, windows))

    def _ask(self, question: Callable[[Windows], _Answer]) -> _Answer:
        if self._redis is not None and self._now() >= self._redis_paused_until:
            try:
                return question(self._redis)
            except WindowsFailedError as failure:
                self._pause_redis(failure)
        return question(self._memory)

    def _pause_redis(self, failure: WindowsFailedError) -> None:
        with self._lock:
            if self._now() < self._redis_paused_until:
                return  # another thread was faster, and has said so
            self._redis_paused_until = self._now() + _REDIS_PAUSE
        logger.warning("throttling: Redis failed, so this process counts by itself for %d seconds: %s", _REDIS_PAUSE, failure)

    def _limit(self, name: str | None, address: str) -> tuple[RateLimitItem, str]:
        """Give the limit that holds, and the key of what it is counted for."""
        network = _network(address)
        if name is None:
            return _WRONG_SECRETS_OF_ADDRESS, self._digest(network)
        return _WRONG_SECRETS, self._digest(name.casefold(), network)

    def _digest(self, *parts: str) -> str:
        # ascii() of the tuple keeps the parts apart, whatever they hold.
        return hmac.digest(self._key(), ascii(parts).encode(), hashlib.sha256).hex()[:_DIGEST_LENGTH]

    def _now(self) -> float:
        return self._clock().timestamp()


def _redis_windows(url: str) -> Windows:
    from registry_auth.throttling.redis_windows import RedisWindows  # noqa: PLC0415 - see there

    return RedisWindows(url)


def _refuse_if_full(name: str | None, seconds: int) -> None:
    if seconds and name is None:
        raise TooManyWrongSecretsError(seconds)
    if seconds and name is not None:
        raise TooManyWrongSecretsError(seconds, "for this user name from this address", who=caller_label(name))


def _network(address: str) -> str:
    """Give what stands for the client in its counts: an IPv4 address, an IPv6 /64, or the text when it is neither."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    host: IPv4Address | IPv6Address = getattr(parsed, "ipv4_mapped", None) or parsed
    if isinstance(host, IPv4Address):
        return str(host)
    return f"{int(host) >> (host.max_prefixlen - _IPV6_CUSTOMER_BITS):x}/{_IPV6_CUSTOMER_BITS}"
