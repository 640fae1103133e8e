"""How long tokens are valid, deploy tokens and personal access tokens alike.

The one definition of expired: GitLab docs, a token expires on its date at midnight UTC, so that day is out already.
"""

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


def token_state(revoked_at: datetime | None, expires_at: date | None, now: datetime) -> TokenState:
    """Say whether a token can be used at `now` (UTC), and if not why; revoked counts before expired."""
    if revoked_at is not None:
        return TokenState.REVOKED
    return TokenState.EXPIRED if has_expired(expires_at, now) else TokenState.ACTIVE


def why_dead(kind: str, revoked_at: datetime | None, expires_at: date | None, now: datetime) -> str | None:
    """Give the sentence that tells the holder of a token why it no longer works, or None when it works. `kind` names the token."""
    state = token_state(revoked_at, expires_at, now)
    if state is TokenState.REVOKED:
        return f"This {kind} was revoked on {revoked_at:%Y-%m-%d}."
    return f"This {kind} expired on {expires_at} at 00:00 UTC." if state is TokenState.EXPIRED else None


def check_expiry(expires_at: date | None, now: datetime) -> None:
    """Raise InvalidValueError unless the expiry date of a new token lies ahead."""
    if has_expired(expires_at, now):
        raise InvalidValueError(
            f"The expiry date {expires_at} is not in the future: today is {now.astimezone(UTC):%Y-%m-%d} (UTC).", field="expires_at"
        )


def parse_expiry(text: str) -> date:
    """Read an expiry date in ISO 8601. One with a time is converted to UTC (naive: is UTC) and cut to the day.

    Raises InvalidValueError.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValueError("An expiry date is written YYYY-MM-DD, for example 2030-12-31.", field="expires_at") from None
    try:
        return (instant if instant.tzinfo is None else instant.astimezone(UTC)).date()
    except OverflowError:
        raise InvalidValueError("The expiry date is out of range.", field="expires_at") from None
