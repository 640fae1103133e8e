"""Who gets which status: every operation of the REST API, written down by hand (GitLab docs: permissions, and the page of each API).

The columns, from left to right. Anonymous callers get the same for what is private and what is internal, everybody else without a
membership the same for what is internal and what is public:

    anonymous (not public), anonymous (public), stranger (private), stranger (not private),
    guest, reporter, developer, maintainer, owner, owner of the group above, administrator

`{id}` is the group or project, `{group}` the group; `{token_id}` a token of it, or a personal access token of somebody else;
`{user_id}` a developer in it, who is somebody else; `{me}` the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry_auth.values import NamespaceKind, Visibility

ROLES = ("guest", "reporter", "developer", "maintainer", "owner")
HOLDERS = (*ROLES, "owner above", "administrator")

# Whatever the operation is: credentials that are refused as such, and tokens that are made for something else.
REFUSED_CALLERS = {
    "deploy token": 401,
    "deploy token as Bearer": 401,
    "wrong token": 401,
    "nonsense as token": 401,
    "empty token": 401,
    "owner's expired token": 401,
    "owner's revoked token": 401,
    "administrator's revoked token": 401,
    "blocked owner": 403,
    "owner's read_registry token": 403,
    "administrator's read_registry token": 403,
}
READERS = {"owner's read_api token": "owner", "administrator's read_api token": "administrator"}


@dataclass(frozen=True, slots=True)
class Row:
    """One request: the operation as its description names it, the statuses by column, and what is sent (all of it may hold braces)."""

    operation: str
    statuses: str
    sent: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The method."""
        return self.operation.partition(" ")[0]

    @property
    def kind(self) -> NamespaceKind:
        """What `{id}` is."""
        return NamespaceKind.GROUP if " /groups" in self.operation else NamespaceKind.PROJECT

    @property
    def succeeds_with(self) -> int:
        """The status of success."""
        return min(map(int, self.statuses.split()))

    def expected(self, visibility: Visibility) -> Mapping[str, int]:
        """Give the status that each caller gets."""
        hidden, public, outside, inside, *held = map(int, self.statuses.split())
        holders = dict(zip(HOLDERS, held, strict=True))
        return {
            "anonymous": public if visibility is Visibility.PUBLIC else hidden,
            "stranger": outside if visibility is Visibility.PRIVATE else inside,
            **holders,
            **{reader: holders[role] if self.method == "GET" else 403 for reader, role in READERS.items()},
            **REFUSED_CALLERS,
        }

    def __str__(self) -> str:
        return " ".join([self.operation, *(f"{name}={value}" for name, value in {**self.path, **self.sent}.items())])


_DEPLOY_TOKEN = {"name": "new", "scopes": "read_registry"}
_PERSONAL_TOKEN = {"name": "new", "scopes": "api"}
_DEVELOPER = {"access_level": "30"}

