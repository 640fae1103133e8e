"""The one definition of expired, and how expiry dates are read."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from registry_auth.errors import InvalidValueError
from registry_auth.token_validity import has_expired, parse_expiry

DAY = date(2026, 8, 1)


@pytest.mark.parametrize(
    ("expires_at", "now", "expired"),
    [
        (DAY, datetime(2026, 7, 31, 23, 59, 59, 999_999, UTC), False),
        (DAY, datetime(2026, 8, 1, tzinfo=UTC), True),
        (DAY, datetime(2026, 8, 1, 1, 59, 59, tzinfo=timezone(timedelta(hours=2))), False),
        (DAY, datetime(2026, 8, 1, 2, tzinfo=timezone(timedelta(hours=2))), True),
        (DAY, datetime(2026, 7, 31, 20, tzinfo=timezone(timedelta(hours=-4))), True),
        (None, datetime(9999, 1, 1, tzinfo=UTC), False),
    ],
)
def test_token_ends_at_midnight_utc_of_its_date(expires_at: date | None, now: datetime, expired: bool) -> None:
    """The last second before 00:00 UTC is good, the first of the day is not, whatever zone the clock has (D8, T7)."""
    assert has_expired(expires_at, now) is expired


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-08-01", DAY),
        ("2026-08-01T23:59:59", DAY),
        ("2026-08-01T00:00:00Z", DAY),
        ("2026-08-01T00:00:00.000Z", DAY),
        ("2026-08-01 12:00", DAY),
        ("2026-08-02T01:00:00+02:00", DAY),
        ("2026-07-31T23:00:00-02:00", DAY),
    ],
)
def test_expiry_is_cut_to_the_day_in_utc(text: str, day: date) -> None:
    """A time with an offset is converted first; one without is UTC."""
    assert parse_expiry(text) == day


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "2026-02-30", "01.08.2026", "2026-8-1", "2026-08-01x", "\x00"])
def test_other_texts_are_refused(text: str) -> None:
    """The refusal shows how a date is written."""
    with pytest.raises(InvalidValueError, match="YYYY-MM-DD"):
        parse_expiry(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_date_outside_the_calendar_is_refused(text: str) -> None:
    """Converting to UTC must not leave the calendar."""
    with pytest.raises(InvalidValueError, match="out of range"):
        parse_expiry(text)
