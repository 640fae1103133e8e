"""A token request, read from the parameters of a GET or POST.

GET: Distribution's token authentication specification. POST: its OAuth2 variant, a password grant (RFC 6749 section 4.3). `account`,
`client_id`, `offline_token` and `access_type` have no say in the answer and are not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import parse_qsl

from pydantic import SecretStr
from werkzeug.datastructures import MultiDict

from registry_auth.credentials.basic import Credential
from registry_auth.errors import InvalidRequestError, UnsupportedGrantTypeError
from registry_auth.token_endpoint.scope_grammar import ParsedScopes, parse_scopes

_MOST_REMEMBERED = 256  # queries
_LONGEST_REMEMBERED = 4_096  # characters; so they take about 12 MB at most, whoever asks


class Parameters(Protocol):
    """Parameters of which each may come several times."""

    def getlist(self, key: str) -> Sequence[str]:
        """Give all values of one parameter."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What is asked: `service` is None when the client left it out or empty."""

    service: str | None
    scopes: ParsedScopes


def read_request(*sources: Parameters) -> TokenRequest:
    """Read service and scopes from the form and the query, the more telling source first.

    Raises InvalidRequestError for contradicting services and TooManyScopesError.
    """
    services = next((named for source in sources if (named := {*source.getlist("service")} - {""})), set())
    if len(services) > 1:
        raise InvalidRequestError("The parameter 'service' was given more than once.")
    scopes = parse_scopes(value for source in sources for value in source.getlist("scope"))
    return TokenRequest(services.pop() if services else None, scopes)


def read_query(query: bytes) -> TokenRequest:
    """Read a token request from the query of a GET, as read_request does.

    What the last queries said is remembered, for clients ask for the same images again and again: to read a query of one scope takes as
    long as a signature, and one of 60 as ten.
    """
    return _read_remembered(query) if len(query) <= _LONGEST_REMEMBERED else _read_query(query)


def _read_query(query: bytes) -> TokenRequest:
    return read_request(MultiDict(parse_qsl(query.decode(errors="replace"), keep_blank_values=True)))


_read_remembered = lru_cache(_MOST_REMEMBERED)(_read_query)


def read_password_grant(form: Parameters) -> Credential:
    """Read the credential of an OAuth2 password grant.

    Raises UnsupportedGrantTypeError for another grant type, InvalidRequestError for a parameter that is missing or repeated.
    """
    grant_type = _single(form, "grant_type")
    if grant_type != "password":
        raise UnsupportedGrantTypeError("Only the grant type 'password' is supported.")
    return Credential(_single(form, "username"), SecretStr(_single(form, "password")))


def _single(form: Parameters, name: str) -> str:
    values = form.getlist(name)
    if len(values) != 1:
        fault = "is missing" if not values else "was given more than once"
        raise InvalidRequestError(f"The parameter '{name}' {fault}.")
    return values[0]
