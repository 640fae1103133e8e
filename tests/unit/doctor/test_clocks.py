"""Clocks, compared by the header `Date`."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
from urllib3 import HTTPHeaderDict

from registry_auth.doctor.clocks import examine_clock
from registry_auth.doctor.findings import Severity
from registry_auth.doctor.web import Response
from tests.unit.installation import NOW


def response(date: str | None) -> Response:
    """Make an answer that came NOW."""
    return Response(200, HTTPHeaderDict({} if date is None else {"Date": date}), b"", NOW)


@pytest.mark.parametrize(
    ("seconds", "severity", "seen"),
    [
        (0, Severity.FINE, "Its clock agrees with this machine's."),
        (30, Severity.FINE, "Its clock agrees with this machine's."),
        (-30, Severity.FINE, "Its clock agrees with this machine's."),
        (31, Severity.WARNING, "Its clock is 31 seconds ahead of this machine's."),
        (-95, Severity.WARNING, "Its clock is 95 seconds behind this machine's."),
        (599, Severity.WARNING, "Its clock is 10 minutes ahead of this machine's."),
        (-7200, Severity.WARNING, "Its clock is 2 hours behind this machine's."),
        (400_000, Severity.WARNING, "Its clock is 5 days ahead of this machine's."),
    ],
)
def test_clocks_are_compared(seconds: int, severity: Severity, seen: str) -> None:
    """Half a minute is agreement; what is more is named in a round number."""
    (finding,) = examine_clock("clock", "Its clock", response(format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)))
    assert (finding.severity, finding.seen) == (severity, seen)


@pytest.mark.parametrize("date", [None, "", "soon", "Wed, 01 Jul 2026 12:00:00"])
def test_nothing_is_said_without_a_date(date: str | None) -> None:
    """Not every server tells its time, or its time zone."""
    assert examine_clock("clock", "Its clock", response(date)) == []
