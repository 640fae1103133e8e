"""The answer to a token request, with the fields and types that all clients read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from registry_auth.values import ResourceActions

_TO_THE_SECOND = len("2026-07-01T12:00:00")


def token_answer(token: str, issued_at: datetime, lifetime: timedelta) -> dict[str, object]:
    """Give the answer to a GET: the token under both names, because older clients know only one of them."""
    return {
        "token": token,
        "access_token": token,
        "expires_in": int(lifetime.total_seconds()),
        "issued_at": issued_at.astimezone(UTC).isoformat()[:_TO_THE_SECOND] + "Z",
    }


def oauth_members(access: Sequence[ResourceActions]) -> dict[str, object]:
    """Give what the answer to a POST has besides: RFC 6749 section 5.1 asks for the type, and the scope where it is less than asked."""
    granted = (f"{entry.type}:{entry.name}:{','.join(entry.actions)}" for entry in access)
    return {"token_type": "Bearer", "scope": " ".join(granted)}
