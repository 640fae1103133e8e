"""The signed tokens that clients bring back: verified, and their credentials looked up."""

from collections.abc import Mapping
from dataclasses import dataclass

from registry_auth.credentials.authentication import Authentication
from registry_auth.errors import InsufficientScopeError, NoTokenError
from registry_auth.signing.verifier import Verifier
from registry_auth.token_endpoint.claims import read_access, read_credential
from registry_auth.values import Caller

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """Who the token was issued for, with the rights of now, and what it granted then: actions by repository."""

    caller: Caller
    access: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class PresentedTokens:
    """Reads the tokens of one service."""

    service: str
    verifier: Verifier
    authentication: Authentication

    def read(self, authorization: str | None) -> PresentedToken:
        """Read the header `Authorization` of a request (RFC 6750 section 2.1).

        Raises NoTokenError; InvalidTokenError; WrongCredentialError for a credential that has ended since, whatever the token's own end;
        InsufficientScopeError for an anonymous token; UnavailableError.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != _SCHEME:
            raise NoTokenError("The dependency proxy needs a log-in.")
        claims = self.verifier.claims(token.strip(), self.service)
        credential = read_credential(claims)
        if credential is None:
            raise InsufficientScopeError("The dependency proxy needs a log-in: nothing in it is public.", who="caller=anonymous")
        return PresentedToken(self.authentication.caller_by_id(credential), _by_name(claims))


def _by_name(claims: Mapping[str, object]) -> Mapping[str, frozenset[str]]:
    return {entry.name: frozenset(entry.actions) for entry in read_access(claims) if entry.type == "repository"}
