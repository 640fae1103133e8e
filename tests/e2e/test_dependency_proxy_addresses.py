"""Attacks on the dependency proxy by addresses and methods."""

import pytest

from .dependency_proxy import DependencyProxy
from .peers.stock_registry import StockRegistry
from .proxy_calls import (
    Repository,
    administrator_of,
    bearer,
    error,
    full_name,
    insufficient,
    send,
)
from .proxy_front import GATE, NOT_THERE, Front, make_front, names_below
from .token_server import TokenServer

ABOVE = "attack/paths"
NAMES = names_below(ABOVE)
A, B, VICTIM, THIEF, CACHED = NAMES


@pytest.fixture(scope="module")
def front(token_server: TokenServer, dependency_proxy: DependencyProxy, upstream: StockRegistry) -> Front:
    """Make the groups of victim and thief, and the images."""
    with administrator_of(token_server, "attack-paths-administrator") as administrator:
        return make_front(token_server, dependency_proxy, upstream, administrator, NAMES)


@pytest.mark.parametrize(
    "path",
    [
        f"/v2/{B}/../victim/dependency_proxy/containers/secret/manifests/1",
        f"/v2/{THIEF}/../../../../victim/dependency_proxy/containers/secret/manifests/1",
        f"/v2/{THIEF}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/victim/dependency_proxy/containers/secret/manifests/1",
        f"/v2/{THIEF}/..%2f..%2f..%2f..%2fvictim/dependency_proxy/containers/secret/manifests/1",
        f"/v2/{THIEF}/%252e%252e/manifests/1",
        f"/v2/{VICTIM}/x/../manifests/1",
        f"/v2/{VICTIM}/./manifests/1",
        f"/v2/./{VICTIM}/manifests/1",
        f"/v2//{VICTIM}/manifests/1",
        f"//v2/{VICTIM}/manifests/1",
        f"/v2/{VICTIM}//manifests/1",
        f"/v2/{VICTIM}/manifests//1",
        f"/v2/{VICTIM}/manifests/1/",
        f"/v2/{VICTIM}%2fmanifests%2f1",
        f"/v2/{VICTIM.replace('secret', '%73ecret')}/manifests/1",
        f"/v2/{VICTIM}/manifests/%31",
        f"/%76%32/{VICTIM}/manifests/1",
        f"/v2/{VICTIM}/manifests/1%00",
        f"/v2/{VICTIM}%00/manifests/1",
        f"/v2/{VICTIM}/manifests/1%0a",
        f"/v2/{VICTIM}/manifests/1%0d%0aX-Original-Method:%20HEAD",
        f"/v2/{THIEF}/manifests/1%0d%0aX-Original-URI:%20/v2/{VICTIM}/manifests/1",
        f"/v2/{VICTIM}/manifests/1%3fx=y",
        f"/v2/{VICTIM}/manifests/1%23",
        f"/v2/{VICTIM}/manifests/1;x=y",
        f"/v2/{VICTIM}/manifests/1\\",
        f"/v2/{VICTIM}/manifests/1%20",
        f"/v2/{VICTIM.upper()}/manifests/1",
        f"/V2/{VICTIM}/manifests/1",
        f"/v2/{VICTIM}/Manifests/1",
        f"/v2/{VICTIM}/manifests/\xff",
        f"/v2/{VICTIM}/manifests/%c0%ae%c0%ae",
        f"/v2/{VICTIM}/manifests/{'a' * 129}",
        f"/v2/{VICTIM}/manifests/{'a' * 302}",
        f"/v2/{VICTIM}/manifests/sha256:{'0' * 31}",
        f"/v2/{VICTIM}/manifests/sha256:{'0' * 129}",
        f"/v2/{VICTIM}/blobs/uploads/.",
        f"/v2/{VICTIM}/blobs/uploads/..",
        f"/v2/{VICTIM}/manifests/blobs/uploads/..",
        f"/v2/{VICTIM}/blobs/1",
        f"/v2/{VICTIM}/blobs/",
        f"/v2/{VICTIM}/tags/list/",
        f"/v2/{VICTIM}/tags/1",
        f"/v2/{VICTIM}/referrers/{NOT_THERE}",
        f"/v2/{CACHED}/referrers/{NOT_THERE}?artifactType=x",
        "/v2/_catalog",
        "/v2/_catalog?n=1000",
        f"/v2/{A}/dependency_proxy/_catalog",
        f"/v2/{VICTIM}/_catalog",
        f"/v2/{A}/secret/manifests/1",
        "/v2/dependency_proxy/containers/secret/manifests/1",
        "/v2//dependency_proxy/containers/secret/manifests/1",
        f"/v2/{A}/dependency_proxy/containers//manifests/1",
        f"/v2/{A}/dependency_proxy/containers/manifests/1",
        f"/v2/{B}/dependency_proxy/containers/{VICTIM}/manifests/1",
        f"/v2/{VICTIM}/dependency_proxy/containers/x/manifests/1",
        f"/v2/{A}/dependency_proxy/containers/dependency_proxy/containers/secret/manifests/1",
        f"/v2/{A}/dependency_proxy/container/secret/manifests/1",
        f"/v2/{full_name(A, 'x' * 255)}/manifests/1",
        f"/v2/{'g/' * 120}{A}/dependency_proxy/containers/secret/manifests/1",
        f"/v2/{full_name(A, '-secret')}/manifests/1",
        f"/v2/{full_name(A, 'se..cret')}/manifests/1",
        f"/{VICTIM}/manifests/1",
        f"/dependency_proxy_store/v2/{VICTIM}/manifests/1",
        f"/jwt/auth?service=dependency_proxy&scope=repository:{VICTIM}:pull",
        "/api/v4/user",
        "/-/readiness",
        "/.well-known/jwks.json",
        GATE,
        f"{GATE}?x",
        f"{GATE}/",
        f"/v2/..{GATE}",
        f"{GATE.replace('g', '%67')}",
        "/dependency_proxy/401",
        "/dependency_proxy/502",
        "/@dp_cache",
        "@dp_cache",
        "*",
        "/nginx.conf",
        "/v2/../../../../../../etc/passwd",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_addresses(front: Front, method: str, path: str) -> None:
    """What is no address of an image is none for anybody: it is never put right, and its mistake never makes another one of it."""
    (answer,) = front.raw(f"{method} {path} HTTP/1.1", "Content-Length: 0", jwt=front.victim)

    # nginx calls malformed addresses a bad request; on error pages it ends requests with a body in another way.
    assert answer.status in {400, 404}, answer
    if answer.status == 404:
        assert error(answer) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/v2/{A}%/manifests/1", 400),
        (f"/v2/{'a' * 45_000}", 414),
        (f"/v2/{VICTIM}/manifests/1?{'a' * 45_000}", 414),
    ],
)
def test_what_nginx_refuses(front: Front, path: str, status: int) -> None:
    """It says so in JSON."""
    (answer,) = front.raw(f"GET {path} HTTP/1.1", jwt=front.victim)

    assert answer.status == status


