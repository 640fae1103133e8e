"""An installation with somebody of every role, and with groups and projects of every visibility, to be used by many tests."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from registry_auth.rest_api.operations import PREFIX
from registry_auth.values import NamespaceKind, Role, TokenScope, Visibility
from tests.unit.installation import NOW, Installation, secret_of
from tests.unit.rest_api.role_table import ROLES
from tests.unit.stores import Dump

Headers = Mapping[str, str]

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT
TOP = "top"

NEVER_USED = {"last_used_at": None, "last_used_ip": None, "last_used_service": None}


@dataclass(frozen=True, slots=True)
class Place:
    """A group or project, and a deploy token of it."""

    id: int
    path: str
    token_id: int
    token: str


@dataclass
class World:
    """What there is, by name: `top` with a group and a project of each visibility in it, in which every role is held by its user."""

    installation: Installation
    users: Mapping[str, int]
    headers: Mapping[str, Headers]
    places: Mapping[tuple[NamespaceKind, Visibility], Place]
    personal_token_id: int

    @property
    def client(self) -> FlaskClient:
        """A client of the application."""
        return self.installation.client

    def call(self, who: str, operation: str, sent: Any = None, **options: Any) -> TestResponse:
        """Send a request as one of the callers: what is sent is the query of GET and DELETE, and else a JSON document."""
        method, _, path = operation.partition(" ")
        if sent is not None:
            options["query_string" if method in {"GET", "DELETE"} else "json"] = sent
        response = self.client.open(PREFIX + path, method=method, headers=self.headers[who], **options)
        self._check_documented(method, path, response.status_code)
        return response

    def _check_documented(self, method: str, path: str, status: int) -> None:
        """Check, for every request of every test, that the description knows the status of the answer."""
        adapter = self.installation.app.url_map.bind("localhost")
        try:
            endpoint, _ = adapter.match(PREFIX + unquote(path.partition("?")[0]), method)
        except HTTPException:
            return  # no operation at all
        assert str(status) in self.documented.get(endpoint.removeprefix("rest_api."), {str(status)}), (method, path, status)

    @cached_property
    def documented(self) -> Mapping[str, Collection[str]]:
        """The statuses that the description has, by operation id."""
        paths = self.client.get(f"{PREFIX}/openapi.json").get_json()["paths"]
        return {each["operationId"]: each["responses"].keys() for methods in paths.values() for each in methods.values()}

    def place(self, kind: NamespaceKind, visibility: Visibility = Visibility.PRIVATE) -> Place:
        """Give the group or project of this visibility."""
        return self.places[kind, visibility]

    def dump(self) -> Dump:
        """Give all rows of all tables."""
        return self.installation.store.dump()

    def restore(self) -> None:
        """Make the database what it was at first."""
        self.installation.store.restore()


def personal_token(
    installation: Installation, user_id: int, *scopes: TokenScope, expires_in: timedelta | None = None, revoked: bool = False
) -> Headers:
    """Make a personal access token, with the scope `api` unless others are given, and give the header that logs in with it."""
    expires_at = None if expires_in is None else (installation.clock() + expires_in).date()
    issued = installation.personal_token(user_id, scopes or (TokenScope.API,), expires_at=expires_at)
    if revoked:
        installation.personal_access_tokens.revoke(issued.token.id)
    return {"PRIVATE-TOKEN": secret_of(issued)}


def make_world(installation: Installation) -> World:
    """Fill a new installation."""
    new = installation
    new.clock.now = NOW
    new.group(TOP)
    users = {name: new.user(name.replace(" ", "_")) for name in ("stranger", *ROLES, "owner above", "blocked owner", "bystander", "member")}
    users["administrator"] = new.user("administrator", is_administrator=True)
    new.member(TOP, users["owner above"], Role.OWNER, kind=GROUP)
    places = {(kind, visibility): _make_place(new, users, kind, visibility) for kind in NamespaceKind for visibility in Visibility}
    owner, administrator = users["owner"], users["administrator"]
    headers = {
        "anonymous": {},
        **{name: personal_token(new, id_) for name, id_ in users.items()},
        "owner's read_api token": personal_token(new, owner, TokenScope.READ_API),
        "administrator's read_api token": personal_token(new, administrator, TokenScope.READ_API),
        "owner's read_registry token": personal_token(new, owner, TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY),
        "administrator's read_registry token": personal_token(new, administrator, TokenScope.READ_REGISTRY),
        "owner's revoked token": personal_token(new, owner, revoked=True),
        "administrator's revoked token": personal_token(new, administrator, revoked=True),
        "owner's expired token": personal_token(new, owner, expires_in=timedelta(days=1)),
        "wrong token": {"PRIVATE-TOKEN": "glpat-" + "w" * 32},
        "nonsense as token": {"Authorization": "Bearer nonsense"},
        "empty token": {"PRIVATE-TOKEN": ""},
    }
    new.users.block(users["blocked owner"])
    new.clock.advance(days=1)
    personal = new.personal_token(users["bystander"]).token.id
    new.store.save()
    return World(new, users, headers, places, personal)


def _make_place(new: Installation, users: Mapping[str, int], kind: NamespaceKind, visibility: Visibility) -> Place:
    path = f"{TOP}/{visibility}-{kind}"
    id_ = new.namespaces.create(kind, path, visibility=visibility).namespace.id
    if kind is GROUP:
        for gone in (GROUP, PROJECT):  # one after the other at the same path, which is free again only with reuse_path
            new.namespaces.create(gone, f"{path}/gone", reuse_path=True)
            new.namespaces.delete(gone, f"{path}/gone")
    for role in Role:
        new.member(path, users[role.name.lower()], role, kind=kind)
    new.member(path, users["member"], Role.DEVELOPER, kind=kind)
    new.member(path, users["blocked owner"], Role.OWNER, kind=kind)
    issued = new.token(path, kind=kind)
    return Place(id_, path, issued.token.id, secret_of(issued))
