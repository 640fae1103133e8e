"""The OpenAPI description: valid, complete, and true to what the operations answer."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from registry_auth.last_use import REST_API
from registry_auth.values import Service, Visibility
from tests.unit.rest_api.role_table import REFUSED_CALLERS, TABLE, Row
from tests.unit.rest_api.test_roles import send
from tests.unit.rest_api.world import NEVER_USED, World

pytestmark = pytest.mark.one_store("requests are refused or described before anything is looked up")

# What every operation may answer whatever it is, and what the role table cannot show.
ALWAYS = {"401", "403", "429", "500", "503"}


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    """Give the description as it is served, to anybody."""
    response = world.client.get("/api/v4/openapi.json", headers=world.headers["wrong token"])
    assert (response.status_code, response.content_type) == (200, "application/json")
    served: dict[str, Any] = response.get_json()
    return served


def operations(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Give the operations by method and path."""
    return {f"{method.upper()} {path}": each for path, methods in document["paths"].items() for method, each in methods.items()}


def references(part: object) -> Iterator[str]:
    """Give everything that is referred to."""
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def test_description_is_valid_openapi(document: dict[str, Any]) -> None:
    """The validator of the specification has nothing to say."""
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    assert document["servers"] == [{"url": "http://127.0.0.1:5001/api/v4"}]


def test_what_is_referred_to_is_there_and_used(document: dict[str, Any]) -> None:
    """No reference leads nowhere, and no schema is left over, `$defs` included."""
    used = set(references(document))
    assert used == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert "$defs" not in json.dumps(document)


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    """Operation ids are unique words, from which clients are generated; each operation has a tag and two sentences."""
    each = operations(document).values()
    names = [operation["operationId"] for operation in each]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)
    assert all(len(operation["tags"]) == 1 and operation["summary"].endswith(".") and operation["description"] for operation in each)
    assert len({operation["summary"] for operation in each}) == len(names)


def test_parameters_of_the_path_are_all_described(document: dict[str, Any]) -> None:
    """Each brace of a path is a required parameter, and no name is there twice."""
    for name, operation in operations(document).items():
        path = re.findall(r"{(\w+)}", name)
        assert [each["name"] for each in operation["parameters"] if each["in"] == "path"] == path, name
        assert all(each["required"] for each in operation["parameters"] if each["in"] == "path")
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("properties", {})
        names = [each["name"] for each in operation["parameters"]] + list(body)
        assert len(names) == len(set(names)), name


def test_who_may_call_is_said(document: dict[str, Any]) -> None:
    """The description names the scope, and leaves the log-in out only where anonymous callers may succeed."""
    open_to_all = {row.operation for row in TABLE if row.expected(Visibility.PUBLIC)["anonymous"] < 300}
    for name, operation in operations(document).items():
        assert operation["description"].endswith("`read_api` or `api`." if name.startswith("GET") else "scope `api`.")
        assert ({} in operation.get("security", document["security"])) == (name in open_to_all), name


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_status_is_documented(world: World, document: dict[str, Any], row: Row) -> None:
    """Whatever status a role gets, or a request without parameters, is described, with the schema that the answer has."""
    responses = operations(document)[row.operation]["responses"]
    statuses = {str(status) for visibility in Visibility for status in row.expected(visibility).values()}
    assert statuses | ALWAYS <= responses.keys()
    empty = send(world, Row(row.operation, row.statuses, path=row.path), "administrator", Visibility.PRIVATE)
    assert str(empty.status_code) in responses
    world.restore()
    for who in ("administrator", *REFUSED_CALLERS):
        response = send(world, row, who, Visibility.PRIVATE)
        described = responses[str(response.status_code)].get("content")
        if described is None:
            assert response.data == b""
        else:
            assert_fits(response.get_json(), described["application/json"]["schema"], document)


def assert_fits(value: Any, schema: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    """Check an answer against a schema: types, members that are needed, and none that is not described."""
    if "$ref" in schema:
        assert_fits(value, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    elif "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if _fits(value, choice, document)]
        assert choices, (value, schema)
    elif schema.get("type") == "array":
        assert isinstance(value, list)
        for each in value:
            assert_fits(each, schema["items"], document)
    elif schema.get("type") == "object":
        assert isinstance(value, dict)
        assert set(schema.get("required", ())) <= value.keys() <= schema["properties"].keys()
        for name, member in value.items():
            assert_fits(member, schema["properties"][name], document)
    else:
        kinds = schema.get("type", [])
        assert _kind(value) in ([kinds] if isinstance(kinds, str) else kinds), (value, schema)
        assert value in schema.get("enum", [value])
        assert value == schema.get("const", value)


def _fits(value: Any, schema: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    try:
        assert_fits(value, schema, document)
    except AssertionError:
        return False
    return True


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", str: "string", type(None): "null", dict: "object", list: "array"}
    return kinds[type(value)]


@pytest.mark.parametrize("name", ["DeployToken", "IssuedDeployToken", "PersonalAccessToken", "IssuedPersonalAccessToken"])
def test_last_uses_are_described(document: dict[str, Any], name: str) -> None:
    """Every form of a token has the members of the last use, each with a sentence, and each may be null."""
    schema = document["components"]["schemas"][name]
    for member in NEVER_USED:
        described = schema["properties"][member]
        assert member in schema["required"]
        assert described["description"]
        assert {"type": "null"} in described["anyOf"]
    services = schema["properties"]["last_used_service"]
    for service in (*map(str, Service), REST_API):
        assert_fits(service, services, document)
    assert not _fits("registry", services, document)


def test_secrets_are_shown_where_they_are_made_alone(document: dict[str, Any]) -> None:
    """The member `token` is in the answers of creation and rotation; no answer has a password."""
    shows = {
        name
        for name, schema in document["components"]["schemas"].items()
        if {"token", "password", "password_hash", "digest"} & schema.get("properties", {}).keys()
    }
    assert shows == {"IssuedDeployToken", "IssuedPersonalAccessToken"}
    making = {
        name
        for name, operation in operations(document).items()
        if any("Issued" in reference for reference in references(operation["responses"]))
    }
    assert all(re.search(r"/rotate$|^POST .*(deploy|personal_access)_tokens$", name) for name in making)
    assert len(making) == 6
