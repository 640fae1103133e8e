"""`registry-auth user …`."""

from collections.abc import Sequence

import click

from registry_auth.accounts.models import User
from registry_auth.accounts.users import UserChange
from registry_auth.cli.context import opened_services
from registry_auth.cli.output import json_option, print_fields, print_json, print_table
from registry_auth.cli.passwords import password_option, read_password
from registry_auth.cli.personal_access_tokens import token
from registry_auth.json_form import user_json

username_argument = click.argument("username", metavar="NAME")
name_option = click.option("--name", help="What people call the user; at first the user name.")
email_option = click.option("--email", help="E-mail address; logs in like the user name.")


@click.group()
def user() -> None:
    """Create, list, show, change, block and delete users, and make their personal access tokens."""


@user.command("create")
@username_argument
@click.option("--admin", "is_administrator", is_flag=True, help="May do everything, everywhere.")
@name_option
@email_option
@password_option
@json_option
def create(username: str, is_administrator: bool, name: str | None, email: str | None, password_stdin: bool, as_json: bool) -> None:
    """Make a user. Without a password only personal access tokens log the user in."""
    password = read_password() if password_stdin else None
    with opened_services() as services:
        created = services.users.create(username, name=name, email=email, password=password, is_administrator=is_administrator)
    _print(created, as_json=as_json)


@user.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all users."""
    with opened_services() as services:
        _print_list(services.users.list(), as_json=as_json)


@user.command("show")
@username_argument
@json_option
def show(username: str, as_json: bool) -> None:
    """Show one user."""
    with opened_services() as services:
        _print(services.users.get(username), as_json=as_json)


@user.command("update")
@username_argument
@click.option("--admin/--no-admin", "is_administrator", default=None, help="May do everything, everywhere; or no longer.")
@name_option
@email_option
@password_option
@json_option
def update(username: str, is_administrator: bool | None, name: str | None, email: str | None, password_stdin: bool, as_json: bool) -> None:
    """Change a user. What is not given stays; the user name never changes."""
    password = read_password() if password_stdin else None
    change = UserChange(name=name, email=email, password=password, is_administrator=is_administrator)
    with opened_services() as services:
        _print(services.users.update(services.users.get(username).id, change), as_json=as_json)


@user.command("block")
@username_argument
@json_option
def block(username: str, as_json: bool) -> None:
    """Refuse the password and all personal access tokens of a user from now on. Nothing is deleted."""
    with opened_services() as services:
        blocked = services.users.block(services.users.get(username).id)
    _print_outcome(blocked, "is blocked: the password and all personal access tokens are refused", as_json=as_json)


@user.command("unblock")
@username_argument
@json_option
def unblock(username: str, as_json: bool) -> None:
    """Accept the password and the personal access tokens of a user again."""
    with opened_services() as services:
        unblocked = services.users.unblock(services.users.get(username).id)
    _print_outcome(unblocked, "may log in", as_json=as_json)


@user.command("delete")
@username_argument
@json_option
def delete(username: str, as_json: bool) -> None:
    """Delete a user with all memberships and personal access tokens. Deploy tokens that the user made stay."""
    with opened_services() as services:
        deleted = services.users.delete(services.users.get(username).id)
    sentence = "is deleted with all memberships and personal access tokens; deploy tokens that the user made stay"
    _print_outcome(deleted, sentence, as_json=as_json)


user.add_command(token)


def _print(user: User, *, as_json: bool) -> None:
    if as_json:
        print_json(user_json(user))
        return
    print_fields(
        {
            "id": user.id,
            "user name": user.username,
            "name": user.name,
            "e-mail": user.email,
            "administrator": _yes_or_no(user.is_administrator),
            "password": _yes_or_no(user.password_hash is not None),
            "state": user.state,
        }
    )


def _print_list(users: Sequence[User], *, as_json: bool) -> None:
    if as_json:
        print_json([user_json(user) for user in users])
        return
    columns = ("ID", "USER NAME", "NAME", "E-MAIL", "ADMINISTRATOR", "STATE")
    print_table(columns, ((u.id, u.username, u.name, u.email, _yes_or_no(u.is_administrator), u.state) for u in users))


def _print_outcome(user: User, outcome: str, *, as_json: bool) -> None:
    if as_json:
        print_json(user_json(user))
        return
    click.echo(f"The user '{user.username}' {outcome}.")


def _yes_or_no(is_so: bool) -> str:
    return "yes" if is_so else "no"
