"""What fuzzing needs to get anywhere: a caller with a role, and groups, projects, users and tokens that requests can name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import quote

from registry_auth.services import Services
from registry_auth.values import NamespaceKind, Role, TokenScope, Visibility

from .token_server import KNOWN_SECRETS

GROUP, PROJECT = NamespaceKind.GROUP, NamespaceKind.PROJECT

MEMBERS = {
    "guest": Role.GUEST,
    "developer": Role.DEVELOPER,
    "maintainer": Role.MAINTAINER,
    "owner": Role.OWNER,
    "read_api": Role.OWNER,
}

PASSWORD = "a password that is good enough"
KNOWN_SECRETS.add(PASSWORD)

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class World:
    """The caller's secret, None for anonymous ones, and what can stand for parameters in a path or a body."""

    secret: str | None = field(repr=False)
    ids: Mapping[NamespaceKind, Sequence[str]]
    deploy_tokens: Sequence[int]
    personal_tokens: Sequence[int]
    users: Mapping[int, str]
    number: int

    def in_path(self, path: str) -> Mapping[str, Sequence[object]]:
        """Give what can stand for each parameter of an address."""
        tokens = self.personal_tokens if path.startswith("/personal") else self.deploy_tokens
        return {"id": self.ids[GROUP if path.startswith("/groups") else PROJECT], "token_id": tokens, "user_id": [*self.users]}

    def in_body(self) -> Mapping[str, Sequence[object]]:
        """Give what can stand for each parameter of a body."""
        groups = [int(text) for text in self.ids[GROUP] if text.isdigit()]
        return {
            "namespace_id": groups,
            "parent_id": groups,
            "user_id": [*self.users],
            "username": [*self.users.values(), f"new-{self.number}"],
            "name": ["Some Name", "Ein Näme"],
            "path": [f"new-{self.number}", "group", "project"],
            "email": [f"new-{self.number}@example.com", ""],
            "password": [PASSWORD, ""],
            "expires_at": ["", "", "2099-12-31", "2100-02-03T04:05:06+07:00"],
        }


def make_world(services: Services, role: str) -> World:
    """Make everything anew, so that nothing that was deleted or changed before matters."""
    number = next(_numbers)
    top, public = f"private-{number}", f"public-{number}"
    entries = [
        services.namespaces.create(GROUP, f"{top}/group").namespace,
        services.namespaces.create(PROJECT, f"{top}/group/project").namespace,
        services.namespaces.create(GROUP, public, visibility=Visibility.PUBLIC).namespace,
        services.namespaces.create(PROJECT, f"{public}/project", visibility=Visibility.PUBLIC).namespace,
    ]
    caller, member, other = (
        services.users.create(f"{name}-{number}", is_administrator=(name, role) == ("caller", "administrator"))
        for name in ("caller", "member", "other")
    )
    if role in MEMBERS:
        # Above what most requests name: the caller's role there stays, whatever it does to itself.
        for path in (top, public):
            services.memberships.add(GROUP, path, caller.id, MEMBERS[role])
    for entry in entries:
        services.memberships.add(entry.kind, entry.path, member.id, Role.DEVELOPER)
    deploy_tokens = [
        services.deploy_tokens.create(entry.kind, entry.path, name="test", scopes=[TokenScope.READ_REGISTRY]) for entry in entries
    ]
    scope = TokenScope.READ_API if role == "read_api" else TokenScope.API
    own, *personal_tokens = (
        services.personal_access_tokens.create(user.id, name="test", scopes=[scope]) for user in (caller, caller, member)
    )
    secrets = [issued.secret.get_secret_value() for issued in (own, *personal_tokens)]
    secrets += [issued.secret.get_secret_value() for issued in deploy_tokens]
    KNOWN_SECRETS.update(secrets)
    secret = {"anonymous": None, "deploy token": secrets[-1]}.get(role, secrets[0])
    return World(
        secret=secret,
        ids={
            kind: [name for entry in entries if entry.kind is kind for name in (str(entry.id), quote(entry.path, ""))]
            for kind in NamespaceKind
        },
        deploy_tokens=[issued.token.id for issued in deploy_tokens],
        personal_tokens=[issued.token.id for issued in personal_tokens],
        users={user.id: user.username for user in (member, other, caller)},
        number=number,
    )
