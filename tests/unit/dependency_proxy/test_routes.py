"""What each kind of request needs, what the store is told, and what its 404 means."""

from itertools import combinations

import pytest

from registry_auth.dependency_proxy.image_names import ImageName
from registry_auth.dependency_proxy.registry_requests import RegistryRequest
from registry_auth.dependency_proxy.routes import OnMissing, Route, route
from registry_auth.values import Action
from tests.unit.dependency_proxy.kinds import KINDS, Kind

HELD = [frozenset(actions) for size in range(4) for actions in combinations(Action, size)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.method} {kind.resource}")
def test_way_of_every_request(kind: Kind) -> None:
    """The whole table: kinds of requests, and what the client's token grants."""
    request = RegistryRequest(kind.method, ImageName("g", "alpine"), kind.resource)
    assert [route(request, held) for held in HELD] == [Route(kind.needed, kind.at_store, kind.missing(held)) for held in HELD]


def test_rights_of_a_request_are_bounded() -> None:
    """What reads never writes at the store, what a pull reads may always come from the cache, and what writes never does."""
    for kind in KINDS:
        request = RegistryRequest(kind.method, ImageName("g", "alpine"), kind.resource)
        ways = [route(request, held) for held in HELD]
        if kind.method in {"GET", "HEAD"} and not kind.place.startswith("blobs/uploads"):
            assert {way.at_store for way in ways} == {(Action.PULL,)}
            assert route(request, ["pull"]).on_missing is OnMissing.READ
        else:
            assert OnMissing.READ not in {way.on_missing for way in ways}
        assert len({(way.needed, way.at_store) for way in ways}) == 1  # the token's rights decide on the cache alone
        assert all(set(way.needed) <= set(way.at_store) for way in ways)


def test_words_for_nginx() -> None:
    """The configuration of nginx knows these words."""
    assert [*OnMissing] == ["read", "evict", "none"]
