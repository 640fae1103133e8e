"""What clients ask of a registry once they have a token, as single requests."""

import re

from .http_calls import Answer, call
from .peers.stock_registry import StockRegistry

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def enter(registry: StockRegistry, jwt: str | None) -> Answer:
    """Ask for `/v2/`, which any valid token opens."""
    return _request(registry, "GET", "/v2/", jwt)


def list_tags(registry: StockRegistry, repository: str, jwt: str | None) -> Answer:
    """Ask for something that needs the right to pull; 404 says that there is the right, but no image."""
    return _request(registry, "GET", f"/v2/{repository}/tags/list", jwt)


def begin_upload(registry: StockRegistry, repository: str, jwt: str | None) -> Answer:
    """Ask for something that needs the right to push; 202 grants it."""
    return _request(registry, "POST", f"/v2/{repository}/blobs/uploads/", jwt)


def delete_manifest(registry: StockRegistry, repository: str, jwt: str | None) -> Answer:
    """Ask for something that needs the right to delete."""
    return _request(registry, "DELETE", f"/v2/{repository}/manifests/sha256:{'0' * 64}", jwt)


def challenge(answer: Answer) -> dict[str, str]:
    """Give the parameters of the challenge of an answer 401."""
    assert answer.status == 401, (answer.status, answer.body)
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    return dict(_CHALLENGE.findall(answer.headers["www-authenticate"]))


def _request(registry: StockRegistry, method: str, path: str, jwt: str | None) -> Answer:
    headers = {} if jwt is None else {"Authorization": f"Bearer {jwt}"}
    return call(f"http://{registry.host}{path}", method=method, headers=headers)
