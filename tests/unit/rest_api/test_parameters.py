"""Parameters as clients send them, good and bad: what counts, what is refused, and by which name."""

import json
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.unit.rest_api.world import GROUP, PROJECT, World

pytestmark = pytest.mark.one_store("requests are refused or described before anything is looked up")

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
GOOD = {"name": "new", "scopes": ["read_registry"]}
DEPLOY_TOKEN_SCOPES = (
    "read_repository, read_registry, write_registry, read_package_registry, write_package_registry, read_virtual_registry, "
    "write_virtual_registry"
)


def create(world: World, body: bytes | str | dict[str, Any] = b"", content_type: str = JSON, query: str = "") -> TestResponse:
    """Ask for a new deploy token, as an administrator."""
    data = json.dumps(body) if isinstance(body, dict) else body
    address = f"/api/v4/projects/{world.place(PROJECT).id}/deploy_tokens?{query}"
    return world.client.post(address, data=data, content_type=content_type, headers=world.headers["administrator"])


NOT_OBJECTS = {
    "array": "[]",
    "string": '"x"',
    "number": "1",
    "null": "null",
    "true": "true",
}
NO_DATES: tuple[object, ...] = (2030, True, [])
NO_SCOPES: tuple[object, ...] = (["api"], ["read_api"], ["nonsense"], "nonsense", ["READ_REGISTRY"], [""], [1], [None], {"x": 1}, 1, True)
NO_SCOPES += ([["read_registry"]],)
NOT_JSON = {
    "cut off": '{"name":',
    "word": "{}x",
    "not a number": '{"name": NaN}',
    "infinity": '{"name": Infinity}',
    "huge number": '{"name": 1e400}',
    "deep array": "[" * 100_000,
    "deep object": '{"a":' * 50_000,
    "lone surrogate": r'{"name": "\ud800", "scopes": ["read_registry"]}',
    "byte order mark": "\ufeff{}",
    "single quotes": "{'name': 'new'}",
    "no UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "new"}'.encode("utf-16"),
}


