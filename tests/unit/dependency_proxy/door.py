"""Asks for tokens as registry clients do, and asks the gate as nginx does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from registry_auth.dependency_proxy.gate_secret import gate_secret
from tests.unit.installation import Installation

GATE = "/dependency_proxy/gate"
SERVICE = "dependency_proxy"
ADDRESS = "192.0.2.7"
REALM = "http://127.0.0.1:5001/jwt/auth"


def image(group: str, name: str = "alpine") -> str:
    """Give the full name of an image under a group."""
    return f"{group}/dependency_proxy/containers/{name}"


def bearer(token: str) -> dict[str, str]:
    """Give the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True)
class Passed:
    """What the gate let through: the claims of the tokens for the registries behind, and all headers that are about it."""

    store: Mapping[str, Any]
    cache: Mapping[str, Any] | None
    on_missing: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Refused:
    """What the client gets instead: status, error code, message and challenge."""

    status: int
    code: str
    message: str
    challenge: str | None


@dataclass(frozen=True)
class Door:
    """An application of an installation, with its gate."""

    installation: Installation
    app: Flask

    @property
    def secret(self) -> str:
        """The secret that nginx shows."""
        return gate_secret(self.installation.keys.ring().server_secrets[0]).get_secret_value()

    def token(self, log_in: Mapping[str, str] | None, *scopes: str, service: str = SERVICE) -> str:
        """Give the JWT that a client gets who asks for these scopes."""
        query = {"service": service, "scope": list(scopes)}
        response = self.app.test_client().get("/jwt/auth", query_string=query, headers=log_in)
        assert response.status_code == 200, response.text
        return str(json.loads(response.data)["token"])

    def token_for(self, log_in: Mapping[str, str] | None, *names: str, actions: str = "pull,push,delete") -> str:
        """Give the JWT that a client gets who asks for all of it on these images."""
        return self.token(log_in, *(f"repository:{name}:{actions}" for name in names))

    def ask(self, method: str, uri: str, token: str | None = None, **headers: str) -> TestResponse:
        """Ask about a request, as nginx does; `headers` replace what nginx would send, with `_` for `-`.

        They are put into the environment as they are: what a web server would never let in is tried too.
        """
        sent = {
            "X_Gate_Secret": self.secret,
            "X_Original_Method": method,
            "X_Original_URI": uri,
            "X_Normalized_Path": uri.partition("?")[0],
            "X_Real_IP": ADDRESS,
            **({} if token is None else {"Authorization": f"Bearer {token}"}),
            **headers,
        }
        environ = {f"HTTP_{name.upper()}": value for name, value in sent.items()}
        return self.app.test_client().get(GATE, environ_overrides=environ)

    def about(self, method: str, name: str, place: str, token: str | None = None) -> Passed | Refused:
        """Ask about a request for an image, and read the answer."""
        return self.read(self.ask(method, f"/v2/{name}/{place}", token))

    def read(self, response: TestResponse) -> Passed | Refused:
        """Read an answer of the gate, and look that it has the form of one."""
        headers = {name: value for name, value in response.headers if name.startswith("X-")}
        assert response.headers["Cache-Control"] == "no-store"
        if response.status_code == 204:
            assert response.data == b""
            return Passed(
                self.installation.claims(headers["X-Store-Authorization"].removeprefix("Bearer ")),
                self._cache_claims(headers),
                headers["X-On-Missing"],
                headers,
            )
        return read_refusal(response)

    def _cache_claims(self, headers: Mapping[str, str]) -> Mapping[str, Any] | None:
        known = {"X-Cache-Authorization", "X-Cache", "X-Cache-Repository"} & set(headers)
        assert len(known) in {0, 3}
        return self.installation.claims(headers["X-Cache-Authorization"].removeprefix("Bearer ")) if known else None


def read_refusal(response: TestResponse) -> Refused:
    """Read a refusal, and look that nginx can pass it on: always 403, the words as one line of ASCII, nothing else about the request."""
    headers = {name: value for name, value in response.headers if name.startswith("X-")}
    status = int(headers.pop("X-Refusal-Status"))
    body = headers.pop("X-Refusal-Body")
    challenge = headers.pop("X-Refusal-Challenge", None)
    assert response.status_code == 403
    assert headers == {}
    assert "WWW-Authenticate" not in response.headers
    assert body.isascii()
    assert body.isprintable()
    assert (status == 401) == (challenge is not None)
    (error,) = json.loads(body)["errors"]
    assert set(error) == {"code", "message", "detail"}
    assert response.json == json.loads(body)
    return Refused(status, error["code"], error["message"], challenge)
