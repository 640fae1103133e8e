"""`registry-auth doctor`."""

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from registry_auth.cli.output import print_json
from registry_auth.cli.passwords import read_password
from registry_auth.doctor.examination import Questions, examine
from registry_auth.doctor.findings import Finding, Severity, worst
from registry_auth.doctor.registry import Login
from registry_auth.services import utc_now

_INDENT = " " * 9  # as wide as the longest word for a severity, and two
_LONGEST_LINE = 120


@click.command()
@click.option("--registry", metavar="URL", help="Look at this registry too, as a client would: https://registry.example.com, or HOST:PORT.")
@click.option("--bundle", type=click.Path(path_type=Path), metavar="FILE", help="A registry's rootcertbundle, or a copy, to look into.")
@click.option("--username", metavar="NAME", help="With --registry: log in there as this user or deploy token.")
@click.option("--password-stdin", is_flag=True, help="Read the password or secret for it from standard input, one line.")
@click.option("--repository", metavar="PATH", help="With --username: ask for the right to pull this repository.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def doctor(
    context: click.Context,
    registry: str | None,
    bundle: Path | None,
    username: str | None,
    password_stdin: bool,
    repository: str | None,
    as_json: bool,
) -> None:
    """Look at this installation as a client would, and say what is wrong and what to change. It changes nothing itself.

    Run it where the server runs, with the server's settings. Exit status 0: all is fine; 1: warnings; 2: something is broken.
    """
    login = _login(registry, username, repository, password_stdin=password_stdin)
    findings = []
    for finding in examine(Questions(registry, login, bundle), utc_now):
        findings.append(finding)
        if not as_json:
            _print(finding)
    _print_document(findings) if as_json else _print_sum(findings)
    context.exit(worst(findings))


def _login(registry: str | None, username: str | None, repository: str | None, *, password_stdin: bool) -> Login | None:
    """Give what to log in with, or None. Raises UsageError for options that do not go together."""
    if (username is not None) != password_stdin:
        raise click.UsageError("--username and --password-stdin go together.")
    if username is None:
        if repository is not None:
            raise click.UsageError("--repository needs --username NAME and --password-stdin.")
        return None
    if registry is None:
        raise click.UsageError("--username needs --registry URL, where to log in.")
    return Login(username, read_password(is_new=False), repository)


def _print(finding: Finding) -> None:
    """Print one line for what is fine, and else what was seen, what it means and what to do in a line each, as far as they fit."""
    width = min(shutil.get_terminal_size().columns, _LONGEST_LINE)
    heading = f"{finding.severity.name.lower():<{len(_INDENT)}}{finding.check}: {finding.seen}"
    click.echo(_wrapped(heading, "", width))
    for text in (finding.meaning, finding.remedy):
        if text is not None:
            click.echo(_wrapped(text, _INDENT, width))


def _wrapped(text: str, indent: str, width: int) -> str:
    """Break at spaces alone: paths, key ids and commands are for copying."""
    lines = textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
    return "\n".join(lines)


def _print_sum(findings: Iterable[Finding]) -> None:
    counts = Counter(finding.severity for finding in findings)
    graver = [
        _count(counts[severity], word)
        for severity, word in ((Severity.BROKEN, "broken"), (Severity.WARNING, "warnings"))
        if counts[severity]
    ]
    fine = f"{counts[Severity.FINE]} fine"
    click.echo(f"{', '.join([*graver, fine])}." if graver else "All is fine.")


def _count(number: int, word: str) -> str:
    return f"{number} {word.removesuffix('s') if number == 1 else word}"


def _print_document(findings: Sequence[Finding]) -> None:
    """Print the form that programs read: lower-case words for severities, null where there is nothing to say."""
    print_json(
        {
            "status": worst(findings).name.lower(),
            "findings": [
                {
                    "check": finding.check,
                    "severity": finding.severity.name.lower(),
                    "seen": finding.seen,
                    "meaning": finding.meaning,
                    "remedy": finding.remedy,
                }
                for finding in findings
            ],
        }
    )
