"""Requests of registry clients, read strictly: one reading each, or none."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_auth.dependency_proxy.image_names import ImageName, parse_image_name
from registry_auth.dependency_proxy.registry_requests import RegistryRequest, Resource, parse_request
from registry_auth.errors import UnknownNameError, UnsupportedMethodError
from tests.unit.dependency_proxy.door import image
from tests.unit.dependency_proxy.kinds import DIGEST, KINDS, METHODS, PLACES, UPLOAD_ID

NAME = ImageName("g/sub", "owner/alpine")
ROOT = f"/v2/{NAME.full}"
UPLOADS = f"{ROOT}/blobs/uploads/"
SOURCE = image("other", "debian")


def parse(method: str, uri: str) -> RegistryRequest:
    """Read a request that nginx left as it was written."""
    return parse_request(method, uri, uri.partition("?")[0])


def is_refused(path: str, normalized: str | None = None) -> bool:
    """Say whether there is nothing at this address, by any method; other errors are none of the kind that is expected."""
    for method in ("GET", "PUT", "POST", "DELETE"):
        try:
            parse_request(method, path, path if normalized is None else normalized)
        except UnknownNameError:
            continue
        except UnsupportedMethodError:
            return False
        return False
    return True


@pytest.mark.parametrize("resource", Resource)
def test_every_method_at_every_endpoint(resource: Resource) -> None:
    """The whole table: what registries have is read, and no other method, however it is written, is one of theirs."""
    known = {kind.method for kind in KINDS if kind.resource is resource}
    for method in METHODS:
        if method in known:
            assert parse(method, f"{ROOT}/{PLACES[resource]}") == RegistryRequest(method, NAME, resource)
        else:
            with pytest.raises(UnsupportedMethodError):
                parse(method, f"{ROOT}/{PLACES[resource]}")


@pytest.mark.parametrize(
    ("place", "resource"),
    [
        ("manifests/latest", Resource.MANIFEST_BY_TAG),
        ("manifests/_", Resource.MANIFEST_BY_TAG),
        ("manifests/V1.2-rc_3", Resource.MANIFEST_BY_TAG),
        ("manifests/a..b", Resource.MANIFEST_BY_TAG),
        ("manifests/" + "t" * 128, Resource.MANIFEST_BY_TAG),
        ("manifests/manifests", Resource.MANIFEST_BY_TAG),
        ("manifests/list", Resource.MANIFEST_BY_TAG),
        ("manifests/sha512:" + "f" * 128, Resource.MANIFEST_BY_DIGEST),
        ("manifests/sha384:" + "9" * 96, Resource.MANIFEST_BY_DIGEST),
        ("blobs/sha512:" + "0" * 128, Resource.BLOB),
        ("blobs/uploads", Resource.NEW_UPLOAD),
        ("blobs/uploads/0=-_.", Resource.UPLOAD),
        ("blobs/uploads/uploads", Resource.UPLOAD),
        ("blobs/uploads/" + "u" * 300, Resource.UPLOAD),
    ],
)
def test_other_spellings_of_registries(place: str, resource: Resource) -> None:
    """Tags, digests and upload ids of every form and length that registries have."""
    method = "POST" if resource is Resource.NEW_UPLOAD else "GET"
    assert parse(method, f"{ROOT}/{place}") == RegistryRequest(method, NAME, resource)


@pytest.mark.parametrize(
    "place",
    [
        *("", "/", "manifests", "manifests/", "blobs", "blobs/", "tags", "tags/", "tags/list/", "tags/lists", "tags/other", "tag/list"),
        *("manifests/.a", "manifests/-a", "manifests/a/b", "manifests/latest/", "manifests/..", "manifests/.", "manifests/a:b"),
        "manifests/a+b",
        *("manifests/" + "t" * 129, "manifests/a=b", "manifests/@", "manifests/a@b", f"manifests/latest@{DIGEST}", "Manifests/a"),
        "MANIFESTS/a",
        *(f"manifests/{DIGEST[:-33]}", "manifests/sha256:", "manifests/sha256:" + "g" * 64, "manifests/:" + "a" * 64),
        f"manifests/{DIGEST}/",
        *("manifests/md5:" + "0" * 32, "manifests/sha256:" + "A" * 64, "manifests/a+b.c:" + "0" * 64, "blobs/sha512:" + "0" * 64),
        *("manifests/sha256:" + "a" * 63, "manifests/sha256:" + "a" * 65, "manifests/sha256:" + "٣" * 64, f"manifests/{DIGEST}:{DIGEST}"),
        *("blobs/latest", "blobs/sha256", f"blobs/{DIGEST}/", f"blobs/{DIGEST}/x", f"blob/{DIGEST}", "blobs/2sha:" + "a" * 64),
        "blobs/uploads//",
        *(
            f"blobs/uploads/{UPLOAD_ID}/",
            "blobs/uploads/a/b",
            "blobs/uploads/" + "u" * 301,
            "blobs/uploads/a:b",
            "blobs/uploads/a~",
            "blobs/uploads/.",
            "blobs/uploads/..",
        ),
        "uploads/a",
        *("blobs/upload/", "blobs//uploads/", "Blobs/uploads/", f"referrers/{DIGEST}", "_catalog", "manifests//latest"),
        "//manifests/latest",
        *("manifests/%6catest", "manifests/a%2fb", "manifests/a%2Fb", "manifests/%2e%2e", "manifests/a%00"),
        "manifests/a%0d%0aX-Original-Method:%20GET",
        *("manifests/a%0a", "manifests/a\n", "manifests/a\r\nX: y", "manifests/a\x00", "manifests/a b", "manifests/a;b", "manifests/a\\b"),
        "manifests/é",
        *(f"blobs/{DIGEST}\n", f"blobs/{DIGEST}%0a", "tags/list\n", "tags/list%0a", "blobs/uploads/\n", "blobs/uploads\n"),
        f"blobs/uploads/{UPLOAD_ID}\n",
        *("../manifests/a", "x/../manifests/a", "./manifests/a", "%2e%2e/manifests/a", "..%2fmanifests/a", "manifests/a#b"),
        *("manifests/a&b", "%3fa/tags/list"),
        *("X/manifests/a", "-x/manifests/a", "x-/manifests/a", "x%2fy/manifests/a", "x\n/manifests/a", "manifests/a/tags/list/x"),
        "x:y/manifests/a",
    ],
    ids=lambda place: repr(place[:40]),
)
def test_nothing_else_is_an_address(place: str) -> None:
    """Traversal, percent signs, line ends, empty parts, upper case, what is too long: refused, although both paths agree."""
    assert is_refused(f"{ROOT}/{place}")


@pytest.mark.parametrize(("upload", "normalized"), [(".", "blobs/uploads/"), ("..", "blobs/"), ("x/..", "blobs/uploads/")])
def test_dots_are_no_upload(upload: str, normalized: str) -> None:
    """An upload's id that means a directory arrives as that directory, and so never agrees with what was written."""
    assert is_refused(f"{UPLOADS}{upload}", f"{ROOT}/{normalized}")


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/v2", "/v2/", "/v2/_catalog", "/v2/manifests/a", "/v2//manifests/a", "/v2/alpine/manifests/a"),
        "/v2/g/alpine/manifests/a",
        *(f"{NAME.full}/manifests/a", f"v2/{NAME.full}/manifests/a", f"//v2/{NAME.full}/manifests/a", f"/v2//{NAME.full}/manifests/a"),
        *(f"/V2/{NAME.full}/manifests/a", f"/v1/{NAME.full}/manifests/a", f"/v2/v2/../{NAME.full}/manifests/a"),
        f"/v22/{NAME.full}/manifests/a",
        *(f"/v2/{NAME.full[:-13]}/manifests/a", "/v2/dependency_proxy/containers/a/manifests/a"),
        "/v2/g/dependency_proxy/containers/manifests/a",
        *(f"/v2/{image('g', image('h'))}/manifests/a", f"/v2/{image(image('g'))}/manifests/a", f"/v2/{image('g', 'a' * 255)}/manifests/a"),
        *(f"/v2/{image('../h')}/manifests/a", f"/v2/{image('g/../h')}/manifests/a", f"/v2/{image('g', '../../../h')}/manifests/a"),
        *(f"/v2/{image('g%2fh')}/manifests/a", f"/v2/{image('G')}/manifests/a", f"/v2/{image('g', 'A')}/manifests/a"),
        f"/v2/{image('g', '')}/manifests/a",
        *(f"http://h/v2/{NAME.full}/manifests/a", f"/x/v2/{NAME.full}/manifests/a", f"/v2/{NAME.full}%2fmanifests/a", "*"),
    ],
    ids=lambda path: repr(path[:60]),
)
def test_no_image_no_address(path: str) -> None:
    """An address that no image of the dependency proxy has is none, whatever stands behind it."""
    assert is_refused(path)


