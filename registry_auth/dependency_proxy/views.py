"""`/v2/`, where clients find the token endpoint, and the gate, which nginx asks with `auth_request`."""

import logging
from dataclasses import dataclass

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from registry_auth.dependency_proxy.challenge import Challenger
from registry_auth.dependency_proxy.gate import Gate, Passage
from registry_auth.dependency_proxy.gate_secret import SECRET_HEADER, is_gate_secret
from registry_auth.dependency_proxy.registry_requests import RegistryRequest, parse_request
from registry_auth.dependency_proxy.routes import route
from registry_auth.errors import (
    FeatureOffError,
    ImageRefusedError,
    InvalidTokenError,
    NoTokenError,
    RequestRefusedError,
    UnavailableError,
    WrongCredentialError,
    registry_errors,
)
from registry_auth.http_errors import UNAVAILABLE_SENTENCE, encoded_json_response, http_exception, json_response, log_unavailable
from registry_auth.logs import redact
from registry_auth.token_secrets import SecretDigester

GATE_PATH = "/dependency_proxy/gate"

_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
_MAX_LOGGED = 300  # characters of an address

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DependencyProxy:
    """What the routes work with; where it is not `is_on`, they say so."""

    gate: Gate
    challenger: Challenger
    digester: SecretDigester
    is_on: bool

    def check_on(self) -> None:
        """Raise FeatureOffError unless the installation has the feature."""
        if not self.is_on:
            raise FeatureOffError("The dependency proxy is switched off in this installation.")


def dependency_proxy(proxy: DependencyProxy) -> Blueprint:
    """Give the routes of the dependency proxy."""
    blueprint = Blueprint("dependency_proxy", __name__)

    @blueprint.get("/v2/")
    def base() -> Response:
        try:
            proxy.check_on()
            proxy.gate.tokens.read(request.headers.get("Authorization"))
        except RequestRefusedError as error:
            _log(error, request.remote_addr, "GET /v2/")
            challenge = _challenge(proxy.challenger, error)
            headers = _VERSION if challenge is None else _VERSION | {"WWW-Authenticate": challenge}
            return json_response(_body(error), error.status, headers)
        return json_response({}, 200, _VERSION)

    @blueprint.get(GATE_PATH, provide_automatic_options=False)
    def gate() -> Response:
        _check_from_nginx(proxy.digester)
        method, uri = (request.headers.get(name, "") for name in ("X-Original-Method", "X-Original-URI"))
        asked: RegistryRequest | None = None
        try:
            proxy.check_on()
            asked = parse_request(method, uri, request.headers.get("X-Normalized-Path", ""))
            return _let_through(proxy.gate.admit(asked, request.headers.get("Authorization")))
        except RequestRefusedError as error:
            _log(error, request.headers.get("X-Real-IP"), f"{method} {uri}")
            return _refuse(error.status, _body(error), _challenge(proxy.challenger, error, asked))
        except UnavailableError as error:
            log_unavailable(error)
            return _refuse(503, registry_errors("UNKNOWN", UNAVAILABLE_SENTENCE))

    return blueprint


def nothing_here(error: HTTPException) -> Response:
    """Answer what Flask refuses at the gate as it does at an address where nothing is: there, no method is known either."""
    return http_exception(NotFound() if isinstance(error, MethodNotAllowed) else error)


def _check_from_nginx(digester: SecretDigester) -> None:
    """Raise NotFound, as at any address where nothing is, unless the request came by nginx."""
    if not is_gate_secret(request.headers.get(SECRET_HEADER, ""), digester):
        raise NotFound


def _let_through(passage: Passage) -> Response:
    headers = {"X-Store-Authorization": f"Bearer {passage.store_token}", "X-On-Missing": passage.on_missing}
    if passage.cached is not None and passage.cache_token is not None:
        headers["X-Cache-Authorization"] = f"Bearer {passage.cache_token}"
        headers["X-Cache"] = passage.cached.cache
        headers["X-Cache-Repository"] = passage.cached.repository
    if passage.keeps_query:
        headers["X-Keep-Query"] = "1"
    return Response(status=204, headers={"Cache-Control": "no-store", **headers})


def _refuse(status: int, body: object, challenge: str | None = None) -> Response:
    """Tell nginx what to answer. It is always 403: of the others, nginx passes a 401 on by itself and makes a 500 of the rest."""
    encoded = orjson.dumps(body)
    headers = {"X-Refusal-Status": str(status), "X-Refusal-Body": encoded.decode()}
    if challenge:
        headers["X-Refusal-Challenge"] = challenge
    return encoded_json_response(encoded, 403, headers)


def _body(error: RequestRefusedError) -> dict[str, object]:
    return registry_errors(error.code, str(error))


def _challenge(challenger: Challenger, error: RequestRefusedError, asked: RegistryRequest | None = None) -> str | None:
    if error.status != 401:  # noqa: PLR2004
        return None
    # To a registry's client, a credential that has ended is a token that is no longer good.
    word = error.challenge_error if isinstance(error, ImageRefusedError) else InvalidTokenError.challenge_error
    return challenger.challenge(word) if asked is None else challenger.challenge(word, asked.name.full, route(asked, ()).needed)


def _log(error: RequestRefusedError, address: str | None, what: str) -> None:
    """Tell the operator; but that clients come without a token first is only how the protocol begins."""
    if isinstance(error, NoTokenError):
        return
    level = logging.WARNING if isinstance(error, WrongCredentialError) else logging.INFO
    line = redact(what)[:_MAX_LOGGED]
    logger.log(level, "refused: status=%d address=%s %s asked=%r reason=%s", error.status, address, error.who, line, error)
