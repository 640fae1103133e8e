"""The answer to a token request, with the fields and types that all clients read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from registry_auth.values import ResourceActions


def token_answer(token: str, issued_at: datetime, lifetime: timedelta) -> dict[str, object]:
    """Give the answer to a GET: the token under both names, because older clients know only one of them."""
    return {
        "token": token,
        "access_token": token,
        "expires_in": int(lifetime.total_seconds()),
        "issued_at": f"{issued_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def oauth_members(access: Sequence[ResourceActions]) -> dict[str, object]:
    """Give what the answer to a POST has besides: RFC 6749 section 5.1 asks for the type, and the scope where it is less than asked."""
    granted = (f"{entry.type}:{entry.name}:{','.join(entry.actions)}" for entry in access)
    return {"token_type": "Bearer", "scope": " ".join(granted)}
