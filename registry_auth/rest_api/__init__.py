"""`/api/v4`: the REST API, compatible with GitLab's."""

from registry_auth.rest_api.errors import http_exception
from registry_auth.rest_api.views import PREFIX, blueprint

__all__ = ["PREFIX", "blueprint", "http_exception"]