@pytest.mark.parametrize(
    ("group", "image"),
    [
        (f"{ABOVE}/nobody", "secret"),
        (ABOVE, "secret"),
        (f"{A}/nothing", "secret"),
        (ABOVE[:-1], "secret"),
        (f"{A}-2", "secret"),
        (A, "never-heard-of"),
        ("/".join("g" * 100), "secret"),
    ],
)
def test_groups_that_cannot_be_told_apart(front: Front, group: str, image: str) -> None:
    """To the thief an unknown group, a foreign group and an unknown image of it look alike, to the letter."""
    name = full_name(group, image)
    known, unknown = (Repository(front.host, each, front.thief).ask("GET", "manifests/1") for each in (VICTIM, name))

    assert insufficient(unknown) == f"repository:{name}:pull"
    assert unknown.body == known.body
    assert {**unknown.headers, "www-authenticate": "", "date": ""} == {**known.headers, "www-authenticate": "", "date": ""}


@pytest.mark.parametrize(
    ("digest", "well_formed"),
    [
        ("sha512:" + "0" * 128, True),
        ("sha384:" + "0" * 96, True),
        ("md5:" + "0" * 32, False),
        ("sha256:" + "A" * 64, False),
        ("a+b.c:" + "0" * 32, False),
        ("sha256:" + "0" * 63, False),
    ],
)
def test_unusual_digests(front: Front, digest: str, well_formed: bool) -> None:
    """They are no error of a server: the registries look for those that they may know, and do not get to see the others."""
    repository = Repository(front.host, CACHED, front.thief)
    places = [f"{kind}/{digest}" for kind in ("blobs", "manifests")]

    refusals = {error(repository.ask(method, place)) for method in ("GET", "DELETE") for place in places}

    assert refusals == {(404, code) for code in (("BLOB_UNKNOWN", "MANIFEST_UNKNOWN") if well_formed else ("NAME_UNKNOWN",))}
    assert repository.statuses("HEAD", places) == [404, 404]


@pytest.mark.parametrize("place", ["manifests/1", f"blobs/{NOT_THERE}", "blobs/uploads/", "blobs/uploads/x", "tags/list"])
def test_methods(front: Front, place: str) -> None:
    """What an address does not have is refused, to the holder of all rights too, and changes nothing."""
    has = {
        "manifests/1": "GET HEAD PUT DELETE",
        "blobs/uploads/": "POST",
        "blobs/uploads/x": "GET HEAD PATCH PUT DELETE",
        "tags/list": "GET",
    }
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "COPY", "LOCK", "INVENTED", "TRACE"]
    wrong = set(methods) - set(has.get(place, "GET HEAD DELETE").split())

    for method in wrong:
        answer = send(front.host, method, f"/v2/{THIEF}/{place}", headers=bearer(front.thief))
        assert (answer.status, method == "HEAD" or error(answer)[1]) == (405, method == "HEAD" or "UNSUPPORTED"), method
    front.unharmed()