GOOD = f"{ROOT}/manifests/latest"


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        (GOOD, ""),
        (GOOD, f"{GOOD}/"),
        (GOOD, f"{GOOD}\n"),
        (GOOD, f"{GOOD}\r\nX-Original-Method: GET"),
        (f"{GOOD}%0d%0aX-Original-Method:%20GET", GOOD),
        (f"{GOOD}%0a", GOOD),
        (f"{ROOT}/manifests/%6catest", GOOD),
        (f"{ROOT}/manifests/x%2f..%2flatest", GOOD),
        (f"{ROOT}/manifests/../manifests/latest", GOOD),
        (f"{ROOT}//manifests/latest", GOOD),
        (f"/v2/./{NAME.full}/manifests/latest", GOOD),
        (f"/v2/{image('other')}/../../../{NAME.full}/manifests/latest", GOOD),
        (f"/v2/{image('other')}/manifests/latest", GOOD),
        (GOOD, f"/v2/{image('other')}/manifests/latest"),
        (GOOD, f"{ROOT}/manifests/lates"),
        (GOOD, f"{ROOT}/manifests/latesT"),
        (f"{GOOD}%3fa", f"{GOOD}?a"),
        (f"http://h{GOOD}", GOOD),
        (f"{GOOD}#a", GOOD),
    ],
)
def test_both_paths_have_to_agree(written: str, normalized: str) -> None:
    """What nginx decodes, shortens or routes otherwise than it was written is refused: the decision is on the same path as the way."""
    assert is_refused(written, normalized)
    assert is_refused(f"{written}?x=y", normalized)


