"""The routes under `/api`: the operations, their description, and the documentation made from it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from flask import Blueprint, Response

from registry_auth.credentials.authentication import Authentication
from registry_auth.http_errors import json_response
from registry_auth.last_use import LastUseRecorder
from registry_auth.rest_api.deploy_tokens import deploy_token_operations
from registry_auth.rest_api.description import describe
from registry_auth.rest_api.documentation import documentation_html, documentation_page
from registry_auth.rest_api.errors import register_error_handlers
from registry_auth.rest_api.login import log_in
from registry_auth.rest_api.members import member_operations
from registry_auth.rest_api.namespace_changes import namespace_change_operations
from registry_auth.rest_api.namespaces import namespace_operations
from registry_auth.rest_api.operations import PREFIX as OPERATIONS_PREFIX
from registry_auth.rest_api.operations import Api
from registry_auth.rest_api.personal_access_tokens import personal_access_token_operations
from registry_auth.rest_api.users import user_operations
from registry_auth.services import Services

PREFIX = "/api/"

_DECLARATIONS = (
    deploy_token_operations,
    namespace_operations,
    namespace_change_operations,
    member_operations,
    user_operations,
    personal_access_token_operations,
)


def blueprint(services: Services, authentication: Authentication, last_uses: LastUseRecorder, external_url: str) -> Blueprint:
    """Give the routes of the REST API."""
    api = Api(services.namespaces, external_url)
    for declare in _DECLARATIONS:
        declare(api, services)
    routes = Blueprint("rest_api", __name__, template_folder="templates")
    register_error_handlers(routes)
    api.add_routes(routes, lambda: log_in(authentication, last_uses, services.clock))

    @cache
    def document() -> Mapping[str, Any]:
        # When somebody asks, and once: making it would be a tenth of a worker's start.
        return describe(api.operations, external_url)

    @cache
    def page() -> str:
        return documentation_html(document())

    @routes.get(f"{OPERATIONS_PREFIX}/openapi.json")
    def openapi() -> Response:
        return json_response(document())

    @routes.get("/api/docs")
    def documentation() -> Response:
        return documentation_page(page())

    return routes
