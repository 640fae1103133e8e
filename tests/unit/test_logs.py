"""Logging: one line each on standard error, in UTC."""

import logging
import re
from collections.abc import Iterator

import pytest

from registry_auth.logs import configure_logging


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def test_line_has_a_utc_time_level_and_origin(capsys: pytest.CaptureFixture[str]) -> None:
    """A line says when (UTC), how grave, from where, and what."""
    configure_logging()
    logging.getLogger("registry_auth.test").info("hello")
    logging.getLogger("registry_auth.test").debug("unheard")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO registry_auth.test: hello\n", capsys.readouterr().err)
