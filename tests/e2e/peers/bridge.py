"""A network bridge of a test's own, so that the docker0 of another daemon is left alone."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .availability import program
from .processes import clean_environment, run


@contextmanager
def private_bridge(home: Path) -> Iterator[str]:
    """Make a bridge with a network 10.99.x.0/24 that nobody uses and return its name; it goes with the `with` block."""
    name = f"ra{secrets.token_hex(4)}"  # the kernel takes 15 characters
    _ip(home, "link", "add", name, "type", "bridge")
    try:
        _ip(home, "address", "add", f"{_free_address(home)}/24", "dev", name)
        _ip(home, "link", "set", name, "up")
        yield name
    finally:
        _ip(home, "link", "delete", name)


def _free_address(home: Path) -> str:
    words = (_ip(home, "-4", "address") + _ip(home, "-4", "route", "show", "table", "all")).split()
    free = [f"10.99.{number}." for number in range(256)]
    return secrets.choice([start for start in free if not any(word.startswith(start) for word in words)]) + "1"


def _ip(home: Path, *words: str) -> str:
    return run([program("ip"), *words], env=clean_environment(home)).check().output
