"""`registry-auth database …`."""

from pathlib import Path

import click

from registry_auth.database import Database, check_schema, copy_to_postgresql, migrate
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


@database.command()
@click.option(
    "--from",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The SQLite file to copy; its server should be stopped.",
)
def copy(file: Path) -> None:
    """Copy an installation from an SQLite file into the PostgreSQL that REGISTRY_AUTH_DATABASE_URL names.

    Ids, secrets and dates stay as they are. The keys are not in the database: the server goes on with the same key directory.
    """
    with Database(f"sqlite:///{file}") as source, open_database(load_settings()) as target:
        counts = copy_to_postgresql(source, target)
        for name, count in counts.items():
            click.echo(f"{count:>9,} {name.replace('_', ' ')}")
        click.echo(f"Copied {source.label} to the database {target.label}.")
