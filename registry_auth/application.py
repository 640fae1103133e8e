"""Builds each part once and hands it what it needs."""

from datetime import timedelta
from uuid import uuid4

from flask import Flask, Response

from registry_auth import rest_api
from registry_auth.accounts.lookup import AccountLookup
from registry_auth.accounts.passwords import PasswordCheck
from registry_auth.credentials.authentication import Authentication
from registry_auth.deploy_tokens.lookup import DeployTokenLookup
from registry_auth.http_errors import read_whole_body, register_error_handlers
from registry_auth.logs import configure_logging
from registry_auth.namespaces.ownership import ProjectLookup
from registry_auth.operations.views import operations
from registry_auth.services import build_services
from registry_auth.settings import Settings, load_settings
from registry_auth.signing import Signer
from registry_auth.throttling import Throttle
from registry_auth.token_endpoint.issuing import TokenIssuer
from registry_auth.token_endpoint.views import token_endpoint
from registry_auth.trusted_proxies import behind_proxies

_MAX_BODY = 256 * 1024  # bytes; 256 scopes with the longest names fit in


def create_app(settings: Settings) -> Flask:
    """Give the WSGI application. The database has to be migrated. Raises ConfigurationError."""
    services = build_services(settings)
    lifetime = timedelta(seconds=settings.token_lifetime)
    signer = Signer(services.keys, lifetime, services.clock)
    throttle = Throttle(settings.throttle_storage_url, services.digester.digest("throttle"), services.clock)
    authentication = Authentication(
        deploy_tokens=DeployTokenLookup(services.database, services.digester),
        accounts=AccountLookup(services.database, services.digester),
        passwords=PasswordCheck(),
        throttle=throttle,
        clock=services.clock,
    )
    issuer = TokenIssuer(
        issuer=settings.issuer,
        service=settings.service,
        lifetime=lifetime,
        projects=ProjectLookup(services.database),
        signer=signer,
        clock=services.clock,
        new_token_id=lambda: uuid4().hex,
    )
    app = _flask_app()
    if settings.trusted_proxies:
        app.wsgi_app = behind_proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[assignment]
    app.extensions["registry_auth"] = services
    app.register_blueprint(token_endpoint(authentication, issuer))
    app.register_blueprint(operations(services.database, signer))
    app.register_blueprint(rest_api.blueprint(services, authentication, settings.external_url))
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
    app.before_request(read_whole_body)
    register_error_handlers(app, {rest_api.PREFIX: rest_api.http_exception})
    return app
