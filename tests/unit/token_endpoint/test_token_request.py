"""Token requests: service, scopes and the password grant, from parameters that may be repeated."""

import pytest
from werkzeug.datastructures import MultiDict

from registry_auth.errors import InvalidRequestError, TokenRefusedError, UnsupportedGrantTypeError
from registry_auth.token_endpoint.token_request import read_password_grant, read_request
from registry_auth.values import Scope

GRANT = [("grant_type", "password"), ("username", "robot"), ("password", "a:b c")]


@pytest.mark.parametrize(
    ("form", "query", "service"),
    [
        ([], [], None),
        ([("service", "")], [], None),
        ([("service", "s")], [], "s"),
        ([("service", "s"), ("service", "s")], [], "s"),
        ([("service", "s"), ("service", "")], [], "s"),
        ([("service", "s")], [("service", "t")], "s"),
        ([("service", "")], [("service", "t")], "t"),
        ([], [("service", "t")], "t"),
    ],
)
def test_service_is_the_one_that_was_named(form: list[tuple[str, str]], query: list[tuple[str, str]], service: str | None) -> None:
    """Missing and empty is no service; the form has the first word, the query the second (D20)."""
    assert read_request(MultiDict(form), MultiDict(query)).service == service


def test_contradicting_services_are_refused() -> None:
    """Two services in one source leave open which is meant."""
    with pytest.raises(InvalidRequestError, match="'service' was given more than once"):
        read_request(MultiDict([("service", "a"), ("service", "b")]))


def test_scopes_of_all_sources_are_merged() -> None:
    """Repeated and space-joined scopes of form and query become one entry for each repository."""
    form = MultiDict([("scope", "repository:a:pull repository:b:pull"), ("scope", "repository:a:push")])
    query = MultiDict([("scope", "repository:b:delete"), ("scope", "")])
    assert read_request(form, query).scopes.scopes == (
        Scope("repository", "a", ("pull", "push")),
        Scope("repository", "b", ("pull", "delete")),
    )


def test_password_grant_gives_the_credential() -> None:
    """User name and password are taken as they are."""
    credential = read_password_grant(MultiDict(GRANT))
    assert (credential.username, credential.secret.get_secret_value()) == ("robot", "a:b c")


@pytest.mark.parametrize(
    ("form", "error", "message"),
    [
        ([], InvalidRequestError, "'grant_type' is missing"),
        (GRANT[1:], InvalidRequestError, "'grant_type' is missing"),
        ([GRANT[0], GRANT[2]], InvalidRequestError, "'username' is missing"),
        (GRANT[:2], InvalidRequestError, "'password' is missing"),
        ([*GRANT, ("password", "x")], InvalidRequestError, "'password' was given more than once"),
        ([*GRANT, ("username", "robot")], InvalidRequestError, "'username' was given more than once"),
        ([*GRANT, ("grant_type", "password")], InvalidRequestError, "'grant_type' was given more than once"),
        ([("grant_type", ""), *GRANT[1:]], UnsupportedGrantTypeError, "Only the grant type 'password'"),
        ([("grant_type", "refresh_token")], UnsupportedGrantTypeError, "Only the grant type 'password'"),
        ([("grant_type", "authorization_code"), *GRANT[1:]], UnsupportedGrantTypeError, "Only the grant type 'password'"),
    ],
)
def test_other_grants_are_refused(form: list[tuple[str, str]], error: type[TokenRefusedError], message: str) -> None:
    """Another grant type, and a parameter that is missing or repeated, is refused with its name (D7)."""
    with pytest.raises(error, match=message):
        read_password_grant(MultiDict(form))
