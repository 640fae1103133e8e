"""How things look in JSON: the field names and formats of GitLab's REST API, for the command line and the REST API alike."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from registry_auth.accounts.models import Membership, PersonalAccessToken, User
from registry_auth.accounts.personal_access_tokens import IssuedPersonalAccessToken
from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.deploy_tokens.service import Issued
from registry_auth.last_use import LastUse
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import last_component
from registry_auth.token_validity import TokenState, has_expired
from registry_auth.values import NamespaceKind, Service, TokenScope, UserState, Visibility


def instant_json(instant: datetime) -> str:
    """Give an instant in ISO 8601 with milliseconds and `Z`."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


Instant = Annotated[datetime, PlainSerializer(instant_json, when_used="json"), Field(json_schema_extra={"format": "date-time"})]

# The last use of a token of either kind; all three are null for one that was never used.
LastUsedAt = Annotated[Instant | None, Field(description="When it was used last, known within 5 seconds; null when it never was.")]
LastUsedIp = Annotated[str | None, Field(description="Not in GitLab. The client's address at that use.")]
LastUsedService = Annotated[Service | Literal["rest_api"] | None, Field(description="Not in GitLab. What that use was for.")]


class JsonForm(BaseModel):
    """Something as it is shown."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class GroupJson(JsonForm):
    """A group."""

    id: int
    name: str
    path: Annotated[str, Field(description="The last component of the path.")]
    full_path: str
    parent_id: int | None
    visibility: Visibility
    dependency_proxy_enabled: Annotated[
        bool, Field(description="Not in GitLab. Whether it is on in the group itself; it is off as well while it is off in a group above.")
    ]
    created_at: Instant


class ProjectNamespaceJson(JsonForm):
    """The group that a project is in."""

    id: int
    path: str
    kind: Literal["group"] = "group"
    full_path: str


class ProjectJson(JsonForm):
    """A project."""

    id: int
    name: str
    path: Annotated[str, Field(description="The last component of the path.")]
    path_with_namespace: str
    parent_id: int | None
    namespace: Annotated[ProjectNamespaceJson | None, Field(description="The group that it is in; null for a project at the root.")]
    visibility: Visibility
    created_at: Instant


class OwnerJson(JsonForm):
    """The group or project that a deploy token is for."""

    kind: NamespaceKind
    full_path: str


class UserReferenceJson(JsonForm):
    """A user, by names alone."""

    id: int
    username: str
    name: str
    state: UserState


class DeployTokenJson(JsonForm):
    """A deploy token, without any secret. `owner`, `created_by` and the last use are not in GitLab."""

    id: int
    name: str
    username: str
    expires_at: Annotated[Instant | None, Field(description="00:00 UTC of the first day on which it is not valid.")]
    scopes: tuple[TokenScope, ...]
    revoked: bool
    expired: bool
    owner: OwnerJson
    created_by: Annotated[UserReferenceJson | None, Field(description="Null when the command line made it, or the user is deleted.")]
    last_used_at: LastUsedAt
    last_used_ip: LastUsedIp
    last_used_service: LastUsedService


class IssuedDeployTokenJson(DeployTokenJson):
    """A deploy token with its new secret."""

    token: Annotated[str, Field(description="The secret. It is shown only now.")]


class UserJson(UserReferenceJson):
    """A user, for administrators and for the user."""

    email: str | None
    is_admin: bool
    created_at: Instant


class MemberJson(UserReferenceJson):
    """A member of a group or project."""

    access_level: Annotated[int, Field(description="10 guest, 20 reporter, 30 developer, 40 maintainer, 50 owner.")]
    created_at: Instant


class PersonalAccessTokenJson(JsonForm):
    """A personal access token, without its secret."""

    id: int
    name: str
    revoked: bool
    created_at: Instant
    scopes: tuple[TokenScope, ...]
    user_id: int
    active: bool
    expires_at: Annotated[date | None, Field(description="The first day on which it is not valid, from 00:00 UTC.")]
    last_used_at: LastUsedAt
    last_used_ip: LastUsedIp
    last_used_service: LastUsedService


class IssuedPersonalAccessTokenJson(PersonalAccessTokenJson):
    """A personal access token with its secret."""

    token: Annotated[str, Field(description="The secret. It is shown only now.")]


def namespace_json(entry: Namespace) -> GroupJson | ProjectJson:
    """Give a group or project."""
    return project_json(entry) if entry.kind is NamespaceKind.PROJECT else group_json(entry)


def group_json(entry: Namespace) -> GroupJson:
    """Give a group."""
    return GroupJson(
        id=entry.id,
        name=entry.name,
        path=last_component(entry.path),
        full_path=entry.path,
        parent_id=entry.parent_id,
        visibility=entry.visibility,
        dependency_proxy_enabled=entry.dependency_proxy_enabled,
        created_at=entry.created_at,
    )


def project_json(entry: Namespace) -> ProjectJson:
    """Give a project."""
    parent = entry.path.rpartition("/")[0]
    return ProjectJson(
        id=entry.id,
        name=entry.name,
        path=last_component(entry.path),
        path_with_namespace=entry.path,
        parent_id=entry.parent_id,
        namespace=None
        if entry.parent_id is None
        else ProjectNamespaceJson(id=entry.parent_id, path=last_component(parent), full_path=parent),
        visibility=entry.visibility,
        created_at=entry.created_at,
    )


def deploy_token_json(token: DeployToken, now: datetime, last_use: LastUse | None) -> DeployTokenJson:
    """Give a deploy token with its last use, None when it was never used."""
    return DeployTokenJson(
        id=token.id,
        name=token.name,
        username=token.username,
        expires_at=None if token.expires_at is None else datetime.combine(token.expires_at, time(), UTC),
        scopes=token.scopes,
        revoked=token.revoked_at is not None,
        expired=has_expired(token.expires_at, now),
        owner=OwnerJson(kind=token.owner.kind, full_path=token.owner.path),
        created_by=None if token.creator is None else user_reference_json(token.creator),
        **_last_use_fields(last_use),
    )


def issued_deploy_token_json(issued: Issued, now: datetime, last_use: LastUse | None = None) -> IssuedDeployTokenJson:
    """Give a deploy token with the secret that is shown once; one that gets another secret may have been used."""
    shown = deploy_token_json(issued.token, now, last_use)
    return IssuedDeployTokenJson(**dict(shown), token=issued.secret.get_secret_value())


def user_reference_json(user: User) -> UserReferenceJson:
    """Give what every user may know of another."""
    return UserReferenceJson(id=user.id, username=user.username, name=user.name, state=user.state)


def user_json(user: User) -> UserJson:
    """Give what administrators and the user may know."""
    return UserJson(
        **dict(user_reference_json(user)),
        email=user.email,
        is_admin=user.is_administrator,
        created_at=user.created_at,
    )


def member_json(membership: Membership) -> MemberJson:
    """Give a member; the id is the user's."""
    return MemberJson(
        **dict(user_reference_json(membership.user)),
        access_level=int(membership.role),
        created_at=membership.created_at,
    )


def personal_access_token_json(token: PersonalAccessToken, now: datetime, last_use: LastUse | None) -> PersonalAccessTokenJson:
    """Give a personal access token with its last use, None when it was never used."""
    return PersonalAccessTokenJson(
        id=token.id,
        name=token.name,
        revoked=token.revoked_at is not None,
        created_at=token.created_at,
        scopes=token.scopes,
        user_id=token.user_id,
        active=token.state(now) is TokenState.ACTIVE,
        expires_at=token.expires_at,
        **_last_use_fields(last_use),
    )


def issued_personal_access_token_json(issued: IssuedPersonalAccessToken, now: datetime) -> IssuedPersonalAccessTokenJson:
    """Give a new personal access token with the secret that is shown once."""
    shown = personal_access_token_json(issued.token, now, None)
    return IssuedPersonalAccessTokenJson(**dict(shown), token=issued.secret.get_secret_value())


def _last_use_fields(last_use: LastUse | None) -> dict[str, Any]:
    if last_use is None:
        return {"last_used_at": None, "last_used_ip": None, "last_used_service": None}
    return {"last_used_at": last_use.used_at, "last_used_ip": last_use.address, "last_used_service": last_use.service}
