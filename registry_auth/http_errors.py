"""Turns every error of a request into JSON: no HTML ever reaches a client. Each door has its form; the default is the registry's."""

import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from registry_auth.errors import TokenRefusedError, TooManyWrongSecretsError, UnavailableError, WrongCredentialError, registry_error

_CHALLENGE = 'Basic realm="registry-auth", charset="UTF-8"'

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_JSON = "application/json"

RETRY_AFTER = "5"  # seconds, when something that everything needs cannot serve
UNAVAILABLE_SENTENCE = "The token server cannot answer now. Try again in a few seconds."

logger = logging.getLogger(__name__)


class JsonResponse(Response):
    """An answer in JSON, unless it says otherwise. It is also what Flask answers by itself with, such as OPTIONS."""

    default_mimetype = _JSON


class _CompleteResponse(JsonResponse):
    """An answer whose body is one text that is encoded already."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer as WSGI asks, without Werkzeug's search for headers and bodies that have to be mended: a fifth of Flask's part."""
        if self.status_code != HTTPStatus.OK or environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return cast("Iterable[bytes]", self.response)


def json_response(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give a JSON answer that nobody may store: it holds a token, or says why there is none."""
    return encoded_json_response(orjson.dumps(document), status, headers)


def encoded_json_response(body: bytes, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Give a JSON answer that is encoded already, under the same rule."""
    return _CompleteResponse(body, status, [("Content-Type", _JSON), ("Cache-Control", "no-store"), *(headers or {}).items()])


def read_whole_body() -> None:
    """Read the body of the request at hand, before anything is decided. Raises RequestEntityTooLarge.

    A refusal that leaves a body unread makes the web server drop the connection, and the client's next request on it fails (Granian 2.8).
    Werkzeug cuts a chunked body at the limit without a word, and half a list would be answered as if it were all.
    """
    environ = request.environ
    if "CONTENT_LENGTH" not in environ and "HTTP_TRANSFER_ENCODING" not in environ:
        return
    if len(request.get_data()) >= (request.max_content_length or 0):
        raise RequestEntityTooLarge


def register_error_handlers(app: Flask, http_exceptions: Mapping[str, Callable[[HTTPException], Response]]) -> None:
    """Answer every exception that leaves a view.

    What Flask refuses before it knows the view is answered by the door whose prefix the path has, of those in `http_exceptions`.
    """

    def by_path(error: HTTPException) -> Response:
        doors = (door for prefix, door in http_exceptions.items() if request.path.startswith(prefix))
        return next(doors, http_exception)(error)

    app.register_error_handler(TokenRefusedError, _refused)
    app.register_error_handler(UnavailableError, _unavailable)
    app.register_error_handler(HTTPException, by_path)
    app.register_error_handler(Exception, _unexpected)


def log_refusal(error: TokenRefusedError, status: int | None = None) -> None:
    """Tell the operator what the client is not told; `status` is the one that is answered, if not the usual one."""
    logger.warning("refused: status=%d address=%s %s reason=%s", status or error.status, request.remote_addr, error.who, error)


def log_unavailable(error: UnavailableError) -> None:
    """Tell the operator alone: the reason names files and hosts of this installation."""
    logger.error("unavailable: %s", error)


def log_unexpected(error: Exception) -> None:
    """Tell the operator where the mistake is."""
    logger.error("unexpected error", exc_info=error)


def kept_headers(error: HTTPException) -> Mapping[str, str]:
    """Give the headers that belong to the refusal itself, without those of its HTML."""
    return {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}


def _refused(error: TokenRefusedError) -> Response:
    log_refusal(error)
    headers = {}
    if isinstance(error, WrongCredentialError):
        headers["WWW-Authenticate"] = _CHALLENGE
    elif isinstance(error, TooManyWrongSecretsError):
        headers["Retry-After"] = str(error.retry_after)
    return json_response(registry_error(error.code, str(error), error.oauth_error), error.status, headers)


def _unavailable(error: UnavailableError) -> Response:
    log_unavailable(error)
    body = registry_error("UNKNOWN", UNAVAILABLE_SENTENCE, "temporarily_unavailable")
    return json_response(body, 503, {"Retry-After": RETRY_AFTER})


def http_exception(error: HTTPException) -> Response:
    """Answer what Flask refuses before it knows the view."""
    status = error.code or 500
    body = registry_error("UNSUPPORTED", _SENTENCES.get(status, error.name), "invalid_request")
    return json_response(body, status, kept_headers(error))


def _unexpected(error: Exception) -> Response:
    log_unexpected(error)
    return json_response(registry_error("UNKNOWN", "The token server made a mistake; its log says more.", "server_error"), 500)


_SENTENCES = {
    404: "There is nothing at this address. Tokens are issued at /jwt/auth.",
    405: "This method is not supported here. The header Allow names those that are.",
    413: "The request is too large.",
}
