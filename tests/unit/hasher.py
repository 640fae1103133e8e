"""The hash function of passwords, with a note of what it was used for."""

import threading
import time

from argon2 import PasswordHasher


class WatchedHasher:
    """Hashes and checks as another one does; notes each check, and how many there were at once at most."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._lock = threading.Lock()
        self._now = 0
        self.checked: list[tuple[str, str]] = []
        self.most_at_once = 0

    def hash(self, password: str) -> str:
        """Hash a password."""
        return self._hasher.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        """Check a password, slowly enough for another check to come in between if it may."""
        with self._lock:
            self.checked.append((password_hash, password))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            time.sleep(0.01)
            return self._hasher.verify(password_hash, password)
        finally:
            with self._lock:
                self._now -= 1
