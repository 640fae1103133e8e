"""`registry-auth deploy-token …`."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

import click

from registry_auth.application import utc_now
from registry_auth.cli.choices import IdNumber, WordChoice
from registry_auth.cli.context import opened_services
from registry_auth.cli.output import json_option, print_fields, print_json, print_table
from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.deploy_tokens.service import MAX_OVERLAP, Issued
from registry_auth.deploy_tokens.validity import parse_expiry
from registry_auth.errors import InvalidValueError
from registry_auth.json_form import deploy_token_json
from registry_auth.values import NamespaceKind, TokenScope

Command = TypeVar("Command", bound=Callable[..., Any])

token_argument = click.argument("token_id", metavar="ID", type=IdNumber())


def owner_options(command: Command) -> Command:
    """Add `--project` and `--group`."""
    command = click.option("--group", "group_path", metavar="PATH", help="For all projects of this group and its subgroups.")(command)
    return click.option("--project", "project_path", metavar="PATH", help="For this project.")(command)


@click.group("deploy-token")
def deploy_token() -> None:
    """Create, list, show, rotate and revoke deploy tokens."""


@deploy_token.command("create")
@owner_options
@click.option("--name", required=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=WordChoice(TokenScope),
    metavar="SCOPE",
    help=f"What it may do; may be repeated. One of {', '.join(TokenScope)}.",
)
@click.option("--username", help="User name for the log-in; gitlab+deploy-token-ID unless given.")
@click.option(
    "--expires-at",
    metavar="YYYY-MM-DD",
    callback=lambda _context, _option, text: _expiry(text),
    help="Not valid from 00:00 UTC of this day.",
)
@json_option
def create(
    project_path: str | None,
    group_path: str | None,
    name: str,
    scopes: tuple[TokenScope, ...],
    username: str | None,
    expires_at: date | None,
    as_json: bool,
) -> None:
    """Make a deploy token for a project or a group. Its secret is shown this once.

    Pulling images needs the scope read_registry; pushing needs read_registry and write_registry.
    """
    owner = _owner(project_path, group_path)
    if owner is None:
        raise click.UsageError("Say what the token is for: --project PATH or --group PATH.")
    with opened_services() as services:
        issued = services.deploy_tokens.create(*owner, name=name, scopes=scopes, username=username, expires_at=expires_at)
    _print_issued(issued, as_json=as_json)


@deploy_token.command("list")
@owner_options
@click.option("--active", "active_only", is_flag=True, help="Leave out revoked and expired ones.")
@json_option
def list_(project_path: str | None, group_path: str | None, active_only: bool, as_json: bool) -> None:
    """List the deploy tokens of a project or group, or all."""
    with opened_services() as services:
        tokens = services.deploy_tokens.list(_owner(project_path, group_path), active_only=active_only)
    _print_list(tokens, as_json=as_json)


@deploy_token.command("show")
@token_argument
@json_option
def show(token_id: int, as_json: bool) -> None:
    """Show one deploy token, without its secret."""
    with opened_services() as services:
        _print(services.deploy_tokens.get(token_id), as_json=as_json)


@deploy_token.command("rotate")
@token_argument
@click.option(
    "--overlap",
    type=click.IntRange(0, MAX_OVERLAP // timedelta(seconds=1)),
    default=0,
    metavar="SECONDS",
    help="How long the old secret still works; 0 unless given.",
)
@json_option
def rotate(token_id: int, overlap: int, as_json: bool) -> None:
    """Give a token a new secret, shown this once. Everything else stays, the expiry date too."""
    with opened_services() as services:
        issued = services.deploy_tokens.rotate(token_id, overlap=timedelta(seconds=overlap))
    _print_issued(issued, as_json=as_json)


@deploy_token.command("revoke")
@token_argument
@json_option
def revoke(token_id: int, as_json: bool) -> None:
    """Refuse a token from now on. What it fetched before still works at the registry until it ends, minutes later."""
    with opened_services() as services:
        _print(services.deploy_tokens.revoke(token_id), as_json=as_json)


def _owner(project_path: str | None, group_path: str | None) -> tuple[NamespaceKind, str] | None:
    if project_path is not None and group_path is not None:
        raise click.UsageError("--project and --group exclude each other.")
    if project_path is not None:
        return NamespaceKind.PROJECT, project_path
    return None if group_path is None else (NamespaceKind.GROUP, group_path)


def _expiry(text: str | None) -> date | None:
    try:
        return None if text is None else parse_expiry(text)
    except InvalidValueError as error:
        raise click.BadParameter(str(error)) from None


def _print_issued(issued: Issued, *, as_json: bool) -> None:
    secret = issued.secret.get_secret_value()
    if as_json:
        print_json({**deploy_token_json(issued.token, utc_now()), "token": secret})
        return
    print_fields({**_fields(issued.token), "secret": f"{secret}  (shown only now)"})


def _print(token: DeployToken, *, as_json: bool) -> None:
    if as_json:
        print_json(deploy_token_json(token, utc_now()))
        return
    print_fields(_fields(token))


def _print_list(tokens: Sequence[DeployToken], *, as_json: bool) -> None:
    now = utc_now()
    if as_json:
        print_json([deploy_token_json(token, now) for token in tokens])
        return
    columns = ("ID", "FOR", "NAME", "USER NAME", "SCOPES", "EXPIRES", "STATE")
    print_table(
        columns,
        ((t.id, f"{t.owner.kind} {t.owner.path}", t.name, t.username, ",".join(t.scopes), t.expires_at, t.state(now)) for t in tokens),
    )


def _fields(token: DeployToken) -> dict[str, object]:
    return {
        "id": token.id,
        "for": f"{token.owner.kind} {token.owner.path}",
        "name": token.name,
        "scopes": ", ".join(token.scopes),
        "expires": "never" if token.expires_at is None else f"{token.expires_at} at 00:00 UTC",
        "state": token.state(utc_now()),
        "user name": token.username,
    }
