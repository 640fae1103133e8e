"""The command line: `registry-auth NOUN VERB`."""

import sys

import click

from registry_auth import __version__
from registry_auth.cli.database import database
from registry_auth.cli.deploy_tokens import deploy_token
from registry_auth.cli.keys import keys
from registry_auth.cli.members import member
from registry_auth.cli.namespaces import group, project
from registry_auth.cli.quickstart import quickstart
from registry_auth.cli.serve import serve
from registry_auth.cli.users import user
from registry_auth.errors import RegistryAuthError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="registry-auth")
def cli() -> None:
    """Token authentication for a self-hosted Docker registry.

    Settings are environment variables REGISTRY_AUTH_*; the README lists them.
    """


for command in (serve, quickstart, group, project, deploy_token, user, member, keys, database):
    cli.add_command(command)


def main() -> None:
    """Run the command line; what cannot be done becomes one line on standard error and exit status 1."""
    try:
        cli(prog_name="registry-auth")
    except RegistryAuthError as error:
        click.echo(f"registry-auth: {error}", err=True)
        sys.exit(1)
