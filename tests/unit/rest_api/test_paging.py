"""Lists come in pages, with the headers that clients follow (GitLab docs: REST API, offset-based pagination)."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.test import TestResponse

from registry_auth.rest_api.paging import page_headers
from registry_auth.rest_api.parameters import PageParameters, Parameters
from registry_auth.values import Visibility
from tests.unit.rest_api.role_table import TABLE, Row
from tests.unit.rest_api.test_roles import send
from tests.unit.rest_api.world import GROUP, PROJECT, World

SECRET = "glpat-" + "s" * 32


@pytest.fixture
def many(world: World) -> World:
    """Make 45 deploy tokens of the private project."""
    for _ in range(44):  # there is one
        world.installation.token(world.place(PROJECT).path)
    return world


def links(response: TestResponse) -> dict[str, str]:
    """Give the addresses of the header Link by relation."""
    found: list[tuple[str, str]] = re.findall(r'<([^>]*)>; rel="(\w+)"', response.headers["Link"])
    return {relation: address for address, relation in found}


def listed(world: World, query: str = "") -> TestResponse:
    """List the deploy tokens of the private project."""
    return world.call("maintainer", f"GET /projects/{world.place(PROJECT).id}/deploy_tokens?{query}")


@pytest.mark.parametrize(
    ("query", "entries", "headers", "relations"),
    [
        ("", 20, ["1", "20", "", "2", "45", "3"], {"next": 2, "first": 1, "last": 3}),
        ("page=2", 20, ["2", "20", "1", "3", "45", "3"], {"prev": 1, "next": 3, "first": 1, "last": 3}),
        ("page=3", 5, ["3", "20", "2", "", "45", "3"], {"prev": 2, "first": 1, "last": 3}),
        ("page=4", 0, ["4", "20", "3", "", "45", "3"], {"prev": 3, "first": 1, "last": 3}),
        ("page=99", 0, ["99", "20", "", "", "45", "3"], {"first": 1, "last": 3}),
        ("page=2147483647&per_page=100", 0, ["2147483647", "100", "", "", "45", "1"], {"first": 1, "last": 1}),
        ("per_page=1&page=45", 1, ["45", "1", "44", "", "45", "45"], {"prev": 44, "first": 1, "last": 45}),
        ("per_page=15&page=3", 15, ["3", "15", "2", "", "45", "3"], {"prev": 2, "first": 1, "last": 3}),
        ("per_page=100", 45, ["1", "100", "", "", "45", "1"], {"first": 1, "last": 1}),
        ("per_page=101", 45, ["1", "100", "", "", "45", "1"], {"first": 1, "last": 1}),
        ("per_page=1000", 45, ["1", "100", "", "", "45", "1"], {"first": 1, "last": 1}),
        (f"per_page={'9' * 30}", 45, ["1", "100", "", "", "45", "1"], {"first": 1, "last": 1}),
        ("page=&per_page=", 20, ["1", "20", "", "2", "45", "3"], {"next": 2, "first": 1, "last": 3}),
        ("page=1&page=3", 5, ["3", "20", "2", "", "45", "3"], {"prev": 2, "first": 1, "last": 3}),
    ],
)
def test_pages_and_their_headers(many: World, query: str, entries: int, headers: list[str], relations: dict[str, int]) -> None:
    """Number, size, neighbours and totals are in the headers; a page beyond the end is empty, and more than 100 entries are 100."""
    response = listed(many, query)
    assert (response.status_code, len(response.get_json())) == (200, entries)
    names = ("X-Page", "X-Per-Page", "X-Prev-Page", "X-Next-Page", "X-Total", "X-Total-Pages")
    assert [response.headers[name] for name in names] == headers
    pages = {relation: dict(parse_qsl(urlsplit(address).query)) for relation, address in links(response).items()}
    assert {relation: int(values["page"]) for relation, values in pages.items()} == relations
    assert {values["per_page"] for values in pages.values()} == {headers[1]}


@pytest.mark.parametrize(
    ("query", "name"),
    [(f"{name}={value}", name) for name in ("page", "per_page") for value in ("0", "-1", "abc", "1.5", "true", "%00", "null")]
    + [("page=2147483648", "page"), (f"page={'9' * 5000}", "page"), ("page[]=1", "page"), ("per_page[]=1", "per_page")],
)
def test_pages_that_there_cannot_be_are_400(world: World, query: str, name: str) -> None:
    """The number of a page and its size are whole numbers from 1, as large as a database can count."""
    response = listed(world, query)
    assert response.status_code == 400
    assert response.get_json()["error"].startswith(f"{name} does not have a valid value: ")


def test_following_the_links_shows_everything_once(many: World) -> None:
    """Whoever follows `next` to its end has seen each entry once, in order."""
    seen: list[int] = []
    address: str | None = f"/api/v4/projects/{many.place(PROJECT).id}/deploy_tokens?per_page=7"
    while address:
        response = many.client.get(address, headers=many.headers["maintainer"])
        seen += [token["id"] for token in response.get_json()]
        address = links(response).get("next")
    assert len(seen) == 45
    assert seen == sorted(set(seen))


def test_an_empty_list_has_one_page(world: World) -> None:
    """Nothing found is one empty page."""
    response = world.call("stranger", "GET /groups?search=nothing")
    assert (response.get_json(), response.headers["X-Total"], response.headers["X-Total-Pages"]) == ([], "0", "1")
    assert links(response).keys() == {"first", "last"}


def test_links_keep_the_question(world: World) -> None:
    """The other parameters are repeated, encoded, with the address that the server is known by; whatever host the request named."""
    query = "search=%22%3E%3Cy&per_page=1&visibility=public&order_by=id"
    response = world.call("owner", f"GET /projects?{query}", base_url="https://evil.example")
    for address in links(response).values():
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc, parts.path) == ("http", "127.0.0.1:5001", "/api/v4/projects")
        assert dict(parse_qsl(parts.query)) == {**dict(parse_qsl(query)), "page": "1"}


@pytest.mark.parametrize("name", ["private_token", "access_token", "token", "private_token[]", "password", SECRET])
def test_links_repeat_nothing_that_is_not_read(many: World, name: str) -> None:
    """A token that was put into the address, where it does not belong, is not in the answer."""
    response = listed(many, f"{name}={SECRET}&active=true&x=%0D%0AX-Evil:%201")
    assert response.status_code == 200
    assert SECRET not in f"{response.headers}{response.text}"
    assert "X-Evil" not in response.headers
    assert "active=true" in response.headers["Link"]


def test_links_name_places_by_number(many: World) -> None:
    """A list that was asked for by path goes on by the number, which needs no encoding."""
    place = many.place(PROJECT)
    response = many.call("maintainer", f"GET /projects/{place.path.replace('/', '%2F')}/deploy_tokens")
    assert urlsplit(links(response)["next"]).path == f"/api/v4/projects/{place.id}/deploy_tokens"


LISTS = [row for row in TABLE if row.method == "GET" and not row.sent and not row.path and not row.operation.endswith(("id}", "/user"))]


@pytest.mark.parametrize("row", LISTS, ids=str)
def test_every_list_comes_in_pages(world: World, row: Row) -> None:
    """Each operation that lists has the headers of a page, and the filter of one page."""
    assert len(LISTS) == 14
    response = send(world, row, "administrator", Visibility.PRIVATE)
    assert int(response.headers["X-Total"]) == len(response.get_json())
    assert {"first", "last"} <= links(response).keys()


def test_head_has_the_headers_of_the_page(many: World) -> None:
    """HEAD counts without listing."""
    response = many.call("maintainer", f"HEAD /projects/{many.place(PROJECT).id}/deploy_tokens")
    assert (response.status_code, response.data, response.headers["X-Total"]) == (200, b"", "45")


def test_only_what_takes_a_page_gives_one() -> None:
    """A declaration that mixes things up fails."""
    with pytest.raises(TypeError, match="no page"):
        page_headers("", [], Parameters(), 1)
    assert page_headers("", [], PageParameters(), 1)["X-Total"] == "1"


def test_pages_of_what_is_inside_a_group(world: World) -> None:
    """Totals count what the caller sees, and no more."""
    for who, total in (("anonymous", "1"), ("stranger", "2"), ("owner above", "3")):
        for noun in ("projects", "subgroups", "descendant_groups"):
            assert world.call(who, f"GET /groups/top/{noun}").headers["X-Total"] == total
    assert world.call("anonymous", f"GET /{GROUP}s").headers["X-Total"] == "2"