@pytest.mark.parametrize(
    ("body", "error"),
    [(body, "The body must be a JSON object.") for body in NOT_OBJECTS.values()]
    + [(body, "The body is not JSON.") for body in NOT_JSON.values()],
    ids=[*NOT_OBJECTS, *NOT_JSON],
)
def test_bodies_that_are_no_json_object(world: World, body: bytes | str, error: str) -> None:
    """What is no JSON object is refused in one sentence, however deep, large or broken it is; nothing of it comes back."""
    before = world.dump()
    response = create(world, body)
    assert (response.status_code, response.get_json()) == (400, {"error": error})
    assert world.dump() == before


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ({}, {"error": "name is missing, scopes is missing"}),
        ({"name": "", "scopes": ""}, {"error": "name is missing, scopes is missing"}),
        ({"name": "x"}, {"error": "scopes is missing"}),
        ({"scopes": ["read_registry"]}, {"error": "name is missing"}),
        ({"name": 1}, {"error": "name does not have a valid value: a valid string"}),
        ({"name": ["x"]}, {"error": "name does not have a valid value: a valid string"}),
        ({"name": {"x": "y"}}, {"error": "name does not have a valid value: a valid string"}),
        ({"name": "a\0b"}, {"error": "name does not have a valid value: it holds control characters"}),
        ({"name": "a\nb"}, {"error": "name does not have a valid value: it holds control characters"}),
        ({"name": " "}, {"message": {"name": ["A name cannot be blank or hold control characters."]}}),
        ({"name": "x" * 256}, {"message": {"name": ["A name has at most 255 characters."]}}),
        ({"username": 1}, {"error": "username does not have a valid value: a valid string"}),
        *(
            (
                {"username": name},
                {"message": {"username": ["A user name has 1 to 255 letters, digits and the characters '.', '+', '_' and '-'."]}},
            )
            for name in ("a:b", "a$b", "a b", "é", "x" * 256)
        ),
        *(({"scopes": scopes}, {"error": f"scopes does not have a valid value: a list of {DEPLOY_TOKEN_SCOPES}"}) for scopes in NO_SCOPES),
        ({"scopes": []}, {"message": {"scopes": ["A deploy token needs at least one scope."]}}),
        *(
            (
                {"expires_at": date},
                {"error": "expires_at does not have a valid value: an expiry date is written YYYY-MM-DD, for example 2030-12-31."},
            )
            for date in ("soon", "2030-02-30", "31.12.2030", "2030", "0000-00-00", "10000-01-01")
        ),
        *(({"expires_at": date}, {"error": "expires_at does not have a valid value: a date, written YYYY-MM-DD"}) for date in NO_DATES),
        (
            {"expires_at": "9999-12-31T23:59:59-23:59"},
            {"error": "expires_at does not have a valid value: the expiry date is out of range."},
        ),
        *(
            (
                {"expires_at": date},
                {"message": {"expires_at": [f"The expiry date {date} is not in the future: today is 2026-07-02 (UTC)."]}},
            )
            for date in ("2020-01-01", "2026-07-02")
        ),
    ],
    ids=str,
)
def test_fields_that_are_missing_or_wrong(world: World, sent: dict[str, Any], names: dict[str, Any]) -> None:
    """The answer names the field and what it should be, never what was sent: parameter errors as `error`, broken rules as `message`."""
    before = world.dump()
    is_missing = "is missing" in str(names)
    response = create(world, sent if is_missing else GOOD | sent)
    assert (response.status_code, response.get_json()) == (400, names)
    assert world.dump() == before


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"expires_at": "2026-07-03"}, {"expires_at": "2026-07-03T00:00:00.000Z"}),
        ({"expires_at": "2030-01-01T23:30:00-05:00"}, {"expires_at": "2030-01-02T00:00:00.000Z"}),
        ({"expires_at": "2030-01-01T00:30:00+02:00"}, {"expires_at": "2029-12-31T00:00:00.000Z"}),
        ({"expires_at": "2030-01-01T23:59:59Z"}, {"expires_at": "2030-01-01T00:00:00.000Z"}),
        ({"expires_at": "2030-01-01T23:59:59"}, {"expires_at": "2030-01-01T00:00:00.000Z"}),
        ({"expires_at": ""}, {"expires_at": None}),
        ({"expires_at": None}, {"expires_at": None}),
        ({"username": "", "expires_at": ""}, {"username": "gitlab+deploy-token-{id}", "expires_at": None}),
        ({"username": "a.B+c_d-1"}, {"username": "a.B+c_d-1"}),
        ({"scopes": "read_registry"}, {"scopes": ["read_registry"]}),
        ({"scopes": "write_registry, read_registry"}, {"scopes": ["read_registry", "write_registry"]}),
        ({"scopes": ["write_registry", "read_registry", "write_registry"]}, {"scopes": ["read_registry", "write_registry"]}),
        ({"name": "x" * 255}, {"name": "x" * 255}),
        ({"name": "Żółw 🐢"}, {"name": "Żółw 🐢"}),
        ({"name": "<script>'\"%s{}"}, {"name": "<script>'\"%s{}"}),
        ({"nonsense": {"deep": [1]}, "id": 5, "token": "x", "revoked": True}, {"revoked": False}),
    ],
    ids=str,
)
def test_fields_in_the_forms_that_clients_send(world: World, sent: dict[str, Any], shown: dict[str, Any]) -> None:
    """Dates with times count in UTC, lists come as words too, empty strings are not given, and what nobody asked for is ignored."""
    made = create(world, GOOD | sent).get_json()
    expected = {name: value.format(id=made["id"]) if name == "username" else value for name, value in shown.items()}
    assert {name: made[name] for name in shown} == expected


