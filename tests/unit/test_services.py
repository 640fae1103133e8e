"""The services: built on one database, one key directory and one clock."""

from datetime import UTC
from pathlib import Path

import pytest

from registry_auth.accounts.visible_namespaces import NamespaceFilter
from registry_auth.database import Paging
from registry_auth.deploy_tokens.service import DeployTokens
from registry_auth.errors import ConfigurationError, UnavailableError
from registry_auth.services import build_services, tokens_by_server_secret, utc_now
from registry_auth.settings import Settings
from registry_auth.values import NamespaceKind, Person, Role
from tests.unit.installation import NOW, READ, Installation, secret_of
from tests.unit.lookups import account_lookup
from tests.unit.server_secrets import digester_with, replace_server_secret
from tests.unit.token_kinds import DEPLOY_TOKEN, PROJECT, TOKEN_KINDS, furnish


def test_clock_is_aware_and_utc() -> None:
    """The clock of everything is in UTC."""
    assert utc_now().tzinfo is UTC


def test_services_work_together(installation: Installation) -> None:
    """What one service makes the others know, at the time of the one clock and with the one server secret."""
    services = build_services(installation.settings)
    with services.database:
        project = services.namespaces.create(NamespaceKind.PROJECT, "app").namespace
        user = services.users.create("alice")
        member = services.memberships.add(NamespaceKind.PROJECT, "app", user.id, Role.GUEST)
        personal = services.personal_access_tokens.create(user.id, name="n", scopes=READ)
        deploy = services.deploy_tokens.create(NamespaceKind.PROJECT, "app", name="n", scopes=READ, created_by=user.id)
        made = (project, user, member, personal.token, deploy.token)
        assert {each.created_at for each in made} == {services.clock()} == {NOW}
        found = account_lookup(services).find_token(secret_of(personal))
        assert found is not None
        assert found.user.id == deploy.token.created_by == user.id
        viewer = Person(user.id, memberships=account_lookup(services).memberships(user.id))
        seen = services.visible_namespaces.page(Paging(1, 10), NamespaceKind.PROJECT, viewer, NamespaceFilter())
        assert [entry.path for entry in seen.items] == ["app"]


def test_tokens_are_counted_by_server_secret(installation: Installation) -> None:
    """Tokens of both kinds count together, also those of a server secret that is lost; those that nobody can log in with do not count."""
    furnish(installation)
    lost = digester_with(b"x" * 32)
    first = installation.digester.key_ids[0]
    for kind in TOKEN_KINDS:
        for _ in range(3):
            kind.make(installation)
        kind.endings["revoked"](installation)
    second = replace_server_secret(installation).id
    DEPLOY_TOKEN.make(installation)
    DeployTokens(installation.database, lost, installation.clock).create(NamespaceKind.PROJECT, PROJECT, name="n", scopes=READ)
    now = installation.clock()
    assert tokens_by_server_secret(installation.database, now) == {first: 4, second: 1, lost.key_ids[0]: 1}
    DEPLOY_TOKEN.endings["deleted"](installation)
    assert tokens_by_server_secret(installation.database, now) == {first: 4, second: 1, lost.key_ids[0]: 1}
    installation.store.take_away()
    with pytest.raises(UnavailableError):
        tokens_by_server_secret(installation.database, now)


def test_no_token_hangs_on_any_server_secret(installation: Installation) -> None:
    """Of an installation without tokens nothing is counted."""
    assert tokens_by_server_secret(installation.database, NOW) == {}


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
