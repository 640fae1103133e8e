"""`/-/liveness`, `/-/readiness`, and the public keys at `/.well-known/jwks.json`."""

import logging
from collections.abc import Callable

from flask import Blueprint, Response

from registry_auth.database import Database, check_schema
from registry_auth.errors import RegistryAuthError
from registry_auth.http_errors import RETRY_AFTER, json_response
from registry_auth.signing import Signer
from registry_auth.signing.jwks import key_set

logger = logging.getLogger(__name__)


def operations(database: Database, signer: Signer) -> Blueprint:
    """Give the routes for operators."""
    blueprint = Blueprint("operations", __name__)

    @blueprint.get("/-/liveness")
    def liveness() -> Response:
        return json_response({"status": "ok"})

    @blueprint.get("/-/readiness")
    def readiness() -> Response:
        checks = {
            "database": _passes("database", lambda: check_schema(database)),
            "key_ring": _passes("key ring", signer.signing_key),
        }
        ready = all(checks.values())
        document = {
            "status": _word(ready),
            "checks": {name: _word(passed) for name, passed in checks.items()},
            "warnings": signer.keys.warnings(),
        }
        return json_response(document) if ready else json_response(document, 503, {"Retry-After": RETRY_AFTER})

    @blueprint.get("/.well-known/jwks.json")
    def jwks() -> Response:
        return Response(key_set(signer.keys.ring().public_keys()), mimetype="application/json")

    return blueprint


def _passes(name: str, check: Callable[[], object]) -> bool:
    """Anybody may ask for readiness, so the answer is a word; the reason is for the log."""
    try:
        check()
    except RegistryAuthError as error:
        logger.warning("not ready: %s: %s", name, error)
        return False
    return True


def _word(passed: bool) -> str:
    return "ok" if passed else "failed"
