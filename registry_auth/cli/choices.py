"""What options and arguments take: the words of an enumeration, ids."""

from enum import StrEnum
from typing import Any

import click


class WordChoice(click.Choice[StrEnum]):
    """Takes the values of a StrEnum as they are written everywhere else; Click alone would ask for the names in the code."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Give the word that the user types."""
        return str(choice)

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Say what can be typed instead."""
        return f"'{value}' is none of {', '.join(self.choices)}."

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Say what can be typed."""
        return f"It takes one of {', '.join(self.choices)}."


class IdNumber(click.IntRange):
    """Takes the id of something, as `list` shows it."""

    name = "id"

    def __init__(self) -> None:
        super().__init__(1, 2**63 - 1)  # what fits into a column of a database
