"""Refusals: their status and their words."""

import pytest

from registry_auth.errors import ImageRefusedError, TokenRefusedError, registry_error

DOCKER_CODES = {"UNAUTHORIZED", "DENIED", "TOOMANYREQUESTS", "UNSUPPORTED", "UNKNOWN", "UNAVAILABLE", "NAME_UNKNOWN"}
OAUTH_ERRORS = {
    "invalid_grant",
    "access_denied",
    "invalid_target",
    "invalid_request",
    "unsupported_grant_type",
    "invalid_scope",
    "slow_down",
}


@pytest.mark.parametrize("kind", TokenRefusedError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_refusals_use_words_that_clients_know(kind: type[TokenRefusedError]) -> None:
    """Each refusal is a 4xx, with a code that docker prints as words and an OAuth2 error."""
    assert 400 <= kind.status < 500
    assert kind.code in DOCKER_CODES
    assert kind.oauth_error in OAUTH_ERRORS


@pytest.mark.parametrize("kind", ImageRefusedError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_refusals_of_the_dependency_proxy_use_words_that_clients_know(kind: type[ImageRefusedError]) -> None:
    """Each refusal is a 4xx, with a code that docker prints as words and, for the challenge of a 401, a word of RFC 6750 or none."""
    assert 400 <= kind.status < 500
    assert kind.code in DOCKER_CODES
    assert kind.challenge_error in ({"", "invalid_token", "insufficient_scope"} if kind.status == 401 else {""})


def test_body_has_exactly_one_error() -> None:
    """There is one error, for docker prints two as a list, and no member `details`, which docker would print instead of the message."""
    assert registry_error("DENIED", "No.", "access_denied") == {
        "errors": [{"code": "DENIED", "message": "No.", "detail": None}],
        "error": "access_denied",
        "error_description": "No.",
    }
