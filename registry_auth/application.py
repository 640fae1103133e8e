"""Builds each part once and hands it what it needs."""

from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter

from registry_auth import rest_api
from registry_auth.accounts.lookup import AccountLookup
from registry_auth.accounts.passwords import PasswordCheck
from registry_auth.credentials.authentication import Authentication
from registry_auth.database import Database
from registry_auth.dependency_proxy.challenge import Challenger
from registry_auth.dependency_proxy.gate import Gate
from registry_auth.dependency_proxy.image_owners import ImageOwners
from registry_auth.dependency_proxy.internal_tokens import INTERNAL_LIFETIME, InternalTokens
from registry_auth.dependency_proxy.presented_tokens import PresentedTokens
from registry_auth.dependency_proxy.views import GATE_PATH, DependencyProxy, dependency_proxy, nothing_here
from registry_auth.deploy_tokens.lookup import DeployTokenLookup
from registry_auth.digest_upgrades import DigestUpgrades
from registry_auth.http_errors import JsonResponse, read_whole_body, register_error_handlers
from registry_auth.last_use import LastUseRecorder
from registry_auth.logs import configure_logging
from registry_auth.namespaces.group_lookup import GroupLookup
from registry_auth.namespaces.ownership import ProjectLookup
from registry_auth.operations.views import operations
from registry_auth.services import Services, build_services
from registry_auth.settings import Settings, load_settings
from registry_auth.signing import Signer
from registry_auth.signing.verifier import Verifier
from registry_auth.throttling import Throttle
from registry_auth.token_endpoint.issuing import TokenIssuer, TokenService
from registry_auth.token_endpoint.views import token_endpoint
from registry_auth.trusted_proxies import behind_proxies
from registry_auth.values import Service, TokenHeader

_MAX_BODY = 256 * 1024  # bytes; 256 scopes with the longest names fit in


@dataclass(frozen=True, slots=True)
class Resources:
    """What an application holds open, as its extension `registry_auth`."""

    database: Database
    last_uses: LastUseRecorder
    upgrades: DigestUpgrades

    def close(self) -> None:
        """Write down what is waiting to be written, and give up all connections."""
        self.last_uses.close()
        self.upgrades.close()
        self.database.close()


def create_app(settings: Settings) -> Flask:
    """Give the WSGI application. The database has to be migrated. Raises ConfigurationError."""
    services = build_services(settings)
    lifetime = timedelta(seconds=settings.token_lifetime)
    signer = Signer(services.keys, settings.token_header, lifetime, services.clock)
    throttle = Throttle(settings.throttle_storage_url, lambda: services.digester.digest("throttle"), services.clock)
    upgrades = DigestUpgrades(services.database)
    projects = ProjectLookup(services.database)
    authentication = Authentication(
        deploy_tokens=DeployTokenLookup(services.database, services.digester, projects, upgrades),
        accounts=AccountLookup(services.database, services.digester, upgrades),
        passwords=PasswordCheck(),
        throttle=throttle,
        clock=services.clock,
    )
    images = ImageOwners(GroupLookup(services.database))
    issuer = TokenIssuer(
        issuer=settings.issuer,
        services=(
            TokenService(Service.CONTAINER_REGISTRY, settings.service, projects),
            TokenService(Service.DEPENDENCY_PROXY, settings.dependency_proxy_service, images, settings.dependency_proxy_enabled),
        ),
        lifetime=lifetime,
        signer=signer,
        clock=services.clock,
        new_token_id=_new_token_id,
    )
    app = _flask_app()
    if settings.trusted_proxies:
        app.wsgi_app = behind_proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[assignment]
    last_uses = LastUseRecorder(services.last_uses)
    app.before_request(services.database.cache.begin_request)
    app.extensions["registry_auth"] = Resources(services.database, last_uses, upgrades)
    app.register_blueprint(token_endpoint(authentication, issuer, last_uses))
    app.register_blueprint(dependency_proxy(_dependency_proxy(settings, services, authentication, images)))
    app.register_blueprint(operations(services.database, signer))
    app.register_blueprint(rest_api.blueprint(services, authentication, last_uses, settings.external_url))
    return app


def _dependency_proxy(settings: Settings, services: Services, authentication: Authentication, images: ImageOwners) -> DependencyProxy:
    # The registries behind nginx trust the CA, whatever other registries need: so keys rotate without touching them.
    signer = Signer(services.keys, TokenHeader.X5C, INTERNAL_LIFETIME, services.clock)
    gate = Gate(
        tokens=PresentedTokens(settings.dependency_proxy_service, Verifier(settings.issuer, services.keys, services.clock), authentication),
        owners=images,
        internal_tokens=InternalTokens(settings.issuer, signer, services.clock, _new_token_id),
        upstreams=frozenset(settings.dependency_proxy_upstreams),
    )
    return DependencyProxy(
        gate=gate,
        challenger=Challenger(settings.realm, settings.dependency_proxy_service),
        digester=services.digester,
        is_on=settings.dependency_proxy_enabled,
    )


def worker_app() -> Flask:
    """Give the application of one worker process of `registry-auth serve`, set up from the environment."""
    configure_logging()
    return create_app(load_settings())


def _new_token_id() -> str:
    return token_hex(16)  # 128 bits, as in a UUID, without making one


class _NoSessions(SessionInterface):
    """Flask would make an empty session for each request."""

    _NONE = NullSession()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:  # noqa: ARG002 - Flask's signature
        return self._NONE


class _App(Flask):
    """Flask, without what it does in each request for applications of another kind: a fifth of its time."""

    response_class = JsonResponse
    session_interface = _NoSessions()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Give what finds the view of a request.

        Flask would read, check and encode the header Host twice, for routes by host and for redirects. There are neither here: the name
        under which this server was reached has no say in anything.
        """
        if request is None:
            return None
        return self.url_map.bind("", url_scheme=request.scheme, default_method=request.method, path_info=request.path)


def _flask_app() -> Flask:
    app = _App("registry_auth", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = _MAX_BODY
    # Redirects of Werkzeug are HTML, and no client of ours follows them.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.before_request(read_whole_body)
    register_error_handlers(app, {rest_api.PREFIX: rest_api.http_exception, GATE_PATH: nothing_here})
    return app
