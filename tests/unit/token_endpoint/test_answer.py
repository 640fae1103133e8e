"""The answer to a token request: the fields that clients read."""

from datetime import datetime, timedelta, timezone

import pytest

from registry_auth.token_endpoint.answer import oauth_members, token_answer
from registry_auth.values import Action, ResourceActions


def test_answer_has_the_token_under_both_names() -> None:
    """`token` equals `access_token`, the life is an integer, the time is UTC with `Z` and no fraction; there is no refresh token (D6)."""
    issued_at = datetime(2026, 7, 1, 14, 0, 0, 5, timezone(timedelta(hours=2)))
    answer = token_answer("jwt", issued_at, timedelta(minutes=15))
    assert answer == {"token": "jwt", "access_token": "jwt", "expires_in": 900, "issued_at": "2026-07-01T12:00:00Z"}
    assert type(answer["expires_in"]) is int


@pytest.mark.parametrize(
    ("access", "scope"),
    [
        ([], ""),
        ([ResourceActions("repository", "a/b", ("pull", Action.PUSH))], "repository:a/b:pull,push"),
        ([ResourceActions("repository", name, ("pull",)) for name in "ab"], "repository:a:pull repository:b:pull"),
    ],
)
def test_oauth_members_tell_what_was_granted(access: list[ResourceActions], scope: str) -> None:
    """A POST is answered with the type and with the granted scopes, in the grammar in which they are asked."""
    assert oauth_members(access) == {"token_type": "Bearer", "scope": scope}
