"""What a request needs of the client's token, what it gets at the store of pushed images, and what that store's 404 means."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from registry_auth.dependency_proxy.registry_requests import RegistryRequest, Resource
from registry_auth.values import Action


class OnMissing(StrEnum):
    """What nginx does when the store does not have it: read it from the cache, evict it there, or say so."""

    READ = "read"
    EVICT = "evict"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Route:
    """The actions that the client's token has to grant, those that the store wants to see, and what its 404 means."""

    needed: tuple[Action, ...]
    at_store: tuple[Action, ...]
    on_missing: OnMissing


_PUSH = (Action.PULL, Action.PUSH)
_DELETE = (Action.DELETE,)
_UPLOADS = {Resource.NEW_UPLOAD, Resource.UPLOAD}


def route(request: RegistryRequest, held: Collection[str]) -> Route:
    """Give the way of a request; `held` is what the client's token grants on the image."""
    if request.resource in _UPLOADS:
        # Registries want the right to delete from who cancels an upload; who may push may do that.
        return Route(_PUSH, (*_PUSH, Action.DELETE), OnMissing.NONE)
    if request.reads:
        return Route((Action.PULL,), (Action.PULL,), OnMissing.NONE if _is_question_of_a_push(request, held) else OnMissing.READ)
    if request.method == "DELETE":
        return Route(_DELETE, _DELETE, OnMissing.EVICT if request.resource is Resource.MANIFEST_BY_DIGEST else OnMissing.NONE)
    return Route(_PUSH, _PUSH, OnMissing.NONE)


def _is_question_of_a_push(request: RegistryRequest, held: Collection[str]) -> bool:
    """Say whether the client asks what it still has to upload: only the store can tell, since what is cached is not stored.

    Clients ask for the right to push only when they push. A token that may delete too asks for a manifest in order to delete it, and that
    may be a cached one.
    """
    if request.method != "HEAD" or Action.PUSH not in held:
        return False
    return request.resource is Resource.BLOB or Action.DELETE not in held
