"""`registry-auth doctor`: what it prints, and its exit status."""

import json
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registry_auth.cli import cli
from registry_auth.cli import doctor as command
from registry_auth.doctor import examination
from registry_auth.doctor.examination import Questions
from registry_auth.doctor.findings import Finding, Severity, broken, fine, warning
from tests.unit.cli.command_line import usage_error
from tests.unit.installation import KEYS_DIR, NOW

pytestmark = pytest.mark.one_store("the store is looked at elsewhere")

FINE = fine("settings", "Registries need much.")
WARNING = warning("external URL", "It is here.", "Nobody comes.", "Move it.")
BROKEN = broken("database", "It is gone. " + "And there is more to say of it. " * 3, "Nothing works.", "Bring it back.")


class Doctor:
    """Gives findings of the test's own, and remembers what it was asked."""

    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = (FINE,)
        self.questions = Questions()

    def examine(self, questions: Questions, _clock: object) -> Iterator[Finding]:
        """Give the findings."""
        self.questions = questions
        yield from self.findings


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Put another doctor in the place of the real one."""
    doctor = Doctor()
    monkeypatch.setattr(command, "examine", doctor.examine)
    return doctor


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["doctor", *arguments], input=stdin, catch_exceptions=False)


@pytest.mark.parametrize(
    ("findings", "status", "word", "last"),
    [
        ((FINE,), 0, "fine", "All is fine."),
        ((FINE, WARNING), 1, "warning", "1 warning, 1 fine."),
        ((WARNING, FINE, WARNING), 1, "warning", "2 warnings, 1 fine."),
        ((BROKEN, WARNING, FINE), 2, "broken", "1 broken, 1 warning, 1 fine."),
        ((BROKEN, BROKEN), 2, "broken", "2 broken, 0 fine."),
    ],
)
def test_gravest_finding_is_the_exit_status(doctor: Doctor, findings: tuple[Finding, ...], status: int, word: str, last: str) -> None:
    """The last line sums up; in JSON the state stands first."""
    doctor.findings = findings
    result = run()
    assert (result.exit_code, result.stdout.splitlines()[-1], result.stderr) == (status, last, "")
    result = run("--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["status"], len(document["findings"])) == (status, word, len(findings))


def test_finding_is_one_line_or_three(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fine is one line; else it is told what was seen, what that means and what to do, each broken at the terminal's width."""
    monkeypatch.setenv("COLUMNS", "60")
    doctor.findings = (FINE, WARNING, BROKEN)
    assert run().stdout.splitlines()[:-1] == [
        "fine     settings: Registries need much.",
        "warning  external URL: It is here.",
        "         Nobody comes.",
        "         Move it.",
        "broken   database: It is gone. And there is more to say of",
        "         it. And there is more to say of it. And there is",
        "         more to say of it.",
        "         Nothing works.",
        "         Bring it back.",
    ]


def test_json_has_every_part_of_a_finding(doctor: Doctor) -> None:
    """Programs get the parts by name, and null for what there is not."""
    doctor.findings = (FINE, WARNING)
    assert json.loads(run("--json").stdout)["findings"] == [
        {"check": "settings", "severity": "fine", "seen": "Registries need much.", "meaning": None, "remedy": None},
        {"check": "external URL", "severity": "warning", "seen": "It is here.", "meaning": "Nobody comes.", "remedy": "Move it."},
    ]


def test_commands_are_not_broken_at_the_end_of_a_line(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths and key ids stay whole, to be copied."""
    monkeypatch.setenv("COLUMNS", "40")
    path = "/a-directory/with-a-name/longer-than-the-terminal-is-wide/ca.pem"
    doctor.findings = (warning("key files", "Open.", "Bad.", f"Run `chmod 600 {path}`."),)
    assert f"         {path}`." in run().stdout.splitlines()


def test_options_become_questions(doctor: Doctor) -> None:
    """The log-in comes from standard input, and its secret is in no text."""
    options = ("--registry", "registry.example.com", "--bundle", "ca.crt", "--repository", "team/app")
    result = run(*options, "--username", "robot", "--password-stdin", stdin="s3cret\n")
    assert (doctor.questions.registry, doctor.questions.bundle) == ("registry.example.com", Path("ca.crt"))
    login = doctor.questions.login
    assert login is not None
    assert (login.username, login.secret.get_secret_value(), login.repository) == ("robot", "s3cret", "team/app")
    assert "s3cret" not in f"{doctor.questions}{result.output}"
    run()
    assert doctor.questions == Questions()


@pytest.mark.usefixtures("doctor")
def test_secret_is_asked_for_once_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no new one, which somebody could mistype."""
    asked: list[bool] = []

    def prompt(_text: str, *, confirmation_prompt: bool, **_options: object) -> str:
        asked.append(confirmation_prompt)
        return "s3cret"

    monkeypatch.setattr("sys.stdin", StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.prompt", prompt)
    login = command._login("registry.example.com", "robot", None, password_stdin=True)
    assert login is not None
    assert (login.secret.get_secret_value(), asked) == ("s3cret", [False])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--username", "robot"], "--username and --password-stdin go together."),
        (["--password-stdin"], "--username and --password-stdin go together."),
        (["--username", "robot", "--password-stdin"], "--username needs --registry URL"),
        (["--registry", "r", "--repository", "team/app"], "--repository needs --username"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str], sentence: str) -> None:
    """The refusal names the option that is missing."""
    assert sentence in usage_error("doctor", *arguments)


def test_no_secret_is_printed(environment: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither keys nor the server secret nor a password stand in what the real doctor says."""
    monkeypatch.setattr(examination, "examine_token_server", lambda *_: [])
    monkeypatch.setattr(command, "utc_now", lambda: NOW)
    shutil.copytree(template / KEYS_DIR, environment / KEYS_DIR)
    files = sorted((environment / KEYS_DIR / "private").glob("[!.]*"))
    result = run("--bundle", str(environment / KEYS_DIR / "private" / "ca.pem"))
    assert result.exit_code == Severity.WARNING
    lines = [line for file in files for line in file.read_text().splitlines() if not line.startswith("-----")]
    assert [line for line in lines if line in result.output] == []
