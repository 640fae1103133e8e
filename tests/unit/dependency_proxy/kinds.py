"""Every kind of request that registry clients make of an image, and what has to follow from each: one table for all tests."""

from collections.abc import Collection
from dataclasses import dataclass

from registry_auth.dependency_proxy.registry_requests import Resource
from registry_auth.dependency_proxy.routes import OnMissing
from registry_auth.values import Action

DIGEST = "sha256:" + "0123456789abcdef" * 4
UPLOAD_ID = "6b3c9a93-af5d-473f-a4cc-9710022185f1"

PLACES = {
    Resource.MANIFEST_BY_TAG: "manifests/3.20",
    Resource.MANIFEST_BY_DIGEST: f"manifests/{DIGEST}",
    Resource.BLOB: f"blobs/{DIGEST}",
    Resource.TAGS: "tags/list",
    Resource.NEW_UPLOAD: "blobs/uploads/",
    Resource.UPLOAD: f"blobs/uploads/{UPLOAD_ID}",
}

PULL = (Action.PULL,)
PUSH = (Action.PULL, Action.PUSH)
DELETE = (Action.DELETE,)
EVERYTHING = (Action.PULL, Action.PUSH, Action.DELETE)

_READ, _EVICT, _NONE = OnMissing.READ, OnMissing.EVICT, OnMissing.NONE


@dataclass(frozen=True)
class Kind:
    """A method at a place: what the client's token needs, what the store's token has, and what the store's 404 means.

    The last in three words: for a client's token that cannot push, for one that pushes and does not delete, and for one that does both.
    """

    method: str
    resource: Resource
    needed: tuple[Action, ...]
    at_store: tuple[Action, ...]
    on_missing: tuple[OnMissing, OnMissing, OnMissing]

    @property
    def place(self) -> str:
        """What follows the name in the address."""
        return PLACES[self.resource]

    def missing(self, held: Collection[Action]) -> OnMissing:
        """Give what the store's 404 means to a client whose token grants this."""
        if Action.PUSH not in held:
            return self.on_missing[0]
        return self.on_missing[2 if Action.DELETE in held else 1]


def _kind(method: str, resource: Resource, needed: tuple[Action, ...], *on_missing: OnMissing, more: tuple[Action, ...] = ()) -> Kind:
    first, second, third = on_missing if len(on_missing) > 1 else on_missing * 3
    return Kind(method, resource, needed, (*needed, *more), (first, second, third))


_MANIFESTS = (Resource.MANIFEST_BY_TAG, Resource.MANIFEST_BY_DIGEST)

KINDS = (
    *(_kind("GET", resource, PULL, _READ) for resource in (*_MANIFESTS, Resource.BLOB, Resource.TAGS)),
    *(_kind("HEAD", resource, PULL, _READ, _NONE, _READ) for resource in _MANIFESTS),
    _kind("HEAD", Resource.BLOB, PULL, _READ, _NONE, _NONE),
    *(_kind("PUT", resource, PUSH, _NONE) for resource in _MANIFESTS),
    _kind("DELETE", Resource.MANIFEST_BY_TAG, DELETE, _NONE),
    _kind("DELETE", Resource.MANIFEST_BY_DIGEST, DELETE, _EVICT),
    _kind("DELETE", Resource.BLOB, DELETE, _NONE),
    _kind("POST", Resource.NEW_UPLOAD, PUSH, _NONE, more=DELETE),
    *(_kind(method, Resource.UPLOAD, PUSH, _NONE, more=DELETE) for method in ("GET", "HEAD", "PATCH", "PUT", "DELETE")),
)

METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "MOVE", "COPY"),
    *("", "get", "Get", "GET ", " GET", "GET\n", "GET,PUT", "*", "GÉT"),
)
