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
    """A value that somebody gave breaks a rule; `field` names it as the REST API does, where it has one name."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(RegistryAuthError):
    """What was named does not exist."""


class ConflictError(RegistryAuthError):
    """What was asked contradicts what exists."""


class TakenError(ConflictError):
    """A value that must be the only one of its kind is taken; `field` names it as the REST API does."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class UnavailableError(RegistryAuthError):
    """The database or the key ring cannot serve now; asking again later may succeed."""


class RequestRefusedError(RegistryAuthError):
    """A refusal in the form of a registry. `who` names the caller in the log, as far as it is known; the client does not see it.

    `code` is one of the registry error codes that docker prints as words (distribution specification, Error Codes).
    """

    status: ClassVar[int]
    code: ClassVar[str]

    def __init__(self, message: str, *, who: str = "caller=unknown") -> None:
        super().__init__(message)
        self.who = who


class TokenRefusedError(RequestRefusedError):
    """A refusal of the token endpoint. `oauth_error` is the OAuth2 word of RFC 6749 section 5.2 or the nearest there is."""

    oauth_error: ClassVar[str]


class WrongCredentialError(TokenRefusedError):
    """Wrong, unknown, malformed, expired or revoked: always the same status."""

    status, code, oauth_error = 401, "UNAUTHORIZED", "invalid_grant"


class DeadTokenError(WrongCredentialError):
    """The right secret of a token that has ended: its holder may know why."""


class BlockedUserError(WrongCredentialError):
    """The right secret of a user who is blocked."""


class NoAbilityError(TokenRefusedError):
    """The credential is good, but holds nothing that counts for the service."""

    status, code, oauth_error = 403, "DENIED", "access_denied"


class UnknownServiceError(TokenRefusedError):
    """The service asked for is none of this server's (`invalid_target`: RFC 8707)."""

    status, code, oauth_error = 404, "UNSUPPORTED", "invalid_target"


class ServiceOffError(TokenRefusedError):
    """The service asked for is switched off."""

    status, code, oauth_error = 404, "UNAVAILABLE", "invalid_target"


class InvalidRequestError(TokenRefusedError):
    """The request breaks the form of a token request."""

    status, code, oauth_error = 400, "UNSUPPORTED", "invalid_request"


class UnsupportedGrantTypeError(TokenRefusedError):
    """An OAuth2 grant type that this server does not offer."""

    status, code, oauth_error = 400, "UNSUPPORTED", "unsupported_grant_type"


class TooManyScopesError(TokenRefusedError):
    """More scopes in one request than the documented limit."""

    status, code, oauth_error = 400, "UNSUPPORTED", "invalid_scope"


class TooManyWrongSecretsError(TokenRefusedError):
    """Too many different wrong secrets came from one address, or for one name from it; `retry_after` is in seconds.

    RFC 6749 has no word for it, the nearest is `slow_down` of RFC 8628 section 3.5. The status is that of RFC 6585 section 4.
    """

    status, code, oauth_error = 429, "TOOMANYREQUESTS", "slow_down"

    def __init__(self, retry_after: int, whence: str = "from this address", *, who: str = "caller=unknown") -> None:
        seconds = "1 second" if retry_after == 1 else f"{retry_after} seconds"
        super().__init__(f"Too many wrong secrets {whence}. Try again in {seconds}.", who=who)
        self.retry_after = retry_after


class ImageRefusedError(RequestRefusedError):
    """A refusal of the dependency proxy. `challenge_error` is what the challenge of a 401 says of the token (RFC 6750 section 3.1)."""

    challenge_error: ClassVar[str] = ""


class NoTokenError(ImageRefusedError):
    """A request without a signed token."""

    status, code = 401, "UNAUTHORIZED"


class InvalidTokenError(ImageRefusedError):
    """A signed token that is not this server's, not for this service, or no longer good."""

    status, code, challenge_error = 401, "UNAUTHORIZED", "invalid_token"


class InsufficientScopeError(ImageRefusedError):
    """A good token that does not grant what is asked. Registries answer 401, and clients then ask for another token."""

    status, code, challenge_error = 401, "DENIED", "insufficient_scope"


class UnknownNameError(ImageRefusedError):
    """An address that no image of the dependency proxy has."""

    status, code = 404, "NAME_UNKNOWN"


class FeatureOffError(ImageRefusedError):
    """The dependency proxy is switched off, in the installation or in the group.

    The code is one after which clients give up: UNAVAILABLE they take for a fault, and docker pushes again for a minute.
    """

    status, code = 404, "NAME_UNKNOWN"


class UnsupportedMethodError(ImageRefusedError):
    """A method that this address of a registry does not have."""

    status, code = 405, "UNSUPPORTED"


def registry_errors(code: str, message: str) -> dict[str, object]:
    """Give the one JSON form of a registry's refusals (Distribution specification, Errors)."""
    return {"errors": [{"code": code, "message": message, "detail": None}]}


def registry_error(code: str, message: str, oauth_error: str) -> dict[str, object]:
    """Give the one JSON form of refusals at the token endpoint: the registry's `errors` and the OAuth2 members beside it."""
    return registry_errors(code, message) | {"error": oauth_error, "error_description": message}