@pytest.mark.parametrize(
    ("body", "content_type", "query", "scopes"),
    [
        ("name=new&scopes[]=read_registry&scopes[]=write_registry", FORM, "", ["read_registry", "write_registry"]),
        ("name=new&scopes=read_registry,write_registry", FORM, "", ["read_registry", "write_registry"]),
        ("name=new&scopes%5B%5D=read_registry", f"{FORM}; charset=utf-8", "", ["read_registry"]),
        (
            '--x\r\nContent-Disposition: form-data; name="scopes[]"\r\n\r\nread_registry\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "name=new",
            ["read_registry"],
        ),
        ("", JSON, "name=new&scopes=read_registry", ["read_registry"]),
        ("", "text/plain", "name=new&scopes[]=read_registry&scopes[]=write_registry", ["read_registry", "write_registry"]),
        ('{"scopes": ["write_registry"]}', f"{JSON}; charset=utf-8", "name=new&scopes=read_registry", ["write_registry"]),
        ('{"name": "old", "name": "new", "scopes": ["read_registry"]}', "Application/JSON", "", ["read_registry"]),
    ],
)
def test_parameters_come_from_query_and_body(world: World, body: str, content_type: str, query: str, scopes: list[str]) -> None:
    """Query, form and JSON are one; the body wins over the query, and of two equal names the last."""
    made = create(world, body, content_type, query)
    assert (made.status_code, made.get_json()["name"], made.get_json()["scopes"]) == (201, "new", scopes)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/xml", "application/vnd.api+json", "application/problem+json", "json", "\x00"]
)
def test_other_kinds_of_bodies_are_415(world: World, content_type: str) -> None:
    """A body that is neither JSON nor a form is not guessed at."""
    before = world.dump()
    response = create(world, json.dumps(GOOD), content_type)
    assert (response.status_code, response.get_json()) == (415, {"error": "The body must be application/json or a form."})
    assert world.dump() == before


@pytest.mark.parametrize("body", ["garbage", "--x\r\n", "--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n"])
def test_broken_forms_hold_nothing(world: World, body: str) -> None:
    """A form that cannot be read gives no parameter, and no error of ours."""
    for content_type in ("multipart/form-data; boundary=x", "multipart/form-data", FORM):
        assert create(world, body, content_type).get_json() == {"error": "name is missing, scopes is missing"}


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(
    ("start", "content_type"),
    [(b'{"name": "new", "scopes": ["read_registry"]}', JSON), (b"name=new&scopes=read_registry&x=", FORM), (b"", "text/plain")],
)
def test_bodies_that_are_too_large_are_413(world: World, start: bytes, content_type: str, is_chunked: bool) -> None:
    """Ten megabytes are refused, also when they come in chunks whose sum nobody announced; no part of them counts."""
    before = world.dump()
    body = start + b" " * 10_000_000
    given: dict[str, Any] = {"data": body}
    if is_chunked:
        given = {"input_stream": BytesIO(body), "environ_overrides": {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}}
    address = f"/api/v4/projects/{world.place(PROJECT).id}/deploy_tokens"
    response = world.client.post(address, content_type=content_type, headers=world.headers["administrator"], **given)
    assert (response.status_code, response.get_json()) == (413, {"error": "413 The request is too large"})
    assert world.dump() == before


def test_bodies_up_to_the_limit_are_read(world: World) -> None:
    """What is announced as smaller than 256 KiB is read whole."""
    padded = json.dumps(GOOD).encode().ljust(256 * 1024 - 1)
    assert create(world, padded).status_code == 201


