"""Builds each part once and hands it what it needs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from flask import Flask, Response

from registry_auth.credentials.authentication import Authentication
from registry_auth.database import Database
from registry_auth.deploy_tokens.lookup import DeployTokenLookup
from registry_auth.deploy_tokens.service import DeployTokens
from registry_auth.http_errors import register_error_handlers
from registry_auth.logs import configure_logging
from registry_auth.namespaces.ownership import ProjectLookup
from registry_auth.namespaces.service import Namespaces
from registry_auth.operations.views import operations
from registry_auth.settings import Settings, load_settings
from registry_auth.signing import KeyDirectory, Signer
from registry_auth.token_endpoint.issuing import TokenIssuer
from registry_auth.token_endpoint.views import token_endpoint
from registry_auth.token_secrets import SecretDigester

_MAX_BODY = 256 * 1024  # bytes; 256 scopes with the longest names fit in


def utc_now() -> datetime:
    """Give the current time, aware and in UTC: the clock of everything here."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """What the doors to people and programs work with; the command line and the server build it alike."""

    database: Database
    keys: KeyDirectory
    namespaces: Namespaces
    deploy_tokens: DeployTokens
    digester: SecretDigester


def build_services(settings: Settings) -> Services:
    """Open the database and the key directory, making keys that are missing. Raises ConfigurationError."""
    database = Database(settings.database_url)
    keys = KeyDirectory(settings.keys_dir)
    secret = keys.ready(utc_now()).server_secret
    digester = SecretDigester(secret.id, secret.value)
    return Services(
        database,
        keys,
        Namespaces(database, utc_now),
        DeployTokens(database, digester, utc_now),
        digester,
    )


def create_app(settings: Settings) -> Flask:
    """Give the WSGI application. The database has to be migrated. Raises ConfigurationError."""
    services = build_services(settings)
    lifetime = timedelta(seconds=settings.token_lifetime)
    signer = Signer(services.keys, lifetime, utc_now)
    authentication = Authentication(DeployTokenLookup(services.database, services.digester), utc_now)
    issuer = TokenIssuer(
        issuer=settings.issuer,
        service=settings.service,
        lifetime=lifetime,
        projects=ProjectLookup(services.database),
        signer=signer,
        clock=utc_now,
        new_token_id=lambda: uuid4().hex,
    )
    app = _flask_app()
    app.extensions["registry_auth"] = services
    app.register_blueprint(token_endpoint(authentication, issuer))
    app.register_blueprint(operations(services.database, signer))
    return app


def worker_app() -> Flask:
    """Give the application of one worker process of `registry-auth serve`, set up from the environment."""
    configure_logging()
    return create_app(load_settings())


class _JsonResponse(Response):
    default_mimetype = "application/json"  # also for what Flask answers by itself, such as OPTIONS


def _flask_app() -> Flask:
    app = Flask("registry_auth", static_folder=None)
    app.response_class = _JsonResponse
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = _MAX_BODY
    # Redirects of Werkzeug are HTML, and no client of ours follows them.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    register_error_handlers(app)
    return app
