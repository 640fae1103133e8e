"""What a registry answers to somebody who brings nothing."""

import pytest
from urllib3 import HTTPHeaderDict

from registry_auth.doctor.findings import Severity
from registry_auth.doctor.registry_answer import why_no_token_is_asked
from registry_auth.doctor.web import Response
from registry_auth.settings import Settings
from tests.unit.installation import NOW

URL = "https://registry.example.com"
VERSION = ("Docker-Distribution-Api-Version", "registry/2.0")


@pytest.mark.parametrize(
    ("status", "headers", "body", "seen", "remedy"),
    [
        (200, [VERSION], b"{}", "answers without asking for a token.", "Set `auth.token` in its configuration"),
        (200, [], b"{}", "answers without asking for a token.", "Set `auth.token` in its configuration"),
        (200, [("Content-Type", "text/html")], b"<html>", "answers 200 (text/html), as no registry does.", "Mend host and port"),
        (404, [], b"", "answers 404 (no type), as no registry does.", "Mend host and port"),
        (403, [("Content-Type", "text/html")], b"", "answers 403 (text/html), as no registry does.", "Mend host and port"),
        (401, [VERSION, ("WWW-Authenticate", 'Basic realm="r"')], b"", "asks for Basic credentials instead of a token.", "auth.htpasswd"),
        (401, [VERSION], b"", "answers 401 without a challenge.", "`WWW-Authenticate`"),
        (
            301,
            [("Location", "https://other.example.com/v2/")],
            b"",
            "answers 301 and leads to https://other.example.com/v2/.",
            "Give clients",
        ),
        (302, [("Location", "\x1b[2J")], b"", "answers 302 and leads to ?[2J.", "Give clients"),
        (502, [("Content-Type", "text/html")], b"", "answers 502.", "See in the log of the registry"),
    ],
)
def test_every_other_answer_has_its_sentence(status: int, headers: list[tuple[str, str]], body: bytes, seen: str, remedy: str) -> None:
    """All of them are broken: clients do not come to this server by them."""
    finding = why_no_token_is_asked(Response(status, HTTPHeaderDict(headers), body, NOW), URL, Settings())
    assert (finding.check, finding.severity, finding.seen) == ("registry", Severity.BROKEN, f"{URL}/v2/ {seen}")
    assert remedy in str(finding.remedy)
