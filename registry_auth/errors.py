"""Every refusal, and the JSON form it takes at the token endpoint.

A message is one sentence (or two) for the person who reads it in a terminal. It holds no secret, and nothing from outside that was
not checked before: RFC 6749 section 5.2 allows only printable ASCII without double quotes and backslashes in a description.
"""

from typing import ClassVar


class RegistryAuthError(Exception):
    """Something that is refused or cannot be done; `str()` is the sentence to show."""


class ConfigurationError(RegistryAuthError):
    """A setting, the database or the key directory is not usable as it is."""


class InvalidValueError(RegistryAuthError):
    """A value that somebody gave breaks a rule."""


class NotFoundError(RegistryAuthError):
    """What was named does not exist."""


class ConflictError(RegistryAuthError):
    """What was asked contradicts what exists."""


class UnavailableError(RegistryAuthError):
    """The database or the key ring cannot serve now; asking again later may succeed."""


class TokenRefusedError(RegistryAuthError):
    """A refusal of the token endpoint. `who` names the caller in the log, as far as it is known; the client does not see it.

    `code` is one of the registry error codes that docker prints as words (distribution specification, Error Codes), `oauth_error` the
    OAuth2 word of RFC 6749 section 5.2 or the nearest there is.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    oauth_error: ClassVar[str]

    def __init__(self, message: str, *, who: str = "caller=unknown") -> None:
        super().__init__(message)
        self.who = who


class WrongCredentialError(TokenRefusedError):
    """Wrong, unknown, malformed, expired or revoked: always the same status."""

    status, code, oauth_error = 401, "UNAUTHORIZED", "invalid_grant"


class NoAbilityError(TokenRefusedError):
    """The credential is good, but holds nothing that counts for the service."""

    status, code, oauth_error = 403, "DENIED", "access_denied"


class UnknownServiceError(TokenRefusedError):
    """The service asked for is none of this server's (`invalid_target`: RFC 8707)."""

    status, code, oauth_error = 404, "UNSUPPORTED", "invalid_target"


class InvalidRequestError(TokenRefusedError):
    """The request breaks the form of a token request."""

    status, code, oauth_error = 400, "UNSUPPORTED", "invalid_request"


class UnsupportedGrantTypeError(TokenRefusedError):
    """An OAuth2 grant type that this server does not offer."""

    status, code, oauth_error = 400, "UNSUPPORTED", "unsupported_grant_type"


class TooManyScopesError(TokenRefusedError):
    """More scopes in one request than the documented limit."""

    status, code, oauth_error = 400, "UNSUPPORTED", "invalid_scope"


def registry_error(code: str, message: str, oauth_error: str) -> dict[str, object]:
    """Give the one JSON form of refusals at the token endpoint: the registry's `errors` and the OAuth2 members beside it."""
    return {
        "errors": [{"code": code, "message": message, "detail": None}],
        "error": oauth_error,
        "error_description": message,
    }
