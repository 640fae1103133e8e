"""What options and arguments take: the words of an enumeration, ids."""

from enum import IntEnum, StrEnum
from typing import Any, TypeVar

import click

Word = TypeVar("Word", StrEnum, IntEnum)


def word_of(member: StrEnum | IntEnum) -> str:
    """Give the word for a member of an enumeration: its text, or where it is a number its name in lower case."""
    return member.name.lower() if isinstance(member, IntEnum) else str(member)


class WordChoice(click.Choice[Word]):
    """Takes the members of an enumeration as they are written everywhere else; Click alone would ask for the names in the code."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Give the word that the user types."""
        return word_of(choice) if isinstance(choice, (StrEnum, IntEnum)) else str(choice)

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Say what can be typed instead."""
        return f"'{value}' is none of {self._words}."

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Say what can be typed."""
        return f"It takes one of {self._words}."

    @property
    def _words(self) -> str:
        return ", ".join(map(word_of, self.choices))


class IdNumber(click.IntRange):
    """Takes the id of something, as `list` shows it."""

    name = "id"

    def __init__(self) -> None:
        super().__init__(1, 2**63 - 1)  # what fits into a column of a database