QUERIES = [
    "",
    "n=1&last=a",
    f"digest={DIGEST}",
    f"mount={DIGEST}&from={SOURCE}",
    "a=b?c=d",
    "?",
    "/../x",
    "%0d%0a",
    "é",
    "&" * 50,
    "x" * 10_000,
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: repr(query[:30]))
def test_a_query_changes_nothing(query: str) -> None:
    """Everywhere the address is what stands before the first question mark, and only a new upload has a source."""
    for kind in KINDS:
        path = f"{ROOT}/{kind.place}"
        request = parse_request(kind.method, f"{path}?{query}", path)
        source = SOURCE if kind.resource is Resource.NEW_UPLOAD and "from=" in query else None
        assert request == RegistryRequest(kind.method, NAME, kind.resource, source)
        with pytest.raises(UnknownNameError):
            parse_request(kind.method, f"{path}?{query}", f"{path}?{query}")


@pytest.mark.parametrize(
    "query",
    [
        f"mount={DIGEST}&from={SOURCE}",
        f"from={SOURCE}&mount={DIGEST}",
        f"mount={quote(DIGEST, safe='')}&from={quote(SOURCE, safe='')}",
        f"%6dount={DIGEST}&%66rom={SOURCE}",
        f"&mount={DIGEST}&&from={SOURCE}&",
    ],
)
def test_source_of_a_mount(query: str) -> None:
    """One `mount` and one `from`, encoded or not, name the repository to take over from."""
    assert parse("POST", f"{UPLOADS}?{query}").source == SOURCE


@pytest.mark.parametrize(
    "query",
    [
        *("", "mount", "from", "mount=", f"mount={DIGEST}", f"from={SOURCE}", f"digest={DIGEST}", f"digest={DIGEST}&from={SOURCE}"),
        *(f"mount=&mount={DIGEST}", f"mount=&mount={DIGEST}&from={SOURCE}", f"mount={DIGEST}&mount={DIGEST}&from={SOURCE}"),
        *(f"mount={DIGEST}&from={SOURCE}&from={SOURCE}", f"mount={DIGEST}&from=x&from={SOURCE}", f"mount={DIGEST}&from={SOURCE}&from=x"),
        *(f"mount={DIGEST}&from={SOURCE}&from=", f"mount={DIGEST}&from={SOURCE}&%66rom=x", f"mount={DIGEST}&from={SOURCE}&from"),
        *(f"mount={DIGEST}&from={SOURCE}&digest={DIGEST}", f"mount={DIGEST}&from={SOURCE}&x", f"mount={DIGEST}&from={SOURCE}&x=y"),
        *(f"MOUNT={DIGEST}&FROM={SOURCE}", f"Mount={DIGEST}&from={SOURCE}", f"mount={DIGEST}&From={SOURCE}"),
        *(f"mount={DIGEST}&from ={SOURCE}", f"mount=&from={SOURCE}", f"mount=x&from={SOURCE}", f"mount={DIGEST};from=x&from={SOURCE}"),
        *(f"?mount={DIGEST}&from={SOURCE}", f"mount={DIGEST};from={SOURCE}", f"mount={DIGEST}%26from={SOURCE}"),
        f"mount[]={DIGEST}&from={SOURCE}",
        *(f"mount={DIGEST}&from={SOURCE}&\x00=", f"mount={DIGEST}&from={SOURCE}#&from=x", f"mount={DIGEST}&from={SOURCE}&=", "=", "&", "%"),
    ],
)
def test_doubtful_mounts_have_no_source(query: str) -> None:
    """What says something twice, says more, or says it otherwise might be read in two ways, and so says nothing; the upload goes on."""
    assert parse("POST", f"{UPLOADS}?{query}") == RegistryRequest("POST", NAME, Resource.NEW_UPLOAD)


