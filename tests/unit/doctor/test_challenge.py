"""The challenge of a registry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.doctor.challenge import Challenge, read_challenge

REALM = "https://auth.example.com/jwt/auth"


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ([], None),
        ([" "], None),
        ([f'Bearer realm="{REALM}",service="s"'], Challenge("bearer", REALM, "s")),
        (
            [f'Bearer realm="{REALM}",service="s",scope="repository:a:pull,push",error="invalid_token"'],
            Challenge("bearer", REALM, "s", "repository:a:pull,push", "invalid_token"),
        ),
        ([f"bearer realm={REALM}"], Challenge("bearer", REALM)),
        (["Bearer"], Challenge("bearer")),
        (['Basic realm="registry"'], Challenge("basic", "registry")),
        (['Basic realm="registry"', f'Bearer realm="{REALM}"'], Challenge("bearer", REALM)),
        (["Negotiate abc=="], Challenge("negotiate")),
    ],
)
def test_challenge_is_read(headers: list[str], challenge: Challenge | None) -> None:
    """The one that asks for a token counts; a parameter that is not there is None."""
    assert read_challenge(headers) == challenge


@given(st.lists(st.text()))
def test_no_header_is_too_odd(headers: list[str]) -> None:
    """Whatever a server sends, there is an answer."""
    challenge = read_challenge(headers)
    assert challenge is None or isinstance(challenge.is_bearer, bool)
