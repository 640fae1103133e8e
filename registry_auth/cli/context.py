"""What every command needs: the services, opened with the settings of the environment."""

from collections.abc import Iterator
from contextlib import contextmanager

from registry_auth.database import prepare_schema
from registry_auth.services import Services, build_services
from registry_auth.settings import load_settings


@contextmanager
def opened_services() -> Iterator[Services]:
    """Open database and keys; a new installation gets both. Raises ConfigurationError."""
    services = build_services(load_settings())
    with services.database as database:
        prepare_schema(database)
        yield services
