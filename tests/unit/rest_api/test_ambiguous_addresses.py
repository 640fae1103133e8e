"""Addresses whose `%2F` the web server decoded: where they can be read in two ways, nothing is done."""

import pytest

from registry_auth.values import NamespaceKind, Role
from tests.unit.installation import Installation, secret_of

pytestmark = pytest.mark.one_store("the decision is made on what was looked up; the look-ups have tests of their own")

GROUP = NamespaceKind.GROUP


@pytest.fixture
def login(installation: Installation) -> dict[str, str]:
    """Log an administrator in."""
    return {"PRIVATE-TOKEN": secret_of(installation.personal_token(installation.user("root", is_administrator=True)))}


@pytest.mark.parametrize(
    ("method", "kind", "path", "address"),
    [
        ("GET", "group", "a/projects", "/groups/a%2Fprojects"),
        ("GET", "group", "a/subgroups", "/groups/a%2Fsubgroups"),
        ("GET", "group", "a/members/all", "/groups/a%2Fmembers%2Fall"),
        ("GET", "group", "a/deploy_tokens/1", "/groups/a%2Fdeploy_tokens%2F1"),
        ("DELETE", "group", "a/members/1", "/groups/a%2Fmembers%2F1"),
        ("DELETE", "project", "a/members/1", "/projects/a%2Fmembers%2F1"),
        ("DELETE", "group", "a/deploy_tokens/1", "/groups/a%2Fdeploy_tokens%2F1"),
        ("PUT", "project", "a/members/1", "/projects/a%2Fmembers%2F1"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(
    installation: Installation, login: dict[str, str], method: str, kind: str, path: str, address: str
) -> None:
    """The caller may have meant either, so neither is touched, and the answer tells the id that says which."""
    installation.group("a")
    member = installation.user("member")
    assert member == 2
    installation.member("a", 1, Role.OWNER, kind=GROUP)
    wanted = installation.namespaces.create(NamespaceKind(kind), path).namespace
    response = installation.client.open(
        f"/api/v4{address}", method=method, headers=login, json={"access_level": 10} if method == "PUT" else None
    )
    assert response.status_code == 400
    assert response.json == {
        "message": f"400 Bad Request - This may also mean the {kind} '{path}': name it by its id, which is {wanted.id}."
    }
    assert [membership.role for membership in installation.memberships.list(GROUP, "a")] == [Role.OWNER]
    assert installation.namespaces.get(NamespaceKind(kind), path).id == wanted.id
    by_id = installation.client.get(f"/api/v4/{kind}s/{wanted.id}", headers=login).json
    assert by_id is not None
    assert by_id["path_with_namespace" if kind == "project" else "full_path"] == path


def test_what_the_caller_cannot_see_makes_nothing_ambiguous(installation: Installation) -> None:
    """A private group of others neither gets in the way nor shows itself."""
    installation.group("a")
    installation.namespaces.create(GROUP, "a/projects")
    assert installation.client.get("/api/v4/groups/a%2Fprojects").json == []
