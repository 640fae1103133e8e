"""The yardsticks: Flask applications that do next to nothing, on the production web server: `python -m benchmarks.hello`."""

import base64
import hashlib
import hmac
import time

import click
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response, request
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode

from registry_auth.serving import run_server

_SECRET = b"0" * 32
_KEY = ec.generate_private_key(ec.SECP256R1())
_ES256 = ECAlgorithm(ECAlgorithm.SHA256)
_HEADER = base64url_encode(orjson.dumps({"alg": "ES256", "typ": "JWT", "x5c": ["A" * 700]}))


def hello() -> Flask:
    """Give an application that answers with one short text, and elsewhere with a bare token."""
    app = Flask("hello", static_folder=None)
    app.add_url_rule("/", "hello", lambda: "Hello, World!")
    app.add_url_rule("/jwt/auth", "bare_token", bare_token)
    return app


def bare_token() -> Response:
    """Answer a request with the least that a token takes: the digest of a secret, claims, a signature. Nobody decides anything."""
    username, _, secret = base64.b64decode(request.headers["Authorization"].partition(" ")[2]).decode().partition(":")
    now = int(time.time())
    access = []
    for scope in request.args.getlist("scope"):
        kind, name, actions = scope.split(":")
        access.append({"type": kind, "name": name, "actions": actions.split(",")})
    claims = {"iss": "hello", "sub": username, "aud": request.args["service"], "exp": now + 900, "nbf": now, "iat": now, "access": access}
    claims["jti"] = hmac.digest(_SECRET, secret.encode(), hashlib.sha256).hex()
    content = _HEADER + b"." + base64url_encode(orjson.dumps(claims))
    token = (content + b"." + base64url_encode(_ES256.sign(content, _KEY))).decode()
    return Response(orjson.dumps({"token": token, "access_token": token, "expires_in": 900}), mimetype="application/json")


@click.command()
@click.option("--port", required=True, type=int)
@click.option("--workers", required=True, type=int)
def main(port: int, workers: int) -> None:
    """Serve it as `registry-auth serve` serves the token server."""
    run_server("127.0.0.1", port, workers, "benchmarks.hello:hello")


if __name__ == "__main__":
    main()
