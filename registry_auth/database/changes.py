"""How a process learns that something in the store has changed, whoever changed it."""

from typing import Protocol


class ChangeWatch(Protocol):
    """Watches one store. Safe for several threads."""

    def version(self) -> int | None:
        """Give a number that is another one after every change: on SQLite at once, on PostgreSQL when the notification has come.

        None while changes cannot be seen: then nothing that was read earlier may be used.
        """

    def close(self) -> None:
        """Stop watching."""
