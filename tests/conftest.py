"""What all tests share."""

import pytest

from tests.e2e.peers.availability import write_missing_peers


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the peers that end-to-end tests missed."""
    write_missing_peers(terminalreporter)