@pytest.mark.parametrize(
    ("token_id", "error"),
    [
        *(
            (id_, "a valid integer")
            for id_ in ("abc", "1.0", "1.5", "1e3", "1_0", "+1", "%2B1", "%201", "1%00", "null", "true", "%d9%a1", "0x1", "self")
        ),
        *((id_, "greater than or equal to 1") for id_ in ("0", "-1")),
        *((id_, "less than or equal to 9223372036854775807") for id_ in (str(2**63), "9" * 19)),
        ("9" * 5000, "unable to parse input string as an integer, exceeded maximum size"),
    ],
)
def test_ids_of_tokens_are_whole_numbers(world: World, token_id: str, error: str) -> None:
    """What is no id is 400, and never read as another's: `1_0` is not 10."""
    for kind in (PROJECT, GROUP):
        one = f"/{kind}s/{world.place(kind).id}/deploy_tokens/{token_id}"
        for operation in (f"GET {one}", f"DELETE {one}", f"POST {one}/rotate"):
            response = world.call("administrator", operation)
            assert (response.status_code, response.get_json()) == (400, {"error": f"token_id does not have a valid value: {error}"})


@pytest.mark.both_stores
@pytest.mark.parametrize("unknown", ["999999", str(2**63 - 1)])
def test_unknown_ids_are_404(world: World, unknown: str) -> None:
    """An id that there is not is not found, as large as a column can hold."""
    place = world.place(PROJECT)
    one = f"/projects/{place.id}/deploy_tokens/{unknown}"
    operations = [f"GET {one}", f"DELETE {one}", f"POST {one}/rotate", f"GET /projects/{unknown}", f"GET /groups/{unknown}/members"]
    operations += [
        f"GET /users/{unknown}",
        f"DELETE /users/{unknown}",
        f"POST /users/{unknown}/block",
        f"GET /projects/{unknown}/deploy_tokens",
    ]
    operations += [f"GET /personal_access_tokens/{unknown}", f"DELETE /projects/{place.id}/members/{unknown}"]
    for operation in operations:
        response = world.call("administrator", operation)
        assert (response.status_code, response.get_json().keys()) == (404, {"message"}), operation
    for sent in ({"user_id": unknown}, {"username": "nobody"}):
        assert world.call("administrator", f"POST /projects/{place.id}/members", {**sent, "access_level": 10}).status_code == 404
    for operation, name in (("POST /projects", "namespace_id"), ("POST /groups", "parent_id")):
        assert world.call("administrator", operation, {"path": "new", name: unknown}).get_json() == {"message": "404 Group Not Found"}


@pytest.mark.parametrize("id_", ["true", "false", "1.5", "1e400", str(2**70), "[1]", "{}", "-1", "0", '"x"', '"1.0"', '"1_0"', '" 1"'])
def test_ids_in_bodies_are_whole_numbers_too(world: World, id_: str) -> None:
    """An id in a body is a number or its digits; `true` is not the user with the id 1."""
    before = world.dump()
    address = f"/api/v4/projects/{world.place(PROJECT).id}/members"
    body = f'{{"user_id": {id_}, "access_level": 10}}'
    response = world.client.post(address, data=body, content_type=JSON, headers=world.headers["administrator"])
    assert (response.status_code, response.get_json().keys()) == (400, {"error"})
    assert world.dump() == before


@pytest.mark.parametrize("level", ["true", '"guest"', "35", "0", "60", "-10", "null", "[10]", "10.5", str(2**70), '""'])
def test_access_levels_are_those_of_roles(world: World, level: str) -> None:
    """Only the five numbers of roles are access levels."""
    address = f"/api/v4/projects/{world.place(PROJECT).id}/members"
    body = f'{{"username": "bystander", "access_level": {level}}}'
    response = world.client.post(address, data=body, content_type=JSON, headers=world.headers["administrator"])
    assert response.status_code == 400
    assert response.get_json()["error"].startswith("access_level ")


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("true", True),
        ('"true"', True),
        ('"True"', True),
        ("1", True),
        ('"1"', True),
        ("false", False),
        ('"False"', False),
        ("0", False),
        ('""', False),
    ],
)
def test_booleans_in_the_forms_that_clients_send(world: World, word: str, meaning: bool) -> None:
    """JSON booleans, their words in any case, and 1 and 0; empty is not given."""
    body = f'{{"username": "new", "admin": {word}}}'
    response = world.client.post("/api/v4/users", data=body, content_type=JSON, headers=world.headers["administrator"])
    assert (response.status_code, response.get_json()["is_admin"]) == (201, meaning)


