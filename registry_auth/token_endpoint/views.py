"""`/jwt/auth` over HTTP."""

from flask import Blueprint, Response, request

from registry_auth.credentials.authentication import Authentication
from registry_auth.credentials.basic import parse_basic
from registry_auth.errors import InvalidRequestError
from registry_auth.http_errors import json_response
from registry_auth.last_use import LastUseRecorder
from registry_auth.token_endpoint.answer import oauth_members, token_answer
from registry_auth.token_endpoint.issuing import IssuedToken, TokenIssuer
from registry_auth.token_endpoint.token_request import Parameters, TokenRequest, read_password_grant, read_query, read_request
from registry_auth.trusted_proxies import client_address
from registry_auth.values import ANONYMOUS, Caller

_FORM = "application/x-www-form-urlencoded"


def token_endpoint(authentication: Authentication, issuer: TokenIssuer, last_uses: LastUseRecorder) -> Blueprint:
    """Give the routes of the token endpoint."""
    blueprint = Blueprint("token_endpoint", __name__)

    def issue(caller: Caller, asked: TokenRequest) -> IssuedToken:
        token = issuer.issue(caller, asked)
        last_uses.record(caller, token.service, client_address(), token.issued_at)
        return token

    @blueprint.get("/jwt/auth")
    def get_token() -> Response:
        caller = _basic_caller(authentication)
        token = issue(caller, read_query(request.query_string))
        return json_response(token_answer(token.text, token.issued_at, token.lifetime))

    @blueprint.post("/jwt/auth")
    def post_token() -> Response:
        form = _form()
        caller = authentication.caller(read_password_grant(form), client_address())
        token = issue(caller, read_request(form, request.args))
        return json_response(token_answer(token.text, token.issued_at, token.lifetime) | oauth_members(token.access))

    return blueprint


def _form() -> Parameters:
    if request.mimetype != _FORM:
        raise InvalidRequestError(f"A token request by POST has the content type {_FORM}.")
    return request.form


def _basic_caller(authentication: Authentication) -> Caller:
    """Anonymous is only who sent no Authorization header at all: a bad one never falls back."""
    header = request.headers.get("Authorization")
    return ANONYMOUS if header is None else authentication.caller(parse_basic(header), client_address())
