"""Turns every error of a request into the JSON of the token endpoint, so that no HTML ever reaches a client."""

import logging
from collections.abc import Mapping

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from registry_auth.errors import TokenRefusedError, UnavailableError, WrongCredentialError, registry_error

_CHALLENGE = 'Basic realm="registry-auth", charset="UTF-8"'
_RETRY_AFTER = "5"  # seconds

logger = logging.getLogger(__name__)


def json_response(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give a JSON answer that nobody may store: it holds a token, or says why there is none."""
    response = Response(orjson.dumps(document), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def register_error_handlers(app: Flask) -> None:
    """Answer every exception that leaves a view."""
    app.register_error_handler(TokenRefusedError, _refused)
    app.register_error_handler(UnavailableError, _unavailable)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(Exception, _unexpected)


def _refused(error: TokenRefusedError) -> Response:
    logger.warning("refused: status=%d address=%s %s reason=%s", error.status, request.remote_addr, error.who, error)
    headers = {"WWW-Authenticate": _CHALLENGE} if isinstance(error, WrongCredentialError) else None
    return json_response(registry_error(error.code, str(error), error.oauth_error), error.status, headers)


def _unavailable(error: UnavailableError) -> Response:
    # The reason names files and hosts of this installation: it is for the log alone.
    logger.error("unavailable: %s", error)
    body = registry_error("UNKNOWN", "The token server cannot answer now. Try again in a few seconds.", "temporarily_unavailable")
    return json_response(body, 503, {"Retry-After": _RETRY_AFTER})


def _http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    return json_response(registry_error("UNSUPPORTED", _SENTENCES.get(status, error.name), "invalid_request"), status, kept)


def _unexpected(error: Exception) -> Response:
    logger.error("unexpected error", exc_info=error)
    return json_response(registry_error("UNKNOWN", "The token server made a mistake; its log says more.", "server_error"), 500)


_SENTENCES = {
    404: "There is nothing at this address. Tokens are issued at /jwt/auth.",
    405: "This method is not supported here. The header Allow names those that are.",
    413: "The request is too large.",
}
