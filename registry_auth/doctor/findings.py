"""What the doctor finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How grave a finding is: the exit status of the command."""

    FINE = 0
    WARNING = 1
    BROKEN = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was seen, and unless it is fine what that means and what to do.

    `check` names what was looked at, in a word or two of the field that stay the same: `database`, `signing key`, `registry realm`.
    """

    check: str
    severity: Severity
    seen: str
    meaning: str | None = None
    remedy: str | None = None


def fine(check: str, seen: str) -> Finding:
    """Give a finding of something that is in order."""
    return Finding(check, Severity.FINE, seen)


def warning(check: str, seen: str, meaning: str, remedy: str) -> Finding:
    """Give a finding of something that works now, and may not for everybody or not for ever."""
    return Finding(check, Severity.WARNING, seen, meaning, remedy)


def broken(check: str, seen: str, meaning: str, remedy: str) -> Finding:
    """Give a finding of something that does not work."""
    return Finding(check, Severity.BROKEN, seen, meaning, remedy)


def worst(findings: Iterable[Finding]) -> Severity:
    """Give the gravest severity; without findings all is fine."""
    return max((finding.severity for finding in findings), default=Severity.FINE)
