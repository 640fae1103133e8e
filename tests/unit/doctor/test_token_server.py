"""What answers at the address of the token server."""

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from registry_auth.doctor.findings import Finding, Severity
from registry_auth.doctor.token_server import examine_token_server
from registry_auth.settings import Settings
from registry_auth.signing.certificates import CA_LIFETIME
from registry_auth.signing.jwks import key_set
from registry_auth.signing.key_ring import KeyRing
from registry_auth.signing.key_warnings import key_warnings
from registry_auth.values import TokenHeader
from tests.unit.doctor.rings import AUTHORITY, FOREIGN_KEY, KEY, RING
from tests.unit.doctor.scripted_server import Asked, Reply, json_reply, scripted_server
from tests.unit.installation import NOW

CHECKS = {"database": "ok", "key_ring": "ok"}
READY = json_reply({"status": "ok", "checks": CHECKS, "warnings": []})
PUBLISHED = Reply(body=key_set([KEY.public_key]))


def examined(readiness: Reply, keys: Reply = PUBLISHED, ring: KeyRing | None = RING) -> list[Finding]:
    """Examine a server that answers so."""

    def script(asked: Asked) -> Reply:
        return {"/auth/-/readiness": readiness, "/auth/.well-known/jwks.json": keys}.get(asked.path, Reply(404))

    with scripted_server(script) as server:
        return examine_token_server(Settings(external_url=f"{server.url}/auth"), ring, lambda: NOW)


def test_healthy_server_is_fine() -> None:
    """It is ready, has our keys and our time."""
    dated = replace(READY, headers=[*READY.headers, ("Date", format_datetime(NOW, usegmt=True))])
    findings = examined(dated)
    assert [(finding.check, finding.severity) for finding in findings] == [
        ("token server", Severity.FINE),
        ("token server clock", Severity.FINE),
        ("token server keys", Severity.FINE),
    ]
    assert findings[0].seen.endswith("/auth answers, and is ready.")


@pytest.mark.parametrize(
    ("readiness", "severity", "seen"),
    [
        (
            json_reply({"status": "failed", "checks": {"database": "failed", "key_ring": "failed", "other": "ok"}}, 503),
            Severity.BROKEN,
            "is not ready: database, key ring.",
        ),
        (json_reply({"checks": CHECKS, "warnings": ["The disk is full."]}), Severity.WARNING, "The disk is full."),
        (json_reply({"checks": CHECKS, "warnings": "none"}), Severity.FINE, "is ready."),
        (json_reply({"status": "ok"}), Severity.BROKEN, "/-/readiness answers 200, as no token server does."),
        (json_reply(["ok"]), Severity.BROKEN, "/-/readiness answers 200, as no token server does."),
        (Reply(200, [("Content-Type", "text/html")], b"<html>"), Severity.BROKEN, "/-/readiness answers 200, as no token server does."),
        (Reply(404), Severity.BROKEN, "/-/readiness answers 404, as no token server does."),
        (Reply(502), Severity.BROKEN, "/-/readiness answers 502, as no token server does."),
        (
            replace(READY, headers=[("Date", format_datetime(NOW + timedelta(minutes=5), usegmt=True))]),
            Severity.WARNING,
            "The token server's clock is 5 minutes ahead of this machine's.",
        ),
    ],
)
def test_what_it_says_of_itself(readiness: Reply, severity: Severity, seen: str) -> None:
    """Readiness, warnings and time; and something else at that address is noticed."""
    finding = max(examined(readiness), key=lambda finding: finding.severity)
    assert finding.severity is severity
    assert any(seen in each.seen for each in examined(readiness))


@pytest.mark.parametrize(
    ("keys", "severity"),
    [
        (PUBLISHED, Severity.FINE),
        (Reply(body=key_set([FOREIGN_KEY.public_key, KEY.public_key])), Severity.FINE),
        (Reply(body=key_set([FOREIGN_KEY.public_key])), Severity.BROKEN),
        (json_reply({"keys": []}), Severity.BROKEN),
        (json_reply({"keys": [{"kid": ["x"]}, {"kid": None}, 5]}), Severity.BROKEN),
        (json_reply({"keys": "none"}), Severity.BROKEN),
        (Reply(404), Severity.BROKEN),
    ],
)
def test_installation_is_known_by_its_keys(keys: Reply, severity: Severity) -> None:
    """A server that publishes none of ours is another one."""
    assert examined(READY, keys)[-1].severity is severity


def test_keys_that_cannot_be_read_are_not_compared() -> None:
    """Whose server it is cannot be told then."""
    assert [finding.check for finding in examined(READY, ring=None)] == ["token server"]


def test_warning_that_the_keys_tell_too_is_not_repeated() -> None:
    """The server warns of the same keys as the doctor does."""
    end = NOW + CA_LIFETIME - timedelta(days=10)
    ring = KeyRing(AUTHORITY, (KEY,), ())
    known = key_warnings(ring, end, TokenHeader.X5C)
    assert known
    with scripted_server(lambda _asked: json_reply({"checks": CHECKS, "warnings": [*known, "Another."]})) as server:
        findings = examine_token_server(Settings(external_url=server.url), ring, lambda: end)
    assert [finding.seen for finding in findings if finding.severity is Severity.WARNING] == ["Another."]


def test_nobody_there() -> None:
    """The cause is named, and the setting that may be wrong."""
    with scripted_server(lambda _asked: READY) as server:
        pass
    (finding,) = examine_token_server(Settings(external_url=server.url), RING, lambda: NOW)
    assert (finding.check, finding.severity) == ("token server", Severity.BROKEN)
    assert "cannot be connected to (Connection refused)" in finding.seen
    assert "REGISTRY_AUTH_EXTERNAL_URL" in str(finding.remedy)
