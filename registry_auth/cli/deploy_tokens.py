"""`registry-auth deploy-token …`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import click

from registry_auth.cli.choices import IdNumber
from registry_auth.cli.context import opened_services
from registry_auth.cli.options import chosen_namespace, expires_at_option, namespace_options, required_namespace, scope_option
from registry_auth.cli.output import expiry_text, json_option, last_use_text, print_fields, print_json, print_table, shown_once
from registry_auth.deploy_tokens.models import DeployToken
from registry_auth.deploy_tokens.service import MAX_OVERLAP, Issued
from registry_auth.json_form import deploy_token_json, issued_deploy_token_json
from registry_auth.last_use import LastUse
from registry_auth.services import utc_now
from registry_auth.values import DEPLOY_TOKEN_SCOPES, CallerKind, TokenScope

_FOR_GROUPS = frozenset({TokenScope.READ_VIRTUAL_REGISTRY, TokenScope.WRITE_VIRTUAL_REGISTRY})

token_argument = click.argument("token_id", metavar="ID", type=IdNumber())
owner_options = namespace_options(project="For this project.", group="For all projects of this group and its subgroups.")


@click.group("deploy-token")
def deploy_token() -> None:
    """Create, list, show, rotate and revoke deploy tokens."""


@deploy_token.command("create")
@owner_options
@click.option("--name", required=True, help="What the token is for.")
@scope_option(DEPLOY_TOKEN_SCOPES, required=True)
@click.option("--username", help="User name for the log-in; gitlab+deploy-token-ID unless given.")
@expires_at_option
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

    Pulling images needs the scope read_registry; pushing needs read_registry and write_registry. At the dependency proxy of a group
    read_virtual_registry pulls, and write_virtual_registry pulls, pushes and deletes.
    """
    owner = required_namespace(project_path, group_path, "Say what the token is for")
    with opened_services() as services:
        issued = services.deploy_tokens.create(*owner, name=name, scopes=scopes, username=username, expires_at=expires_at)
    _print_issued(issued, None, as_json=as_json)
    if project_path is not None and not _FOR_GROUPS.isdisjoint(scopes):
        click.echo("Warning: the dependency proxy takes deploy tokens of groups alone; the scopes for it count for nothing here.", err=True)


@deploy_token.command("list")
@owner_options
@click.option("--active", "active_only", is_flag=True, help="Leave out revoked and expired ones.")
@json_option
def list_(project_path: str | None, group_path: str | None, active_only: bool, as_json: bool) -> None:
    """List the deploy tokens of a project or group, or all."""
    with opened_services() as services:
        tokens = services.deploy_tokens.list(chosen_namespace(project_path, group_path), active_only=active_only)
        last_uses = services.last_uses.of(CallerKind.DEPLOY_TOKEN, [token.id for token in tokens])
    _print_list(tokens, last_uses, as_json=as_json)


@deploy_token.command("show")
@token_argument
@json_option
def show(token_id: int, as_json: bool) -> None:
    """Show one deploy token, without its secret."""
    with opened_services() as services:
        token = services.deploy_tokens.get(token_id)
        _print(token, services.last_uses.of_one(CallerKind.DEPLOY_TOKEN, token_id), as_json=as_json)


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
        token = services.deploy_tokens.get(token_id)
        # First: what fails after the rotation takes the new secret along.
        last_use = services.last_uses.of_one(CallerKind.DEPLOY_TOKEN, token.id)
        issued = services.deploy_tokens.rotate(token_id, overlap=timedelta(seconds=overlap))
    _print_issued(issued, last_use, as_json=as_json)


@deploy_token.command("revoke")
@token_argument
@json_option
def revoke(token_id: int, as_json: bool) -> None:
    """Refuse a token from now on. What it fetched before still works at the registry until it ends, minutes later."""
    with opened_services() as services:
        token = services.deploy_tokens.revoke(token_id)
        _print(token, services.last_uses.of_one(CallerKind.DEPLOY_TOKEN, token_id), as_json=as_json)


def _print_issued(issued: Issued, last_use: LastUse | None, *, as_json: bool) -> None:
    if as_json:
        print_json(issued_deploy_token_json(issued, utc_now(), last_use))
        return
    print_fields({**_fields(issued.token, last_use), "secret": shown_once(issued.secret)})


def _print(token: DeployToken, last_use: LastUse | None, *, as_json: bool) -> None:
    if as_json:
        print_json(deploy_token_json(token, utc_now(), last_use))
        return
    print_fields(_fields(token, last_use))


def _print_list(tokens: Sequence[DeployToken], last_uses: Mapping[int, LastUse], *, as_json: bool) -> None:
    now = utc_now()
    if as_json:
        print_json([deploy_token_json(token, now, last_uses.get(token.id)) for token in tokens])
        return
    print_table(
        ("ID", "FOR", "NAME", "USER NAME", "SCOPES", "EXPIRES", "STATE", "LAST USED"),
        ((*_row(token, now), last_use_text(last_uses.get(token.id))) for token in tokens),
    )


def _row(token: DeployToken, now: datetime) -> tuple[object, ...]:
    owner = f"{token.owner.kind} {token.owner.path}"
    return token.id, owner, token.name, token.username, ",".join(token.scopes), token.expires_at, token.state(now)


def _fields(token: DeployToken, last_use: LastUse | None) -> dict[str, object]:
    return {
        "id": token.id,
        "for": f"{token.owner.kind} {token.owner.path}",
        "name": token.name,
        "scopes": ", ".join(token.scopes),
        "expires": expiry_text(token.expires_at),
        "state": token.state(utc_now()),
        "last used": last_use_text(last_use),
        "user name": token.username,
    }
