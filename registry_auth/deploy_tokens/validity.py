"""The one definition of expired (GitLab docs: a token expires on its date at midnight UTC, so that day is out already)."""

from datetime import UTC, date, datetime
from enum import StrEnum

from registry_auth.errors import InvalidValueError


class TokenState(StrEnum):
    """Whether a token can be used, in the words that are shown."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


def has_expired(expires_at: date | None, now: datetime) -> bool:
    """Say whether 00:00 UTC of the date has come; `now` is an aware datetime."""
    return expires_at is not None and now.astimezone(UTC).date() >= expires_at


def parse_expiry(text: str) -> date:
    """Read an expiry date in ISO 8601. One with a time is converted to UTC (naive: is UTC) and cut to the day.

    Raises InvalidValueError.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValueError("An expiry date is written YYYY-MM-DD, for example 2030-12-31.") from None
    try:
        return (instant if instant.tzinfo is None else instant.astimezone(UTC)).date()
    except OverflowError:
        raise InvalidValueError("The expiry date is out of range.") from None
