"""The nouns everybody speaks: plain, frozen values without input or output."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Action(StrEnum):
    """What can be done with a repository, as the registry names it."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


class Visibility(StrEnum):
    """Who may see a group or project without being given a right to it."""

    PRIVATE = "private"
    INTERNAL = "internal"
    PUBLIC = "public"

    @property
    def rank(self) -> int:
        """0 for private, 1 for internal, 2 for public."""
        return list(Visibility).index(self)


class Service(StrEnum):
    """A kind of service that tokens are issued for; what it is called in `service` and `aud` is a setting."""

    CONTAINER_REGISTRY = "container_registry"
    DEPENDENCY_PROXY = "dependency_proxy"


class TokenHeader(StrEnum):
    """How the JOSE header of a token names the key that signed it, for the registry to find it.

    `x5c` carries the certificate, and the key id of Distribution 2 beside it; the others carry a key id alone, as Distribution 2 or 3
    computes it.
    """

    X5C = "x5c"
    LIBTRUST_KID = "libtrust-kid"
    RFC7638_KID = "rfc7638-kid"


class NamespaceKind(StrEnum):
    """A path belongs to a group or to a project, never to both."""

    GROUP = "group"
    PROJECT = "project"


class Role(IntEnum):
    """What a member may do in a group or project: GitLab's access levels (docs: members API, roles)."""

    GUEST = 10
    REPORTER = 20
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50


class UserState(StrEnum):
    """Whether a user may log in."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class TokenScope(StrEnum):
    """What a deploy token or a personal access token may be given, in the order in which GitLab lists it."""

    API = "api"
    READ_API = "read_api"
    READ_REPOSITORY = "read_repository"
    READ_REGISTRY = "read_registry"
    WRITE_REGISTRY = "write_registry"
    READ_PACKAGE_REGISTRY = "read_package_registry"
    WRITE_PACKAGE_REGISTRY = "write_package_registry"
    READ_VIRTUAL_REGISTRY = "read_virtual_registry"
    WRITE_VIRTUAL_REGISTRY = "write_virtual_registry"

    @classmethod
    def in_order(cls, scopes: Iterable["TokenScope"]) -> tuple["TokenScope", ...]:
        """Give these scopes, each once, in the one order that they are stored and shown in."""
        wanted = frozenset(scopes)
        return tuple(scope for scope in cls if scope in wanted)


# GitLab docs: deploy tokens, Scope.
DEPLOY_TOKEN_SCOPES = TokenScope.in_order(frozenset(TokenScope) - {TokenScope.API, TokenScope.READ_API})

# GitLab docs: personal access tokens, scopes; those of them that mean something here.
PERSONAL_ACCESS_TOKEN_SCOPES = (
    TokenScope.API,
    TokenScope.READ_API,
    TokenScope.READ_REGISTRY,
    TokenScope.WRITE_REGISTRY,
    TokenScope.READ_VIRTUAL_REGISTRY,
    TokenScope.WRITE_VIRTUAL_REGISTRY,
)


class CallerKind(StrEnum):
    """What kind of credential a caller showed; becomes the claim `auth_type`, with GitLab's words."""

    ANONYMOUS = "none"
    DEPLOY_TOKEN = "deploy_token"  # noqa: S105
    PERSONAL_ACCESS_TOKEN = "personal_access_token"  # noqa: S105
    PASSWORD = "gitlab_or_ldap"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Owner:
    """A group or project that a credential was made for."""

    kind: NamespaceKind
    path: str

    def covers(self, project_path: str) -> bool:
        """Say whether the project is this one, or one of this group or of a subgroup. Whole path components count."""
        if self.kind is NamespaceKind.PROJECT:
            return project_path == self.path
        return project_path.startswith(f"{self.path}/")

    def covers_group(self, group_path: str) -> bool:
        """Say whether the group is this one or a subgroup of it."""
        return self.kind is NamespaceKind.GROUP and (group_path == self.path or group_path.startswith(f"{self.path}/"))


@dataclass(frozen=True, slots=True)
class Membership:
    """A role that a user was given in the group or project of this path."""

    path: str
    role: Role

    def covers(self, path: str) -> bool:
        """Say whether the role counts there: at the path itself and at everything below. Whole path components count."""
        return path == self.path or path.startswith(f"{self.path}/")


@dataclass(frozen=True, slots=True)
class Person:
    """The user behind a credential, and what the user was given."""

    id: int
    is_administrator: bool = False
    memberships: frozenset[Membership] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class CredentialId:
    """Names a credential without telling it: ids are never reused.

    `secret_id` tells a deploy token's secrets apart, and a user's passwords. A personal access token has one secret all its life.
    """

    kind: CallerKind
    id: int
    secret_id: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: `name` is the JWT's subject; `reach` or `person`, and `scopes`, bound what can ever be granted.

    A deploy token has a reach, the credential of a user a person. A password has the scope `api`: it can do what its user can.
    """

    kind: CallerKind
    name: str
    credential_id: int | None = None
    reach: frozenset[Owner] = field(default_factory=frozenset)
    scopes: frozenset[TokenScope] = field(default_factory=frozenset)
    person: Person | None = None
    secret_id: int | None = None

    @property
    def credential(self) -> CredentialId | None:
        """What names the credential that was shown; None for anonymous."""
        return None if self.credential_id is None else CredentialId(self.kind, self.credential_id, self.secret_id)


ANONYMOUS = Caller(kind=CallerKind.ANONYMOUS, name="")


@dataclass(frozen=True, slots=True)
class Project:
    """The project that owns a repository."""

    path: str
    visibility: Visibility


@dataclass(frozen=True, slots=True)
class Group:
    """A group, and whether the dependency proxy is on in it and in all groups above it."""

    path: str
    dependency_proxy_enabled: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """What a client asks for: one resource and the words it wants to do with it, `*` included (token scope grammar)."""

    type: str
    name: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceActions:
    """What is granted on one resource: an entry of the claim `access`."""

    type: str
    name: str
    actions: tuple[str, ...]
