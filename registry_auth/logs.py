"""Logging of the server and its workers: one line each on standard error."""

import logging
import sys
import time

_FORMAT = "%(asctime)sZ %(levelname)s %(name)s: %(message)s"


def configure_logging() -> None:
    """Set up the logging of this process; times are UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
