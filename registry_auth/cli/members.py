"""`registry-auth member …`."""

from collections.abc import Sequence

import click

from registry_auth.accounts.models import Membership
from registry_auth.cli.choices import WordChoice, word_of
from registry_auth.cli.context import opened_services
from registry_auth.cli.options import namespace_options, required_namespace
from registry_auth.cli.output import json_option, print_fields, print_json, print_table
from registry_auth.json_form import member_json
from registry_auth.values import NamespaceKind, Role

place_options = namespace_options(project="Of this project.", group="Of this group, and so of everything in it.")
username_argument = click.argument("username", metavar="USER")
role_option = click.option("--role", required=True, type=WordChoice(Role), help="What the user may do there.")


@click.group()
def member() -> None:
    """Add, list, change and remove the members of groups and projects."""


@member.command("add")
@place_options
@username_argument
@role_option
@json_option
def add(project_path: str | None, group_path: str | None, username: str, role: Role, as_json: bool) -> None:
    """Give a user a role in a project, or in a group and everything below it.

    Guests pull from internal projects, as all users do. Reporters pull, developers push too, maintainers and owners also delete.
    """
    kind, path = _place(project_path, group_path)
    with opened_services() as services:
        _print(services.memberships.add(kind, path, services.users.get(username).id, role), as_json=as_json)


@member.command("list")
@place_options
@json_option
def list_(project_path: str | None, group_path: str | None, as_json: bool) -> None:
    """List the members of a project or group, without those of the groups above."""
    kind, path = _place(project_path, group_path)
    with opened_services() as services:
        _print_list(services.memberships.list(kind, path), as_json=as_json)


@member.command("update")
@place_options
@username_argument
@role_option
@json_option
def update(project_path: str | None, group_path: str | None, username: str, role: Role, as_json: bool) -> None:
    """Give a member another role."""
    kind, path = _place(project_path, group_path)
    with opened_services() as services:
        _print(services.memberships.update(kind, path, services.users.get(username).id, role), as_json=as_json)


@member.command("remove")
@place_options
@username_argument
@json_option
def remove(project_path: str | None, group_path: str | None, username: str, as_json: bool) -> None:
    """End a membership. Roles in the groups above stay, and personal access tokens too."""
    kind, path = _place(project_path, group_path)
    with opened_services() as services:
        removed = services.memberships.remove(kind, path, services.users.get(username).id)
    if as_json:
        print_json(member_json(removed))
        return
    click.echo(f"The user '{removed.user.username}' is no longer a member of the {kind} '{path}'.")


def _place(project_path: str | None, group_path: str | None) -> tuple[NamespaceKind, str]:
    return required_namespace(project_path, group_path, "Say whose members")


def _print(membership: Membership, *, as_json: bool) -> None:
    if as_json:
        print_json(member_json(membership))
        return
    print_fields(
        {
            "user name": membership.user.username,
            "role": word_of(membership.role),
            "in": f"{membership.namespace.kind} {membership.namespace.path}",
        }
    )


def _print_list(members: Sequence[Membership], *, as_json: bool) -> None:
    if as_json:
        print_json([member_json(membership) for membership in members])
        return
    columns = ("USER NAME", "NAME", "ROLE", "STATE")
    print_table(columns, ((m.user.username, m.user.name, word_of(m.role), m.user.state) for m in members))
