"""`registry-auth user token`: personal access tokens."""

from collections.abc import Mapping, Sequence
from datetime import date

import click

from registry_auth.accounts.models import PersonalAccessToken
from registry_auth.accounts.personal_access_tokens import IssuedPersonalAccessToken
from registry_auth.cli.choices import IdNumber
from registry_auth.cli.context import opened_services
from registry_auth.cli.options import expires_at_option, scope_option
from registry_auth.cli.output import expiry_text, json_option, last_use_text, print_fields, print_json, print_table, shown_once
from registry_auth.json_form import issued_personal_access_token_json, personal_access_token_json
from registry_auth.last_use import LastUse
from registry_auth.services import utc_now
from registry_auth.values import PERSONAL_ACCESS_TOKEN_SCOPES, CallerKind, TokenScope


@click.command("token")
@click.argument("username", metavar="NAME")
@click.option("--name", help="What the token is for.")
@scope_option(PERSONAL_ACCESS_TOKEN_SCOPES, required=False)
@expires_at_option
@click.option("--list", "wants_list", is_flag=True, help="List the user's tokens instead.")
@click.option("--revoke", "revoked_id", metavar="ID", type=IdNumber(), help="Refuse this token of the user from now on instead.")
@json_option
def token(
    username: str,
    name: str | None,
    scopes: tuple[TokenScope, ...],
    expires_at: date | None,
    wants_list: bool,
    revoked_id: int | None,
    as_json: bool,
) -> None:
    """Make a personal access token for a user. Its secret is shown this once.

    At the registry it can do what the user may do and its scopes let through: read_registry pulls, read_registry and write_registry push,
    and api does everything, deleting too.
    """
    wants_new = name is not None or bool(scopes) or expires_at is not None
    if wants_new + wants_list + (revoked_id is not None) > 1:
        raise click.UsageError("A new token, --list and --revoke exclude each other.")
    if wants_list:
        _list(username, as_json=as_json)
    elif revoked_id is not None:
        _revoke(username, revoked_id, as_json=as_json)
    elif name is None or not scopes:
        raise click.UsageError("A new token needs --name and --scope; --list and --revoke ID are for those there are.")
    else:
        _create(username, name, scopes, expires_at, as_json=as_json)


def _create(username: str, name: str, scopes: Sequence[TokenScope], expires_at: date | None, *, as_json: bool) -> None:
    with opened_services() as services:
        user = services.users.get(username)
        issued = services.personal_access_tokens.create(user.id, name=name, scopes=scopes, expires_at=expires_at)
    _print_issued(issued, as_json=as_json)


def _list(username: str, *, as_json: bool) -> None:
    with opened_services() as services:
        tokens = services.personal_access_tokens.list(services.users.get(username).id)
        last_uses = services.last_uses.of(CallerKind.PERSONAL_ACCESS_TOKEN, [token.id for token in tokens])
    _print_list(tokens, last_uses, as_json=as_json)


def _revoke(username: str, token_id: int, *, as_json: bool) -> None:
    with opened_services() as services:
        revoked = services.personal_access_tokens.revoke(token_id, user_id=services.users.get(username).id)
        last_use = services.last_uses.of_one(CallerKind.PERSONAL_ACCESS_TOKEN, token_id)
    if as_json:
        print_json(personal_access_token_json(revoked, utc_now(), last_use))
        return
    print_fields(_fields(revoked, last_use))


def _print_issued(issued: IssuedPersonalAccessToken, *, as_json: bool) -> None:
    if as_json:
        print_json(issued_personal_access_token_json(issued, utc_now()))
        return
    print_fields({**_fields(issued.token, None), "secret": shown_once(issued.secret)})


def _print_list(tokens: Sequence[PersonalAccessToken], last_uses: Mapping[int, LastUse], *, as_json: bool) -> None:
    now = utc_now()
    if as_json:
        print_json([personal_access_token_json(token, now, last_uses.get(token.id)) for token in tokens])
        return
    columns = ("ID", "NAME", "SCOPES", "EXPIRES", "STATE", "LAST USED")
    print_table(
        columns, ((t.id, t.name, ",".join(t.scopes), t.expires_at, t.state(now), last_use_text(last_uses.get(t.id))) for t in tokens)
    )


def _fields(token: PersonalAccessToken, last_use: LastUse | None) -> dict[str, object]:
    return {
        "id": token.id,
        "user name": token.user.username,
        "name": token.name,
        "scopes": ", ".join(token.scopes),
        "expires": expiry_text(token.expires_at),
        "state": token.state(utc_now()),
        "last used": last_use_text(last_use),
    }
