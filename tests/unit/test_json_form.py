"""The JSON forms: the field names and formats of GitLab's REST API."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from pydantic import SecretStr

from registry_auth.accounts.models import Membership, PersonalAccessToken, User
from registry_auth.accounts.personal_access_tokens import IssuedPersonalAccessToken
from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.deploy_tokens.service import Issued
from registry_auth.json_form import (
    JsonForm,
    deploy_token_json,
    instant_json,
    issued_deploy_token_json,
    issued_personal_access_token_json,
    member_json,
    namespace_json,
    personal_access_token_json,
    user_json,
    user_reference_json,
)
from registry_auth.last_use import REST_API, LastUse
from registry_auth.namespaces.models import Namespace
from registry_auth.values import NamespaceKind, Role, Service, TokenScope, Visibility

CREATED = datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC)
SECRET = SecretStr("a secret")

NEVER_USED = {"last_used_at": None, "last_used_ip": None, "last_used_service": None}


def shown(form: JsonForm) -> dict[str, object]:
    """Give the JSON document that is shown."""
    return form.model_dump(mode="json")


def user(blocked_at: datetime | None = None) -> User:
    """Give a user with everything."""
    return User(
        id=9,
        username="alice",
        username_key="alice",
        name="Alice A.",
        email="alice@example.org",
        password_hash="$argon2id$x",
        is_administrator=True,
        blocked_at=blocked_at,
        created_at=CREATED,
    )


REFERENCE = {"id": 9, "username": "alice", "name": "Alice A.", "state": "active"}


def namespace(kind: NamespaceKind) -> Namespace:
    """Give a group or project in a group."""
    return Namespace(
        id=7,
        kind=kind,
        path="a/b",
        parent_id=3,
        name="B",
        visibility=Visibility.INTERNAL,
        created_at=CREATED,
        dependency_proxy_enabled=False,
    )


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (NamespaceKind.GROUP, {"full_path": "a/b", "dependency_proxy_enabled": False}),
        (
            NamespaceKind.PROJECT,
            {"path_with_namespace": "a/b", "namespace": {"id": 3, "path": "a", "kind": "group", "full_path": "a"}},
        ),
    ],
)
def test_namespace_has_the_fields_of_gitlab(kind: NamespaceKind, fields: dict[str, object]) -> None:
    """A group has a `full_path` and the switch of the dependency proxy, a project a `path_with_namespace` and the group that it is in."""
    assert shown(namespace_json(namespace(kind))) == {
        "id": 7,
        "name": "B",
        "path": "b",
        **fields,
        "parent_id": 3,
        "visibility": "internal",
        "created_at": "2026-01-02T03:04:05.678Z",
    }


def test_group_of_a_project_is_named_by_its_last_component() -> None:
    """The namespace of a deep project has its own path and its full one; a project at the root has none."""
    deep = namespace(NamespaceKind.PROJECT)
    deep.path = "a/b/c"
    assert shown(namespace_json(deep))["namespace"] == {"id": 3, "path": "b", "kind": "group", "full_path": "a/b"}
    root = namespace(NamespaceKind.PROJECT)
    root.path, root.parent_id = "app", None
    assert (shown(namespace_json(root))["namespace"], shown(namespace_json(root))["parent_id"]) == (None, None)


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
    document = {
        "id": 5,
        "name": "ci",
        "username": "robot",
        "expires_at": "2026-08-01T00:00:00.000Z",
        "scopes": ["read_registry"],
        "revoked": False,
        "expired": expired,
        "owner": {"kind": "project", "full_path": "a/b"},
        "created_by": None,
        **NEVER_USED,
    }
    assert shown(deploy_token_json(token, now, None)) == document
    assert shown(issued_deploy_token_json(Issued(token, SECRET), now)) == document | {"token": "a secret"}
    token.creator, token.revoked_at, token.expires_at = user(), now, None
    changed = {"created_by": REFERENCE, "revoked": True, "expires_at": None, "expired": False}
    assert shown(deploy_token_json(token, now, None)) == document | changed


def test_instant_is_written_in_utc() -> None:
    """An instant of another zone is converted, not relabelled."""
    zone = timezone(timedelta(hours=2))
    assert instant_json(datetime(2026, 1, 1, 1, 0, tzinfo=zone)) == "2025-12-31T23:00:00.000Z"


def test_user_is_shown_to_administrators_without_the_hash() -> None:
    """Administrators and the user see address and rights; nobody sees anything of the password."""
    assert shown(user_json(user())) == REFERENCE | {
        "email": "alice@example.org",
        "is_admin": True,
        "created_at": "2026-01-02T03:04:05.678Z",
    }
    assert shown(user_json(user(blocked_at=CREATED)))["state"] == "blocked"


def test_others_see_names_alone() -> None:
    """What every user may know of another holds neither address nor rights."""
    assert shown(user_reference_json(user())) == REFERENCE
    assert shown(user_reference_json(user(blocked_at=CREATED))) == REFERENCE | {"state": "blocked"}


@pytest.mark.parametrize(
    ("role", "number"), [(Role.GUEST, 10), (Role.REPORTER, 20), (Role.DEVELOPER, 30), (Role.MAINTAINER, 40), (Role.OWNER, 50)]
)
def test_member_has_the_access_level_of_gitlab(role: Role, number: int) -> None:
    """A member is shown by the user's id, with GitLab's number of the role and the instant of the membership."""
    later = CREATED + timedelta(days=1)
    membership = Membership(id=77, user=user(), namespace=namespace(NamespaceKind.GROUP), role=role, created_at=later)
    assert shown(member_json(membership)) == REFERENCE | {"access_level": number, "created_at": "2026-01-03T03:04:05.678Z"}


@pytest.mark.parametrize(
    ("now", "active"), [(datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC), True), (datetime(2026, 8, 1, tzinfo=UTC), False)]
)
def test_personal_access_token_has_the_fields_of_gitlab(now: datetime, active: bool) -> None:
    """A token is shown without any secret but at its creation, its expiry is a date, and `active` turns at 00:00 UTC of it (T7)."""
    token = PersonalAccessToken(
        id=5,
        user_id=9,
        name="laptop",
        scopes=(TokenScope.API, TokenScope.READ_REGISTRY),
        expires_at=date(2026, 8, 1),
        revoked_at=None,
        created_at=CREATED,
        digest=b"digest",
        digest_key_id="key",
    )
    document = {
        "id": 5,
        "name": "laptop",
        "revoked": False,
        "created_at": "2026-01-02T03:04:05.678Z",
        "scopes": ["api", "read_registry"],
        "user_id": 9,
        "active": active,
        "expires_at": "2026-08-01",
        **NEVER_USED,
    }
    assert shown(personal_access_token_json(token, now, None)) == document
    assert shown(issued_personal_access_token_json(IssuedPersonalAccessToken(token, SECRET), now)) == document | {"token": "a secret"}
    token.expires_at, token.revoked_at = None, now
    assert shown(personal_access_token_json(token, now, None)) == document | {"expires_at": None, "revoked": True, "active": False}


@pytest.mark.parametrize("service", [*Service, REST_API])
def test_last_use_is_shown_with_tokens_of_both_kinds(service: str) -> None:
    """Instant, address and service of the last use are shown, also where a token that was used gets another secret."""
    last_use = LastUse(datetime(2026, 7, 1, 17, 30, 59, 999_999, timezone(timedelta(hours=2))), "2001:db8::1", service)
    last = {"last_used_at": "2026-07-01T15:30:59.999Z", "last_used_ip": "2001:db8::1", "last_used_service": service}
    owner, scopes = namespace(NamespaceKind.PROJECT), (TokenScope.READ_REGISTRY,)
    deploy = DeployToken(id=5, owner=owner, name="ci", username="robot", scopes=scopes)
    personal = PersonalAccessToken(id=5, user_id=9, name="laptop", scopes=scopes, created_at=CREATED)
    forms = [
        deploy_token_json(deploy, CREATED, last_use),
        issued_deploy_token_json(Issued(deploy, SECRET), CREATED, last_use),
        personal_access_token_json(personal, CREATED, last_use),
    ]
    assert [last.items() <= shown(form).items() for form in forms] == [True] * 3
