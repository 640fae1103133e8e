"""The command itself: help everywhere, and one line and status 1 for what cannot be done."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from registry_auth import __version__
from registry_auth.cli import cli, main
from tests.unit.cli.command_line import run


def command_lines(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Give the words of every command below this one."""
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    below = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [path, *(line for name, each in below if each is not None for line in command_lines(each, (*path, name)))]


@pytest.mark.parametrize("words", command_lines(cli), ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    """`--help` works for each command, needs no installation, and says what the command does."""
    lines = run(*words, "--help").stdout.splitlines()
    assert lines[0].startswith("Usage: ")
    assert lines[2].strip().endswith((".", ":")) or lines[3].strip()


def test_version() -> None:
    """The version is that of the package."""
    assert run("--version").stdout == f"registry-auth, version {__version__}\n"


def fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command as a shell would, and give the one line that it fails with."""
    monkeypatch.setattr(sys, "argv", ["registry-auth", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert output.err.startswith("registry-auth: ")
    return output.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["project", "show", "x"], "There is no project 'x'."),
        (["project", "update", "x", "--name", "y"], "There is no project 'x'."),
        (["project", "delete", "x"], "There is no project 'x'."),
        (["group", "delete", "x"], "There is no group 'x'."),
        (["project", "create", "A"], "'A' is not a path"),
        (["group", "create", "a", "--name", "\n"], "A name cannot be blank"),
        (["deploy-token", "show", "1"], "There is no deploy token 1."),
        (["deploy-token", "show", "9223372036854775807"], "There is no deploy token 9223372036854775807."),
        (["deploy-token", "rotate", "1"], "There is no deploy token 1."),
        (["deploy-token", "revoke", "1"], "There is no deploy token 1."),
        (["deploy-token", "list", "--group", "x"], "There is no group 'x'."),
        (["deploy-token", "create", "--project", "x", "--name", "n", "--scope", "read_registry"], "There is no project 'x'."),
        (["keys", "list"], "There are no complete keys in"),
        (["database", "check"], "has schema none, this version needs"),
    ],
)
def test_refusal_is_one_line_and_status_1(
    bare_environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """Whatever cannot be done is one sentence on standard error."""
    assert bare_environment.is_dir()
    assert sentence in fail(monkeypatch, capsys, *arguments)


@pytest.mark.parametrize("arguments", [["project", "show"], ["project", "create"], ["deploy-token", "list", "--project"]])
def test_argument_that_is_no_text_is_one_line_too(environment: Path, arguments: list[str]) -> None:
    """Bytes that are not UTF-8 are refused as any other path that is none; `python -m registry_auth` is the same command."""
    command: list[str | bytes] = [sys.executable, "-m", "registry_auth", *arguments, b"\xff"]
    result = subprocess.run(command, cwd=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("registry-auth: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.one_store("the store is not reached")
@pytest.mark.parametrize("command", [["serve"], ["group", "list"], ["deploy-token", "list"], ["keys", "init"]])
@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("TOKEN_LIFETIME", "0", "REGISTRY_AUTH_TOKEN_LIFETIME must be"),
        ("DATABASE_URL", "mysql://user:hidden@host/name", "REGISTRY_AUTH_DATABASE_URL must be"),
        ("KEYS_DIR", "/dev/null/keys", "The key directory /dev/null/keys cannot be used"),
    ],
)
def test_unusable_setting_stops_every_command(
    environment: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    variable: str,
    value: str,
    sentence: str,
) -> None:
    """A wrong setting is named in one line, and its value, which may hold a password, is not shown."""
    assert environment.is_dir()
    monkeypatch.setenv(f"REGISTRY_AUTH_{variable}", value)
    line = fail(monkeypatch, capsys, *command)
    assert sentence in line
    assert "hidden" not in line


@pytest.mark.one_store("it is about files")
@pytest.mark.parametrize("fault", ["no database", "directory", "directory cannot be made"])
@pytest.mark.parametrize("command", [["database", "migrate"], ["database", "check"], ["project", "create", "app"]])
def test_unusable_database_is_named(
    bare_environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str], fault: str
) -> None:
    """A database that cannot be read or written is named, with what to do."""
    data = bare_environment / "data"
    if fault == "directory cannot be made":
        data.write_text("in the way")
    else:
        data.mkdir()
        file = data / "registry-auth.db"
        file.mkdir() if fault == "directory" else file.write_bytes(b"no database " * 1_000)
    line = fail(monkeypatch, capsys, *command)
    assert str(data) in line
    assert "Check that this user may read and write" in line or "REGISTRY_AUTH_DATABASE_URL" in line


@pytest.mark.parametrize("module", ["flask", "granian", "registry_auth.rest_api"])
def test_commands_do_not_wait_for_the_web_server(module: str) -> None:
    """What only `serve` needs is not imported for the others."""
    use = "from registry_auth.cli import cli; cli(['group', '--help'], standalone_mode=False)"
    code = f"import sys; {use}; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
