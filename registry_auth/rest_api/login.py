"""Log-in to the REST API (GitLab docs: REST API authentication): the token is in a header, and never in the address."""

from collections.abc import Callable
from datetime import datetime

from flask import request
from pydantic import SecretStr

from registry_auth.credentials.authentication import Authentication
from registry_auth.errors import WrongCredentialError
from registry_auth.last_use import REST_API, LastUseRecorder
from registry_auth.trusted_proxies import client_address
from registry_auth.values import ANONYMOUS, Caller, TokenScope

# Credentials that GitLab knows and this API does not: whoever sends one is not anonymous, but refused.
_OTHER_HEADERS = ("JOB-TOKEN", "DEPLOY-TOKEN")

# A token without any of these is refused by every operation, so it is not used by trying.
_SCOPES = frozenset({TokenScope.API, TokenScope.READ_API})


def log_in(authentication: Authentication, last_uses: LastUseRecorder, clock: Callable[[], datetime]) -> Caller:
    """Give the caller of the request at hand; anonymous is only who sends no credential at all. Raises WrongCredentialError."""
    token = _token()
    if token is None:
        return ANONYMOUS
    caller = authentication.api_caller(token, client_address())
    if not caller.scopes.isdisjoint(_SCOPES):
        last_uses.record(caller, REST_API, client_address(), clock())
    return caller


def _token() -> SecretStr | None:
    token = request.headers.get("PRIVATE-TOKEN")
    if token is not None:
        return SecretStr(token)
    if any(name in request.headers for name in _OTHER_HEADERS):
        raise WrongCredentialError("Only personal access tokens log in to the REST API, in the header PRIVATE-TOKEN.")
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, bearer = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise WrongCredentialError("The Authorization header must be Bearer with a personal access token.")
    return SecretStr(bearer.strip())
