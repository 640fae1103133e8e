"""Passwords of people: slow to check, so that guesses are dear, and checked one at a time, so that guessing cannot take the server."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from registry_auth.errors import InvalidValueError
from registry_auth.token_secrets import looks_like_token

MIN_LENGTH = 8  # characters, as in GitLab
MAX_LENGTH = 128  # characters, as in GitLab; longer ones never reach the hash function

# OWASP, Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. 15 to 25 ms on one core.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# What an unknown user is checked against, so that the answer takes as long as for a known one. No password has a hash of zeros.
_NOBODY = f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}${'A' * 22}${'A' * 43}"


def hash_password(password: SecretStr) -> str:
    """Give the salted argon2id hash that is stored. Raises InvalidValueError for a text that cannot be a password."""
    text = password.get_secret_value()
    fault = _fault(text)
    if fault is not None:
        raise InvalidValueError(fault, field="password")
    return _HASHER.hash(text)


def _fault(text: str) -> str | None:
    """Say why the text cannot be a password, or None when it can."""
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        return f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters."
    if looks_like_token(text):
        return "A password cannot begin like a token."
    # Bytes that are no UTF-8 reach Python as lone surrogates, which cannot be hashed.
    return "A password is Unicode text." if any("\ud800" <= character <= "\udfff" for character in text) else None


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Checks passwords, one at a time within a process: each check takes 19 MiB and a processor."""

    # One thread that does nothing else, and not a lock: the C library keeps the 19 MiB for each thread that ever took them.
    _thread: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, max_workers=1, thread_name_prefix="passwords"))

    def is_right(self, password: SecretStr, password_hash: str | None) -> bool:
        """Say whether this is the password of the hash; with None (no such user, or no password) it never is, as slowly.

        A text that can be no password is refused without the work.
        """
        text = password.get_secret_value()
        if _fault(text) is not None:
            return False
        return self._thread.submit(_verify, password_hash or _NOBODY, text).result() and password_hash is not None


def _verify(password_hash: str, text: str) -> bool:
    try:
        return _HASHER.verify(password_hash, text)
    except (VerificationError, InvalidHashError):
        return False
