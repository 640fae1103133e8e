"""How the command line shows things: JSON documents, tables, and lists of fields."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import click
from pydantic import SecretStr
from pydantic_core import to_json

from registry_auth.last_use import LastUse

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document with the field names of the REST API.")


def print_json(document: object) -> None:
    """Print one JSON document; forms of json_form may be in it."""
    click.echo(to_json(document, indent=2).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns, under a heading."""
    texts = [[*columns], *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in texts) for index in range(len(columns))]
    for row in texts:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_fields(fields: Mapping[str, object]) -> None:
    """Print a name and a value in each line."""
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name.ljust(width)}  {_text(value)}")


def expiry_text(expires_at: date | None) -> str:
    """Say when a token ends."""
    return "never" if expires_at is None else f"{expires_at} at 00:00 UTC"


def last_use_text(last_use: LastUse | None) -> str:
    """Say when a token was used last, from which address and for what."""
    if last_use is None:
        return "never"
    return f"{last_use.used_at:%Y-%m-%d %H:%M} UTC from {last_use.address} ({last_use.service})"


def shown_once(secret: SecretStr) -> str:
    """Give a new secret in the clear."""
    return f"{secret.get_secret_value()}  (shown only now)"


def _text(value: object) -> str:
    return "-" if value is None else str(value)
