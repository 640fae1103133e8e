"""Passwords given to `registry-auth user create` and `registry-auth user update`."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from registry_auth.accounts.passwords import PasswordCheck
from registry_auth.cli import cli
from registry_auth.cli.context import opened_services
from registry_auth.errors import InvalidValueError
from tests.unit.cli.command_line import run
from tests.unit.lookups import account_lookup

pytestmark = [pytest.mark.usefixtures("environment"), pytest.mark.one_store("passwords are asked for and hashed without the store")]


def give(password: bytes, verb: str = "create") -> Result:
    """Run `user create` or `user update` with this on standard input."""
    return CliRunner().invoke(cli, ["user", verb, "ada", "--password-stdin"], input=password, catch_exceptions=False)


def is_password(text: str) -> bool:
    """Say whether the user logs in with this password."""
    with opened_services() as services:
        found = account_lookup(services).find_password("ada")
    return found is not None and PasswordCheck().is_right(SecretStr(text), found.password_hash)


@pytest.mark.parametrize(
    ("given", "password"),
    [
        (b"correct horse\n", "correct horse"),
        (b"correct horse\r\n", "correct horse"),
        (b"correct horse", "correct horse"),
        (b"  correct horse \n", "  correct horse "),
        (b"correct horse\nbattery staple\n", "correct horse"),
        ("pferd richtig ä 日本\n".encode(), "pferd richtig ä 日本"),
    ],
)
def test_one_line_of_standard_input_is_the_password(given: bytes, password: str) -> None:
    """The line's end does not belong to it, blanks do; the answer does not tell it."""
    result = give(given)
    assert result.exit_code == 0
    assert "password       yes" in result.stdout.splitlines()
    assert password not in result.output
    assert is_password(password)


def test_update_replaces_the_password() -> None:
    """The old one is refused from then on, and an update without a password keeps it."""
    run("user", "create", "ada")
    assert not is_password("")
    for password in ("correct horse", "battery staple"):
        assert give(password.encode(), "update").exit_code == 0
    run("user", "update", "ada", "--name", "Ada")
    assert (is_password("correct horse"), is_password("battery staple")) == (False, True)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"", "A password has 8 to 128 characters."),
        (b"\n", "A password has 8 to 128 characters."),
        (b"1234567\n", "A password has 8 to 128 characters."),
        (b"x" * 129, "A password has 8 to 128 characters."),
        (b"glpat-1234\n", "A password cannot begin like a token."),
        (b"gldt-12345\n", "A password cannot begin like a token."),
    ],
)
def test_what_cannot_be_a_password_makes_no_user(given: bytes, sentence: str) -> None:
    """The rule that it breaks is named."""
    with pytest.raises(InvalidValueError, match=sentence):
        give(given)
    assert "ada" not in run("user", "list").stdout


def test_password_that_is_no_text() -> None:
    """Clients send UTF-8, so nobody could log in with anything else."""
    result = give(b"correct horse \xff\n")
    assert result.exit_code == 2
    assert "The password on standard input is not UTF-8." in result.stderr


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Give the two ends of a terminal: the one of the person who types, and the one of the program."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_terminal_asks_twice_and_shows_nothing(terminal: tuple[int, int]) -> None:
    """Whoever types two different passwords is asked again; what is typed appears nowhere."""
    run("user", "create", "ada")
    keyboard, stdin = terminal
    command = [sys.executable, "-m", "registry_auth", "user", "update", "ada", "--password-stdin", "--json"]
    # In a session of its own the program has no other terminal that it could ask.
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as program:
        assert program.stderr is not None
        said = ""
        for typed in ("correct horse", "wrong horse", "correct horse", "correct horse"):
            while not said.endswith(": "):
                said += _read(program.stderr.fileno())
            os.write(keyboard, f"{typed}\n".encode())
            said += _read(program.stderr.fileno())
        output, rest = program.communicate(timeout=60)
    assert program.returncode == 0
    assert output.startswith(b"{")
    assert "The two entered values do not match." in said
    assert "horse" not in said + rest.decode()
    os.set_blocking(keyboard, False)
    with pytest.raises(BlockingIOError):
        os.read(keyboard, 1)
    assert is_password("correct horse")


def _read(descriptor: int) -> str:
    text = os.read(descriptor, 1_000).decode()
    assert text, "the program has ended"
    return text
