"""What is refused under `/api`, and the JSON that says so: `message` or `error`, as GitLab's REST API has it."""

from http import HTTPStatus

from flask import Blueprint, Response
from werkzeug.exceptions import HTTPException

from registry_auth.errors import (
    BlockedUserError,
    ConflictError,
    InvalidValueError,
    NotFoundError,
    RegistryAuthError,
    TakenError,
    TooManyWrongSecretsError,
    UnavailableError,
    WrongCredentialError,
)
from registry_auth.http_errors import RETRY_AFTER, json_response, kept_headers, log_refusal, log_unavailable, log_unexpected
from registry_auth.logs import redact


class RefusedError(RegistryAuthError):
    """The caller may not do this, or may not know of it; `str()` begins with the status, as GitLab's messages do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status


class InsufficientScopeError(RegistryAuthError):
    """The token is good, but lacks the scope `needed`."""

    def __init__(self, needed: str) -> None:
        super().__init__(f"The request needs a personal access token with the scope {needed}.")
        self.needed = needed


class ParameterError(RegistryAuthError):
    """Parameters are missing or have no valid value."""


class UnsupportedMediaTypeError(RegistryAuthError):
    """The body has a form that is not read here."""


def register_error_handlers(blueprint: Blueprint) -> None:
    """Answer every exception that leaves an operation."""
    blueprint.register_error_handler(RefusedError, lambda error: _message(error.status, str(error)))
    blueprint.register_error_handler(InsufficientScopeError, _insufficient_scope)
    blueprint.register_error_handler(ParameterError, lambda error: json_response({"error": str(error)}, 400))
    blueprint.register_error_handler(UnsupportedMediaTypeError, lambda error: json_response({"error": str(error)}, 415))
    blueprint.register_error_handler(InvalidValueError, lambda error: _field_message(400, error.field, error))
    blueprint.register_error_handler(TakenError, _taken)
    blueprint.register_error_handler(ConflictError, lambda error: _message(409, _sentence(error)))
    blueprint.register_error_handler(NotFoundError, lambda error: _message(404, f"404 Not Found - {_sentence(error)}"))
    blueprint.register_error_handler(WrongCredentialError, _unauthorized)
    blueprint.register_error_handler(TooManyWrongSecretsError, _too_many)
    blueprint.register_error_handler(UnavailableError, _unavailable)
    blueprint.register_error_handler(HTTPException, http_exception)
    blueprint.register_error_handler(Exception, _unexpected)


def http_exception(error: HTTPException) -> Response:
    """Answer what Flask refuses by itself; also addresses under `/api` that there are not."""
    status = error.code or 500
    return json_response({"error": f"{status} {_REASONS.get(status, error.name)}"}, status, kept_headers(error))


def _message(status: int, message: object) -> Response:
    # RFC 9110 section 15.5.2: a 401 says how to log in.
    return json_response({"message": message}, status, {"WWW-Authenticate": _CHALLENGE} if status == HTTPStatus.UNAUTHORIZED else None)


def _field_message(status: int, field: str | None, error: Exception) -> Response:
    return _message(status, _sentence(error) if field is None else {field: [_sentence(error)]})


def _sentence(error: Exception) -> str:
    """Give what an error says, without a token that somebody put where a name belongs."""
    return redact(str(error))


def _taken(error: TakenError) -> Response:
    # GitLab: a path that is taken is an invalid group or project, a user name or e-mail address that is taken a conflict.
    return _field_message(400, error.field, error) if error.field == "path" else _message(409, _sentence(error))


def _insufficient_scope(error: InsufficientScopeError) -> Response:
    return json_response({"error": "insufficient_scope", "error_description": str(error), "scope": error.needed}, 403)


def _unauthorized(error: WrongCredentialError) -> Response:
    status = HTTPStatus.FORBIDDEN if isinstance(error, BlockedUserError) else HTTPStatus.UNAUTHORIZED
    log_refusal(error, status)
    return _message(status, f"{status} {status.phrase} - {error}")


def _too_many(error: TooManyWrongSecretsError) -> Response:
    log_refusal(error)
    return json_response({"message": f"429 Too Many Requests - {error}"}, 429, {"Retry-After": str(error.retry_after)})


def _unavailable(error: UnavailableError) -> Response:
    log_unavailable(error)
    return json_response({"message": "503 Service Unavailable - Try again in a few seconds."}, 503, {"Retry-After": RETRY_AFTER})


def _unexpected(error: Exception) -> Response:
    log_unexpected(error)
    return _message(500, "500 Internal Server Error - The log of the server says more.")


_CHALLENGE = 'Bearer realm="registry-auth"'

_REASONS = {405: "Not Allowed", 413: "The request is too large"}
