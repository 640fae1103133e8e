"""How a password comes to a command: never as an argument, which other users of the machine could read."""

import sys

import click
from pydantic import SecretStr

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line; on a terminal, ask for it twice."
)


def read_password(*, is_new: bool = True) -> SecretStr:
    """Give the first line of standard input without its end, or what is typed at the terminal, a new one twice. Raises UsageError."""
    if sys.stdin.isatty():
        return SecretStr(click.prompt("Password", hide_input=True, confirmation_prompt=is_new, err=True))
    try:
        return SecretStr(sys.stdin.buffer.readline().removesuffix(b"\n").removesuffix(b"\r").decode())
    except UnicodeDecodeError:
        raise click.UsageError("The password on standard input is not UTF-8.") from None
