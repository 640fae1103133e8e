"""What many times come to."""

from collections.abc import Sequence
from statistics import median, quantiles


def p50(seconds: Sequence[float]) -> float:
    """Give the median, in milliseconds."""
    return median(seconds) * 1000


def p99(seconds: Sequence[float]) -> float:
    """Give the time that one in a hundred exceeds, in milliseconds."""
    return quantiles(seconds, n=100)[98] * 1000
