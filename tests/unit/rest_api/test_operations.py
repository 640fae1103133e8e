"""Declared operations: what a declaration comes to, and in which order a request is checked."""

from http import HTTPStatus

import pytest
from flask import Blueprint, Flask

from registry_auth.rest_api.errors import register_error_handlers
from registry_auth.rest_api.guards import ADMINISTRATOR, ANYBODY, who_sees
from registry_auth.rest_api.operations import Api, Call
from registry_auth.rest_api.parameters import Id, PageParameters, Parameters
from registry_auth.values import ANONYMOUS, NamespaceKind, Visibility
from tests.unit.installation import Installation
from tests.unit.rest_api.role_table import OPERATIONS
from tests.unit.rest_api.world import GROUP, PROJECT, World


class Numbered(Parameters):
    """One number."""

    number: Id


def test_one_declaration_serves_and_describes(installation: Installation) -> None:
    """Method, address, guard, parameters, answer and status of a declaration are those of the route."""
    installation.project("g/app", Visibility.PUBLIC)
    api = Api(installation.namespaces, "https://auth.example.com")
    seen: list[Call[Numbered]] = []

    @api.operation(
        "PUT /projects/{id}/things/{number}",
        "set_thing",
        "Set a thing",
        guard=who_sees(PROJECT),
        given=Numbered,
        answer=int,
        status=HTTPStatus.ACCEPTED,
    )
    def run(call: Call[Numbered]) -> object:
        seen.append(call)
        return call.given.number

    app = Flask("test", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 1_000
    routes = Blueprint("test", "test")
    register_error_handlers(routes)
    api.add_routes(routes, lambda: ANONYMOUS)
    app.register_blueprint(routes)
    response = app.test_client().put("/api/v4/projects/g%2Fapp/things/7?number=8")
    assert (response.status_code, response.get_json()) == (202, 7)
    assert (seen[0].namespace.path, seen[0].caller) == ("g/app", ANONYMOUS)
    (operation,) = api.operations
    assert (operation.tag, operation.changes, operation.is_paged) == ("projects", True, False)
    assert app.test_client().put("/api/v4/projects/g%2Fapp/things/x").status_code == 400
    assert app.test_client().put("/api/v4/projects/g/things/7").status_code == 404


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("/projects/{id}", "projects"),
        ("/groups/{id}/projects", "groups"),
        ("/groups/{id}/deploy_tokens/{token_id}/rotate", "deploy tokens"),
        ("/deploy_tokens", "deploy tokens"),
        ("/users/{user_id}/personal_access_tokens", "personal access tokens"),
        ("/projects/{id}/members/all", "members"),
    ],
)
def test_operations_belong_to_a_noun(installation: Installation, path: str, tag: str) -> None:
    """The noun of an operation is the last one that is a subject of its own."""
    api = Api(installation.namespaces, "")
    api.operation(f"GET {path}", "x", "x", guard=ANYBODY, given=PageParameters)(lambda call: call)
    (operation,) = api.operations
    assert (operation.tag, operation.changes, operation.is_paged) == (tag, False, True)


def test_without_a_place_there_is_no_namespace() -> None:
    """An operation that asks for a group or project which its guard does not know fails."""
    with pytest.raises(TypeError, match="no group or project"):
        _ = Call(ANONYMOUS, Parameters(), None).namespace
    assert ADMINISTRATOR.kind is None


@pytest.mark.parametrize(
    ("who", "operation", "sent", "status"),
    [
        # The log-in comes before everything else, then the scope, then who may know of the place, then the role, then the parameters.
        ("wrong token", "POST /projects/nowhere/deploy_tokens", {}, 401),
        ("blocked owner", "POST /projects/nowhere/deploy_tokens", {}, 403),
        ("owner's read_api token", "POST /projects/nowhere/deploy_tokens", {}, 403),
        ("stranger", "POST /projects/{private}/deploy_tokens", {}, 404),
        ("developer", "POST /projects/{private}/deploy_tokens", {}, 403),
        ("developer", "GET /projects/{private}/deploy_tokens/x", None, 403),
        ("developer", "DELETE /projects/{private}/deploy_tokens/999999", None, 403),
        ("stranger", "GET /projects/{private}/deploy_tokens/x", None, 404),
        ("maintainer", "POST /projects/{private}/deploy_tokens", {}, 400),
        ("maintainer", "GET /projects/{private}/deploy_tokens/x", None, 400),
        ("stranger", "POST /users", {}, 403),
        ("stranger", "GET /deploy_tokens?page=0", None, 403),
        ("anonymous", "POST /users", {}, 401),
        ("administrator", "POST /users", {}, 400),
    ],
)
def test_refusals_come_in_order(world: World, who: str, operation: str, sent: object, status: int) -> None:
    """Nobody learns from a refusal what lies behind the next check."""
    before = world.dump()
    assert world.call(who, operation.format(private=world.place(PROJECT).id), sent).status_code == status
    assert world.dump() == before


def test_unreadable_bodies_are_refused_after_the_guard(world: World) -> None:
    """Who may not do it gets the same answer whatever is in the body; one that is too large is refused before anybody is known."""
    place = world.place(PROJECT)
    for who in ("anonymous", "stranger", "owner", "wrong token"):
        for path in (f"projects/{place.id}/deploy_tokens", "projects/nowhere/deploy_tokens", "user", "nothing"):
            large = world.client.post(f"/api/v4/{path}", data=b"x" * 1_000_000, headers=world.headers[who])
            assert (large.status_code, large.get_json()) == (413, {"error": "413 The request is too large"})
    for body, content_type in ((b"{", "application/json"), (b"x", "text/plain")):
        for who, status in (("anonymous", 404), ("stranger", 404), ("developer", 403), ("wrong token", 401)):
            address = f"/api/v4/projects/{place.id}/deploy_tokens"
            response = world.client.post(address, data=body, content_type=content_type, headers=world.headers[who])
            assert response.status_code == status


def test_answers_without_content_have_no_type(world: World) -> None:
    """204 is empty, and says nothing of a type."""
    place = world.place(GROUP)
    response = world.call("owner", f"DELETE /groups/{place.id}/deploy_tokens/{place.token_id}")
    assert (response.status_code, response.data, "Content-Type" in response.headers) == (204, b"", False)
    assert response.headers["Cache-Control"] == "no-store"


def test_operations_of_both_kinds_are_the_same() -> None:
    """What there is for the deploy tokens and members of a project there is for those of a group."""
    for noun in ("deploy_tokens", "members"):
        of = {
            kind: {each.replace(f"/{kind}s/", "/x/") for each in OPERATIONS if f"/{kind}s/{{id}}/{noun}" in each} for kind in NamespaceKind
        }
        assert of[GROUP] == of[PROJECT]
