"""How groups, projects and deploy tokens look in JSON: the field names and formats of GitLab's REST API."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.deploy_tokens.validity import has_expired
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.paths import last_component
from registry_auth.values import NamespaceKind


def namespace_json(entry: Namespace) -> Mapping[str, object]:
    """Give a group or project."""
    full_path = "path_with_namespace" if entry.kind is NamespaceKind.PROJECT else "full_path"
    return {
        "id": entry.id,
        "name": entry.name,
        "path": last_component(entry.path),
        full_path: entry.path,
        "parent_id": entry.parent_id,
        "visibility": entry.visibility,
        "created_at": instant_json(entry.created_at),
    }


def deploy_token_json(token: DeployToken, now: datetime) -> Mapping[str, object]:
    """Give a deploy token, without any secret. `owner` is ours: GitLab shows tokens only below their owner."""
    return {
        "id": token.id,
        "name": token.name,
        "username": token.username,
        "expires_at": None if token.expires_at is None else instant_json(_midnight(token.expires_at)),
        "scopes": token.scopes,
        "revoked": token.revoked_at is not None,
        "expired": has_expired(token.expires_at, now),
        "owner": {"kind": token.owner.kind, "full_path": token.owner.path},
    }


def instant_json(instant: datetime) -> str:
    """Give an instant in ISO 8601 with milliseconds and `Z`."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
