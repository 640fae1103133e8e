"""The command line: `registry-auth NOUN VERB`."""

import importlib
import sys
from collections.abc import Mapping

import click

from registry_auth import __version__
from registry_auth.errors import RegistryAuthError

# Module and name of each command. What a command does not need is not imported: the web server would take a quarter of its time.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "serve": ("registry_auth.cli.serve", "serve"),
    "quickstart": ("registry_auth.cli.quickstart", "quickstart"),
    "group": ("registry_auth.cli.namespaces", "group"),
    "project": ("registry_auth.cli.namespaces", "project"),
    "deploy-token": ("registry_auth.cli.deploy_tokens", "deploy_token"),
    "user": ("registry_auth.cli.users", "user"),
    "member": ("registry_auth.cli.members", "member"),
    "keys": ("registry_auth.cli.keys", "keys"),
    "database": ("registry_auth.cli.database", "database"),
    "doctor": ("registry_auth.cli.doctor", "doctor"),
}


class LazyGroup(click.Group):
    """Imports a command when it is called (Click documentation: lazily loading subcommands)."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Give the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Give the command of this name."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="registry-auth")
def cli() -> None:
    """Token authentication for a self-hosted Docker registry.

    Settings are environment variables REGISTRY_AUTH_*; the README lists them.
    """


def main() -> None:
    """Run the command line; what cannot be done becomes one line on standard error and exit status 1."""
    try:
        cli(prog_name="registry-auth")
    except RegistryAuthError as error:
        click.echo(f"registry-auth: {error}", err=True)
        sys.exit(1)
