"""The services: built on one database, one key directory and one clock."""

from datetime import UTC
from pathlib import Path

import pytest

from registry_auth.accounts.lookup import AccountLookup
from registry_auth.accounts.visible_namespaces import NamespaceFilter
from registry_auth.database import Paging
from registry_auth.errors import ConfigurationError
from registry_auth.services import build_services, utc_now
from registry_auth.settings import Settings
from registry_auth.values import NamespaceKind, Person, Role
from tests.unit.installation import NOW, READ, Installation, secret_of


def test_clock_is_aware_and_utc() -> None:
    """The clock of everything is in UTC."""
    assert utc_now().tzinfo is UTC


def test_services_work_together(installation: Installation) -> None:
    """What one service makes the others know, at the time of the one clock and with the one server secret."""
    services = build_services(installation.settings)
    with services.database as database:
        project = services.namespaces.create(NamespaceKind.PROJECT, "app").namespace
        user = services.users.create("alice")
        member = services.memberships.add(NamespaceKind.PROJECT, "app", user.id, Role.GUEST)
        personal = services.personal_access_tokens.create(user.id, name="n", scopes=READ)
        deploy = services.deploy_tokens.create(NamespaceKind.PROJECT, "app", name="n", scopes=READ, created_by=user.id)
        made = (project, user, member, personal.token, deploy.token)
        assert {each.created_at for each in made} == {services.clock()} == {NOW}
        found = AccountLookup(database, services.digester).find_token(secret_of(personal))
        assert found is not None
        assert found.user.id == deploy.token.created_by == user.id
        viewer = Person(user.id, memberships=AccountLookup(database, services.digester).memberships(user.id))
        seen = services.visible_namespaces.page(Paging(1, 10), NamespaceKind.PROJECT, viewer, NamespaceFilter())
        assert [entry.path for entry in seen.items] == ["app"]


def test_unusable_parts_stop_the_start(tmp_path: Path) -> None:
    """Services are not built on a key directory or a database directory that cannot be made."""
    (tmp_path / "file").write_text("in the way")
    blocked = tmp_path / "file" / "x"
    for settings in (
        Settings(database_url=f"sqlite:///{tmp_path / 'a.db'}", keys_dir=blocked),
        Settings(database_url=f"sqlite:///{blocked / 'a.db'}", keys_dir=tmp_path / "keys"),
    ):
        with pytest.raises(ConfigurationError, match="REGISTRY_AUTH_"):
            build_services(settings)