@pytest.mark.parametrize("word", ["2", '"maybe"', "[]", "{}", "-1"])
def test_other_words_are_no_booleans(world: World, word: str) -> None:
    """Nothing is guessed to be true or false."""
    body = f'{{"username": "new", "admin": {word}}}'
    response = world.client.post("/api/v4/users", data=body, content_type=JSON, headers=world.headers["administrator"])
    assert response.status_code == 400
    assert response.get_json()["error"].startswith("admin does not have a valid value: a valid boolean")


@pytest.mark.parametrize("overlap", ["-1", "2592001", "1.5", '"x"', str(2**70), "[]"])
def test_overlaps_out_of_bounds_are_400(world: World, overlap: str) -> None:
    """A rotation overlaps by 0 seconds to 30 days; beyond that the token keeps its secret."""
    before = world.dump()
    place = world.place(PROJECT)
    address = f"/api/v4/projects/{place.id}/deploy_tokens/{place.token_id}/rotate"
    response = world.client.post(address, data=f'{{"overlap": {overlap}}}', content_type=JSON, headers=world.headers["maintainer"])
    assert response.status_code == 400
    assert response.get_json()["error"].startswith("overlap does not have a valid value: ")
    assert world.dump() == before


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("order_by=size", "order_by does not have a valid value: 'id', 'name', 'path' or 'created_at'"),
        ("sort=up", "sort does not have a valid value: 'asc' or 'desc'"),
        ("visibility=secret", "visibility does not have a valid value: 'private', 'internal' or 'public'"),
        ("min_access_level=35", "min_access_level does not have a valid value: one of 10, 20, 30, 40, 50"),
        ("owned=maybe", "owned does not have a valid value: a valid boolean, unable to interpret input"),
        ("search=%00", "search does not have a valid value: it holds control characters"),
        ("search[]=x", "search does not have a valid value: a valid string"),
        (f"search={'x' * 256}", "search does not have a valid value: string should have at most 255 characters"),
        (
            "sort=up&visibility=secret",
            "visibility does not have a valid value: 'private', 'internal' or 'public', sort does not have a valid value: 'asc' or 'desc'",
        ),
    ],
)
def test_queries_that_are_wrong_name_all_that_is(world: World, query: str, error: str) -> None:
    """Each wrong parameter of a list is named, with what it may be."""
    response = world.call("administrator", f"GET /projects?{query}")
    assert (response.status_code, response.get_json()) == (400, {"error": error})


@pytest.mark.both_stores
@pytest.mark.parametrize(
    "query", ["search=%25", "search=_", "search=%5C", "search=%27%22%3B--", "search=%ff", f"search={'x' * 255}", "search=%F0%9F%90%A2"]
)
def test_searches_are_for_the_text_itself(world: World, query: str) -> None:
    """Wildcards, quotes and bytes that are no text find nothing where they do not occur."""
    for noun in ("projects", "groups", "users", "personal_access_tokens"):
        response = world.call("stranger", f"GET /{noun}?{query}")
        assert response.status_code == 200
        assert [entry for entry in response.get_json() if "_" not in query or "_" not in str(entry)] == []


def test_bodies_of_reading_and_deleting_do_not_count(world: World) -> None:
    """GET and DELETE take parameters from the address alone, whatever else is sent."""
    for content_type, body in ((JSON, b"{"), ("text/plain", b"x" * 100_000), (JSON, b'{"per_page": 1}')):
        address = "/api/v4/projects"
        response = world.client.get(address, data=body, content_type=content_type, headers=world.headers["administrator"])
        assert (response.status_code, len(response.get_json())) == (200, 3)
    place = world.place(PROJECT)
    address = f"/api/v4/projects/{place.id}/deploy_tokens/{place.token_id}"
    assert world.client.delete(address, data=b"{", content_type=JSON, headers=world.headers["maintainer"]).status_code == 204
