"""The sample of the first run."""

from collections.abc import Iterator
from datetime import date

import pytest

from registry_auth.quickstart.sample import PROJECT, sample
from registry_auth.services import Services, build_services
from registry_auth.values import NamespaceKind, Visibility
from tests.unit.installation import NOW, READ_WRITE, Installation


@pytest.fixture
def services(installation: Installation) -> Iterator[Services]:
    """Give the services of a new installation."""
    services = build_services(installation.settings)
    yield services
    services.database.close()


def test_first_run_makes_a_private_project_and_its_token(services: Services) -> None:
    """The token may push and pull, ends after 30 days, and its secret is known once."""
    made = sample(services, NOW)
    assert made is not None
    assert made.secret is not None
    assert (made.token.owner.path, made.token.scopes, made.token.expires_at) == (PROJECT, READ_WRITE, date(2026, 7, 31))
    assert services.namespaces.get(NamespaceKind.PROJECT, PROJECT).visibility is Visibility.PRIVATE
    again = sample(services, NOW)
    assert again is not None
    assert (again.token.id, again.secret) == (made.token.id, None)
    assert len(services.deploy_tokens.list()) == 1


def test_installation_in_use_gets_no_sample(services: Services) -> None:
    """Where somebody made something already, nothing is added."""
    services.namespaces.create(NamespaceKind.PROJECT, "app")
    assert sample(services, NOW) is None
    assert services.deploy_tokens.list() == []


def test_sample_that_was_emptied_stays_so(services: Services) -> None:
    """A deleted token or project does not come back beside other things."""
    sample(services, NOW)
    services.namespaces.create(NamespaceKind.PROJECT, "app")
    services.namespaces.delete(NamespaceKind.PROJECT, PROJECT)
    services.namespaces.create(NamespaceKind.PROJECT, PROJECT, reuse_path=True)
    assert sample(services, NOW) is None