TABLE = (
    # Deploy tokens: maintainers of a project manage its tokens; those of a group are shown to its maintainers, managed by its owners.
    Row("GET /deploy_tokens", "401 401  403 403  403 403 403 403 403 403 200"),
    Row("GET /projects/{id}/deploy_tokens", "404 403  404 403  403 403 403 200 200 200 200"),
    Row("GET /projects/{id}/deploy_tokens/{token_id}", "404 403  404 403  403 403 403 200 200 200 200"),
    Row("POST /projects/{id}/deploy_tokens", "404 403  404 403  403 403 403 201 201 201 201", _DEPLOY_TOKEN),
    Row("DELETE /projects/{id}/deploy_tokens/{token_id}", "404 403  404 403  403 403 403 204 204 204 204"),
    Row("POST /projects/{id}/deploy_tokens/{token_id}/rotate", "404 403  404 403  403 403 403 200 200 200 200"),
    Row("GET /groups/{id}/deploy_tokens", "404 403  404 403  403 403 403 200 200 200 200"),
    Row("GET /groups/{id}/deploy_tokens/{token_id}", "404 403  404 403  403 403 403 200 200 200 200"),
    Row("POST /groups/{id}/deploy_tokens", "404 403  404 403  403 403 403 403 201 201 201", _DEPLOY_TOKEN),
    Row("DELETE /groups/{id}/deploy_tokens/{token_id}", "404 403  404 403  403 403 403 403 204 204 204"),
    Row("POST /groups/{id}/deploy_tokens/{token_id}/rotate", "404 403  404 403  403 403 403 403 200 200 200"),
    # Groups and projects.
    Row("GET /projects", "200 200  200 200  200 200 200 200 200 200 200"),
    Row("GET /projects/{id}", "404 200  404 200  200 200 200 200 200 200 200"),
    Row("PUT /projects/{id}", "404 403  404 403  403 403 403 200 200 200 200", {"name": "new"}),
    Row("PUT /projects/{id}", "404 403  404 403  403 403 403 403 200 200 200", {"visibility": "{other_visibility}"}),
    Row("PUT /projects/{id}", "404 403  404 403  403 403 403 403 200 200 200", {"name": "new", "visibility": "{other_visibility}"}),
    Row("DELETE /projects/{id}", "404 403  404 403  403 403 403 403 202 202 202"),
    Row("POST /projects", "401 401  404 403  403 403 403 201 201 201 201", {"path": "new", "namespace_id": "{group}"}),
    Row(
        "POST /projects",
        "401 401  403 403  403 403 403 403 403 403 201",
        {"path": "gone", "namespace_id": "{group}", "reuse_path": "true"},
    ),
    Row("POST /projects", "401 401  403 403  403 403 403 403 403 403 201", {"path": "new"}),
    Row("GET /groups", "200 200  200 200  200 200 200 200 200 200 200"),
    Row("GET /groups/{id}", "404 200  404 200  200 200 200 200 200 200 200"),
    Row("GET /groups/{id}/projects", "404 200  404 200  200 200 200 200 200 200 200"),
    Row("GET /groups/{id}/subgroups", "404 200  404 200  200 200 200 200 200 200 200"),
    Row("GET /groups/{id}/descendant_groups", "404 200  404 200  200 200 200 200 200 200 200"),
    Row("PUT /groups/{id}", "404 403  404 403  403 403 403 403 200 200 200", {"name": "new"}),
    Row("PUT /groups/{id}", "404 403  404 403  403 403 403 403 200 200 200", {"visibility": "{other_visibility}"}),
    Row("PUT /groups/{id}", "404 403  404 403  403 403 403 403 200 200 200", {"dependency_proxy_enabled": "false"}),
    Row("DELETE /groups/{id}", "404 403  404 403  403 403 403 403 202 202 202"),
    Row("POST /groups", "401 401  404 403  403 403 403 201 201 201 201", {"path": "new", "parent_id": "{group}"}),
    Row(
        "POST /groups",
        "401 401  403 403  403 403 403 403 403 403 201",
        {"path": "gone", "parent_id": "{group}", "reuse_path": "true"},
    ),
    Row("POST /groups", "401 401  403 403  403 403 403 403 403 403 201", {"path": "new"}),
    # Members: shown to every user who sees the group or project; managed by maintainers of a project, owners of a group.
    Row("GET /projects/{id}/members", "404 401  404 200  200 200 200 200 200 200 200"),
    Row("GET /projects/{id}/members/{user_id}", "404 401  404 200  200 200 200 200 200 200 200"),
    Row("GET /projects/{id}/members/all", "404 401  404 200  200 200 200 200 200 200 200"),
    Row("GET /projects/{id}/members/all/{user_id}", "404 401  404 200  200 200 200 200 200 200 200"),
    Row("POST /projects/{id}/members", "404 403  404 403  403 403 403 201 201 201 201", _DEVELOPER | {"user_id": "{bystander}"}),
    Row("POST /projects/{id}/members", "404 403  404 403  403 403 403 201 201 201 201", _DEVELOPER | {"username": "bystander"}),
    Row("POST /projects/{id}/members", "404 403  404 403  403 403 403 403 201 201 201", {"user_id": "{bystander}", "access_level": "50"}),
    Row("PUT /projects/{id}/members/{user_id}", "404 403  404 403  403 403 403 200 200 200 200", {"access_level": "20"}),
    Row("PUT /projects/{id}/members/{user_id}", "404 403  404 403  403 403 403 403 200 200 200", {"access_level": "50"}),
    Row("PUT /projects/{id}/members/{user_id}", "404 403  404 403  403 403 403 403 200 200 200", _DEVELOPER, {"user_id": "{owner}"}),
    Row("DELETE /projects/{id}/members/{user_id}", "404 401  404 403  403 403 403 204 204 204 204"),
    Row("DELETE /projects/{id}/members/{user_id}", "404 401  404 403  403 403 403 403 204 204 204", path={"user_id": "{owner}"}),
    Row("DELETE /projects/{id}/members/{user_id}", "404 401  404 404  204 204 204 204 204 404 404", path={"user_id": "{me}"}),
    Row("GET /groups/{id}/members", "404 401  404 200  200 200 200 200 200 200 200"),
    Row("GET /groups/{id}/members/{user_id}", "404 401  404 200  200 200 200 200 200 200 200"),
    Row("GET /groups/{id}/members/all", "404 401  404 200  200 200 200 200 200 200 200"),
    Row("GET /groups/{id}/members/all/{user_id}", "404 401  404 200  200 200 200 200 200 200 200"),
    Row("POST /groups/{id}/members", "404 403  404 403  403 403 403 403 201 201 201", _DEVELOPER | {"user_id": "{bystander}"}),
    Row("PUT /groups/{id}/members/{user_id}", "404 403  404 403  403 403 403 403 200 200 200", {"access_level": "50"}),
    Row("PUT /groups/{id}/members/{user_id}", "404 403  404 403  403 403 403 403 200 200 200", _DEVELOPER, {"user_id": "{owner}"}),
    Row("DELETE /groups/{id}/members/{user_id}", "404 401  404 403  403 403 403 403 204 204 204"),
    Row("DELETE /groups/{id}/members/{user_id}", "404 401  404 404  204 204 204 204 204 404 404", path={"user_id": "{me}"}),
    # Users: known to each other by name, managed by administrators.
    Row("GET /user", "401 401  200 200  200 200 200 200 200 200 200"),
    Row("GET /users", "401 401  200 200  200 200 200 200 200 200 200"),
    Row("GET /users/{user_id}", "401 401  200 200  200 200 200 200 200 200 200"),
    Row("POST /users", "401 401  403 403  403 403 403 403 403 403 201", {"username": "new"}),
    Row("PUT /users/{user_id}", "401 401  403 403  403 403 403 403 403 403 200", {"name": "new"}),
    Row("PUT /users/{user_id}", "401 401  403 403  403 403 403 403 403 403 200", {"name": "new"}, {"user_id": "{me}"}),
    Row("DELETE /users/{user_id}", "401 401  403 403  403 403 403 403 403 403 204"),
    Row("POST /users/{user_id}/block", "401 401  403 403  403 403 403 403 403 403 201"),
    Row("POST /users/{user_id}/unblock", "401 401  403 403  403 403 403 403 403 403 201", path={"user_id": "{blocked owner}"}),
    # Personal access tokens: one's own; administrators handle those of all.
    Row("GET /personal_access_tokens", "401 401  200 200  200 200 200 200 200 200 200"),
    Row("GET /personal_access_tokens", "401 401  403 403  403 403 403 403 403 403 200", {"user_id": "{bystander}"}),
    Row("GET /personal_access_tokens/{token_id}", "401 401  404 404  404 404 404 404 404 404 200", path={"token_id": "{personal}"}),
    Row("GET /personal_access_tokens/{token_id}", "401 401  200 200  200 200 200 200 200 200 200", path={"token_id": "self"}),
    Row("DELETE /personal_access_tokens/{token_id}", "401 401  404 404  404 404 404 404 404 404 204", path={"token_id": "{personal}"}),
    Row("DELETE /personal_access_tokens/{token_id}", "401 401  204 204  204 204 204 204 204 204 204", path={"token_id": "self"}),
    Row("POST /personal_access_tokens/{token_id}/rotate", "401 401  404 404  404 404 404 404 404 404 200", path={"token_id": "{personal}"}),
    Row("POST /personal_access_tokens/{token_id}/rotate", "401 401  200 200  200 200 200 200 200 200 200", path={"token_id": "self"}),
    Row("POST /users/{user_id}/personal_access_tokens", "401 401  403 403  403 403 403 403 403 403 201", _PERSONAL_TOKEN),
    Row(
        "POST /users/{user_id}/personal_access_tokens",
        "401 401  403 403  403 403 403 403 403 403 201",
        _PERSONAL_TOKEN,
        {"user_id": "{me}"},
    ),
)

OPERATIONS = frozenset(row.operation for row in TABLE)
