"""Who may do what: every operation, every role, every visibility, every kind of credential (S7)."""

import pytest
from werkzeug.test import TestResponse

from registry_auth.rest_api.operations import PREFIX
from registry_auth.values import NamespaceKind, Visibility
from tests.unit.rest_api.role_table import OPERATIONS, READERS, TABLE, Row
from tests.unit.rest_api.world import Headers, World

pytestmark = pytest.mark.one_store("the decision is made on what was looked up; the look-ups have tests of their own")

NOBODY = 10**9


def send(world: World, row: Row, who: str, visibility: Visibility) -> TestResponse:
    """Send the request of a row as one of its callers."""
    place = world.place(row.kind, visibility)
    values = {
        **world.users,
        "me": world.users.get(who, NOBODY),
        "group": world.place(NamespaceKind.GROUP, visibility).id,
        "personal": world.personal_token_id,
        "other_visibility": Visibility.PUBLIC if visibility is Visibility.PRIVATE else Visibility.PRIVATE,
    }
    in_path: dict[str, object] = {"id": place.id, "token_id": place.token_id, "user_id": world.users["member"]}
    in_path |= {name: value.format_map(values) for name, value in row.path.items()}
    sent = {name: value.format_map(values) for name, value in row.sent.items()}
    address = PREFIX + row.operation.partition(" ")[2].format_map(in_path)
    headers = _headers(world, who, place.token)
    if row.method in {"GET", "DELETE"}:
        return world.client.open(address, method=row.method, headers=headers, query_string=sent)
    return world.client.open(address, method=row.method, headers=headers, json=sent)


def _headers(world: World, who: str, deploy_token: str) -> Headers:
    if who == "deploy token":
        return {"PRIVATE-TOKEN": deploy_token}
    return {"Authorization": f"Bearer {deploy_token}"} if who == "deploy token as Bearer" else world.headers[who]


def test_every_operation_is_in_the_table(world: World) -> None:
    """An operation that nobody thought about fails here, as does one that is gone."""
    paths = world.client.get(f"{PREFIX}/openapi.json").get_json()["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == OPERATIONS


def test_every_row_succeeds_for_somebody() -> None:
    """No row is about refusals alone: they could all come from a request that is wrong."""
    assert [str(row) for row in TABLE if row.succeeds_with >= 300] == []


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_who_may_do_what(world: World, row: Row, visibility: Visibility) -> None:
    """Each caller gets the status of the table; what is refused or only read changes nothing, and every change does something."""
    before = world.dump()
    expected = row.expected(visibility)
    statuses, changed, short_of_scope = {}, set(), set()
    for who in expected:
        response = send(world, row, who, visibility)
        statuses[who] = response.status_code
        if response.status_code >= 300:
            assert response.get_json().keys() & {"message", "error"}, who
        if response.status_code == 403 and response.get_json().get("error") == "insufficient_scope":
            short_of_scope.add(who)
        if world.dump() != before:
            changed.add(who)
            world.restore()
    assert statuses == expected
    assert changed == (set() if row.method == "GET" else {who for who, status in expected.items() if status < 300})
    assert short_of_scope == {who for who in expected if "read_registry" in who or (who in READERS and row.method != "GET")}
