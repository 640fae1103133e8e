"""`registry-auth group …` and `registry-auth project …`: the same verbs for both nouns."""

from collections.abc import Sequence
from enum import StrEnum

import click

from registry_auth.cli.choices import WordChoice
from registry_auth.cli.context import opened_services
from registry_auth.cli.output import json_option, print_fields, print_json, print_table
from registry_auth.json_form import namespace_json
from registry_auth.namespaces.models import Namespace
from registry_auth.values import NamespaceKind, Visibility

visibility_option = click.option("--visibility", type=WordChoice(Visibility), help="Who may pull without a right of their own.")
name_option = click.option("--name", help="What people call it; the last part of the path unless given.")
path_argument = click.argument("path")


class Switch(StrEnum):
    """How something is switched."""

    ON = "on"
    OFF = "off"

    @classmethod
    def of(cls, is_on: bool) -> "Switch":
        """Give the word for it."""
        return cls.ON if is_on else cls.OFF


def _noun(kind: NamespaceKind) -> click.Group:
    noun = click.Group(kind, help=f"Create, list, show, change and delete {kind}s.")

    @noun.command("create")
    @path_argument
    @visibility_option
    @name_option
    @click.option("--reuse-path", is_flag=True, help="Take the path of something deleted, with the images that are left there.")
    @json_option
    def create(path: str, visibility: Visibility | None, name: str | None, reuse_path: bool, as_json: bool) -> None:
        with opened_services() as services:
            created = services.namespaces.create(kind, path, visibility=visibility or Visibility.PRIVATE, name=name, reuse_path=reuse_path)
        for reused in created.reused_paths:
            click.echo(f"Warning: the images that the registry still has under '{reused}' now belong to it.", err=True)
        _print(created.namespace, as_json=as_json)

    create.help = f"Make a {kind}. Missing parent groups are made, as visible as the {kind}; private unless said otherwise."

    @noun.command("list", help=f"List all {kind}s.")
    @json_option
    def list_(as_json: bool) -> None:
        with opened_services() as services:
            _print_list(services.namespaces.list(kind), as_json=as_json)

    @noun.command("show", help=f"Show one {kind}.")
    @path_argument
    @json_option
    def show(path: str, as_json: bool) -> None:
        with opened_services() as services:
            _print(services.namespaces.get(kind, path), as_json=as_json)

    for command in (_update_group, _delete_group) if kind is NamespaceKind.GROUP else (_update_project, _delete_project):
        noun.add_command(command)
    return noun


@click.command("update")
@path_argument
@visibility_option
@name_option
@click.option(
    "--dependency-proxy",
    type=WordChoice(Switch),
    help="Whether the group has the dependency proxy. Off in a group, it is off in all its subgroups.",
)
@json_option
def _update_group(path: str, visibility: Visibility | None, name: str | None, dependency_proxy: Switch | None, as_json: bool) -> None:
    """Change the name, the visibility or the dependency proxy of a group. Its path never changes."""
    enabled = None if dependency_proxy is None else dependency_proxy is Switch.ON
    with opened_services() as services:
        changed = services.namespaces.update(NamespaceKind.GROUP, path, name=name, visibility=visibility, dependency_proxy_enabled=enabled)
    _print(changed, as_json=as_json)


@click.command("update")
@path_argument
@visibility_option
@name_option
@json_option
def _update_project(path: str, visibility: Visibility | None, name: str | None, as_json: bool) -> None:
    """Change the name or the visibility of a project. Its path never changes."""
    with opened_services() as services:
        _print(services.namespaces.update(NamespaceKind.PROJECT, path, name=name, visibility=visibility), as_json=as_json)


@click.command("delete")
@path_argument
@click.option("--recursive", is_flag=True, help="Delete all groups and projects in it too.")
@json_option
def _delete_group(path: str, recursive: bool, as_json: bool) -> None:
    """Delete a group with its deploy tokens and memberships. Images stay in the registry, and the path stays reserved."""
    _delete(NamespaceKind.GROUP, path, recursive=recursive, as_json=as_json)


@click.command("delete")
@path_argument
@json_option
def _delete_project(path: str, as_json: bool) -> None:
    """Delete a project with its deploy tokens and memberships. Images stay in the registry, and the path stays reserved."""
    _delete(NamespaceKind.PROJECT, path, recursive=False, as_json=as_json)


def _delete(kind: NamespaceKind, path: str, *, recursive: bool, as_json: bool) -> None:
    with opened_services() as services:
        deleted = services.namespaces.delete(kind, path, recursive=recursive)
    if as_json:
        print_json([namespace_json(entry) for entry in deleted])
        return
    for entry in deleted:
        click.echo(f"Deleted the {entry.kind} '{entry.path}' with its deploy tokens and memberships. The path stays reserved.")


def _print(entry: Namespace, *, as_json: bool) -> None:
    if as_json:
        print_json(namespace_json(entry))
        return
    fields = {"id": entry.id, "path": entry.path, "name": entry.name, "visibility": entry.visibility}
    if entry.kind is NamespaceKind.GROUP:
        fields["dependency proxy"] = Switch.of(entry.dependency_proxy_enabled)
    print_fields(fields)


def _print_list(entries: Sequence[Namespace], *, as_json: bool) -> None:
    if as_json:
        print_json([namespace_json(entry) for entry in entries])
        return
    print_table(("ID", "PATH", "VISIBILITY", "NAME"), ((e.id, e.path, e.visibility, e.name) for e in entries))


group = _noun(NamespaceKind.GROUP)
project = _noun(NamespaceKind.PROJECT)
