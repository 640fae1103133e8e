"""Options that several nouns take."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

import click

from registry_auth.cli.choices import WordChoice
from registry_auth.errors import InvalidValueError
from registry_auth.token_validity import parse_expiry
from registry_auth.values import NamespaceKind, TokenScope

Command = TypeVar("Command", bound=Callable[..., Any])


def namespace_options(*, project: str, group: str) -> Callable[[Command], Command]:
    """Add `--project` and `--group`, with these words of help."""

    def add(command: Command) -> Command:
        command = click.option("--group", "group_path", metavar="PATH", help=group)(command)
        return click.option("--project", "project_path", metavar="PATH", help=project)(command)

    return add


def chosen_namespace(project_path: str | None, group_path: str | None) -> tuple[NamespaceKind, str] | None:
    """Give what `--project` or `--group` names, None without both. Raises UsageError for both."""
    if project_path is not None and group_path is not None:
        raise click.UsageError("--project and --group exclude each other.")
    if project_path is not None:
        return NamespaceKind.PROJECT, project_path
    return None if group_path is None else (NamespaceKind.GROUP, group_path)


def required_namespace(project_path: str | None, group_path: str | None, question: str) -> tuple[NamespaceKind, str]:
    """Give what `--project` or `--group` names. Raises UsageError, with the question, when neither is there."""
    chosen = chosen_namespace(project_path, group_path)
    if chosen is None:
        raise click.UsageError(f"{question}: --project PATH or --group PATH.")
    return chosen


def scope_option(scopes: Sequence[TokenScope], *, required: bool) -> Callable[[Command], Command]:
    """Add `--scope`, which takes one of these and may be repeated."""
    return click.option(
        "--scope",
        "scopes",
        multiple=True,
        required=required,
        type=WordChoice(scopes),
        metavar="SCOPE",
        help=f"What it may do; may be repeated. One of {', '.join(scopes)}.",
    )


expires_at_option = click.option(
    "--expires-at",
    metavar="YYYY-MM-DD",
    callback=lambda _context, _option, text: _expiry(text),
    help="Not valid from 00:00 UTC of this day.",
)


def _expiry(text: str | None) -> date | None:
    try:
        return None if text is None else parse_expiry(text)
    except InvalidValueError as error:
        raise click.BadParameter(str(error)) from None
