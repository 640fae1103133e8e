"""`registry-auth database …`."""

import click

from registry_auth.database import check_schema, migrate
from registry_auth.services import open_database
from registry_auth.settings import load_settings


@click.group()
def database() -> None:
    """Bring the database up to date, or check that it is."""


@database.command("migrate")
def migrate_() -> None:
    """Make the tables, or bring them to this version. `serve` does so too when it starts."""
    with open_database(load_settings()) as store:
        migrate(store)
        click.echo(f"The database {store.label} is up to date.")


@database.command()
def check() -> None:
    """Say whether the database has the schema of this version; exit status 1 if not."""
    with open_database(load_settings()) as store:
        check_schema(store)
        click.echo(f"The database {store.label} is up to date.")
