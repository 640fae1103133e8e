"""Logging of the server and its workers: one line each on standard error, and no secret in it."""

import logging
import re
import sys
import time

_SECRETS = re.compile(r"gl[a-z]+-[A-Za-z0-9_-]{8,}")
_LONGEST_NAME = 255  # characters of a user name that are worth logging
_FORMAT = "%(asctime)sZ %(levelname)s %(name)s: %(message)s"


def configure_logging() -> None:
    """Set up the logging of this process; times are UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def redact(text: str) -> str:
    """Strike out what looks like a secret: people paste secrets into the wrong field, and that field may be logged."""
    return _SECRETS.sub("(secret)", text)


def caller_label(name: str, credential_id: int | None = None) -> str:
    """Give the words by which all log lines name a caller; the name may be anything that somebody sent."""
    return f"caller={redact(name)[:_LONGEST_NAME]!r} credential={credential_id}"
