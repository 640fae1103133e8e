"""What all tests share."""

import logging
from collections.abc import Iterator

import pytest

from tests.e2e.peers.availability import write_missing_peers


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the peers that end-to-end tests missed."""
    write_missing_peers(terminalreporter)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Give the root logger back as it was: a test that runs what a server does at its start configures it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)  # setting the attribute would leave what each logger remembers of it