@pytest.mark.parametrize(
    "source", [f"{SOURCE}%00", f"{SOURCE}%0a", f"{SOURCE}%", f"{SOURCE}+", f"{SOURCE}#", f"{SOURCE}%2f", f"+{SOURCE}", "%ff"]
)
def test_source_is_never_put_right(source: str) -> None:
    """A source that is no name to the letter stays none: it is nobody's image."""
    request = parse("POST", f"{UPLOADS}?mount={DIGEST}&from={source}")
    assert request.source is not None
    assert parse_image_name(request.source) is None


WORDS = st.sampled_from(["manifests", "blobs", "uploads", "tags", "list", "latest", "a", "g", "v2", "containers", "sha256", UPLOAD_ID])
PATHS = st.lists(WORDS, min_size=1, max_size=3).map("/".join)


@given(PATHS, PATHS)
def test_names_may_end_in_any_word(group: str, name: str) -> None:
    """Names that hold the words of endpoints are read as registries read them: the name is as long as it can be."""
    for each in KINDS:
        path = f"/v2/{image(group, name)}/{each.place}"
        assert parse(each.method, path) == RegistryRequest(each.method, ImageName(group, name), each.resource)


PIECES = st.sampled_from(
    [
        *("/v2/", "/", "//", "g", "a", "dependency_proxy/containers", "manifests/", "blobs/", "uploads", "uploads/", "tags/list", "latest"),
        DIGEST,
        *("..", ".", "%2f", "%0a", "\n", "\r\n", "?", "A", "é", "x" * 200),
    ]
)


@given(st.sampled_from(METHODS), st.lists(PIECES, max_size=12).map("".join) | st.text(), st.sampled_from(["", "/", "\n", "x"]))
def test_generated_requests_have_one_reading(method: str, uri: str, tail: str) -> None:
    """Whatever comes is refused or one request, whose address is the name and the place, and only that of the path that was routed."""
    path = uri.partition("?")[0]
    try:
        request = parse_request(method, uri, path)
    except (UnknownNameError, UnsupportedMethodError):
        return
    assert path.startswith(f"/v2/{request.name.full}/")
    assert path.isascii()
    assert path.isprintable()
    assert parse_image_name(request.name.full) == request.name
    assert not any(odd in path for odd in ("%", "//", " ", "\\"))
    if tail:
        assert is_refused(uri, path + tail)


@pytest.mark.parametrize(
    "path",
    [
        *(ROOT + "/manifests/a" * 10_000, "/v2/" + "a/" * 10_000, "/v2/" + "a" * 100_000, "/v2/" + "-" * 100_000),
        f"{ROOT}/manifests/" + "a" * 100_000,
        *(f"{ROOT}/blobs/" + "a." * 50_000, f"{ROOT}/blobs/" + "a-" * 50_000 + ":" + "a" * 64, f"{ROOT}/blobs/uploads/" * 5_000),
        f"{ROOT}/" * 5_000,
        *("/v2/" + "a_" * 50_000 + "/manifests/a", "/v2/g" + "/dependency_proxy/containers" * 5_000 + "/a/manifests/a"),
        f"{ROOT}/manifests/a:" + "a" * 100_000,
        *("/v2/g" + "-" * 100_000 + "/dependency_proxy/containers/a/manifests/a", "/" * 100_000, f"{ROOT}/tags/list" * 10_000),
        "%" * 100_000,
    ],
    ids=lambda path: repr(path[-20:]),
)
def test_hostile_lengths_are_answered(path: str) -> None:
    """A path of any length is refused without going over it again and again."""
    assert is_refused(path)


def test_hostile_queries_are_answered() -> None:
    """A query of any length is read, or says nothing."""
    for query in (
        "&" * 100_000,
        "mount=&" * 20_000,
        "%" * 100_000,
        f"mount=a&from={'a' * 100_000}",
        "a=b&" * 20_000 + f"mount=x&from={SOURCE}",
    ):
        source = parse("POST", f"{UPLOADS}?{query}").source
        assert source is None or parse_image_name(source) is None
