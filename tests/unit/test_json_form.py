"""The JSON forms: the field names and formats of GitLab's REST API."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.json_form import deploy_token_json, instant_json, namespace_json
from registry_auth.namespaces.models import Namespace
from registry_auth.values import NamespaceKind, TokenScope, Visibility

CREATED = datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC)


def namespace(kind: NamespaceKind) -> Namespace:
    """Give a group or project in a group."""
    return Namespace(id=7, kind=kind, path="a/b", parent_id=3, name="B", visibility=Visibility.INTERNAL, created_at=CREATED)


@pytest.mark.parametrize(("kind", "field"), [(NamespaceKind.GROUP, "full_path"), (NamespaceKind.PROJECT, "path_with_namespace")])
def test_namespace_has_the_fields_of_gitlab(kind: NamespaceKind, field: str) -> None:
    """A group has a `full_path`, a project a `path_with_namespace`."""
    assert namespace_json(namespace(kind)) == {
        "id": 7,
        "name": "B",
        "path": "b",
        field: "a/b",
        "parent_id": 3,
        "visibility": "internal",
        "created_at": "2026-01-02T03:04:05.678Z",
    }


@pytest.mark.parametrize(
    ("now", "expired"), [(datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC), False), (datetime(2026, 8, 1, tzinfo=UTC), True)]
)
def test_deploy_token_has_the_fields_of_gitlab(now: datetime, expired: bool) -> None:
    """A token is shown without any secret, and `expired` turns at 00:00 UTC of its date (T7)."""
    token = DeployToken(
        id=5,
        owner=namespace(NamespaceKind.PROJECT),
        name="ci",
        username="robot",
        scopes=(TokenScope.READ_REGISTRY,),
        expires_at=date(2026, 8, 1),
        revoked_at=None,
    )
    assert deploy_token_json(token, now) == {
        "id": 5,
        "name": "ci",
        "username": "robot",
        "expires_at": "2026-08-01T00:00:00.000Z",
        "scopes": ("read_registry",),
        "revoked": False,
        "expired": expired,
        "owner": {"kind": "project", "full_path": "a/b"},
    }


def test_instant_is_written_in_utc() -> None:
    """An instant of another zone is converted, not relabelled."""
    zone = timezone(timedelta(hours=2))
    assert instant_json(datetime(2026, 1, 1, 1, 0, tzinfo=zone)) == "2025-12-31T23:00:00.000Z"
