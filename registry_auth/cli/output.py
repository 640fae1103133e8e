"""How the command line shows things: JSON documents, tables, and lists of fields."""

from collections.abc import Iterable, Mapping, Sequence

import click
import orjson

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document with the field names of the REST API.")


def print_json(document: object) -> None:
    """Print one JSON document."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


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


def _text(value: object) -> str:
    return "-" if value is None else str(value)
