"""What a realm answers to a client that asks it for a token."""

import pytest

from registry_auth.doctor.findings import Finding, Severity
from registry_auth.doctor.probe_tokens import ProbeToken
from registry_auth.doctor.realm_answer import Granted, examine_realm_answer
from registry_auth.settings import Settings
from registry_auth.signing.key_ring import KeyRing, SigningKey
from registry_auth.values import TokenHeader
from tests.unit.doctor.rings import FOREIGN_KEY, KEY, OLD_KEY, RING
from tests.unit.doctor.scripted_server import Reply, json_reply, scripted_server
from tests.unit.installation import NOW


def token(key: SigningKey = KEY, issuer: str = "registry-auth", header: TokenHeader = TokenHeader.X5C) -> str:
    """Sign a token."""
    return ProbeToken(key, header, issuer, "container_registry", NOW).text()


def refusal(status: int, message: object) -> Reply:
    """Give a refusal in the registry's form."""
    return json_reply({"errors": [{"code": "X", "message": message}]}, status)


def examined(reply: Reply, ring: KeyRing | None = RING) -> Finding:
    """Ask a realm that answers so."""
    with scripted_server(lambda _asked: reply) as server:
        finding = examine_realm_answer(f"{server.url}/jwt/auth", "container_registry", Settings(), ring, lambda: NOW)
        (asked,) = server.asked
    assert asked.path == "/jwt/auth?service=container_registry"
    assert "authorization" not in asked.headers
    return finding


@pytest.mark.parametrize(
    "reply",
    [
        json_reply({"token": token()}),
        json_reply({"access_token": token()}),
        json_reply({"token": token(OLD_KEY)}),
        json_reply({"token": token(header=TokenHeader.RFC7638_KID)}),
    ],
)
def test_our_token_is_known(reply: Reply) -> None:
    """It carries the id of one of our keys, in whatever spelling, and our issuer."""
    finding = examined(reply)
    assert (finding.check, finding.severity) == ("token request", Severity.FINE)
    assert finding.seen.endswith("/jwt/auth issues tokens.")


@pytest.mark.parametrize(
    ("reply", "seen", "meaning"),
    [
        (json_reply({"token": token(FOREIGN_KEY)}), "issues tokens with the key ", "none of the keys in REGISTRY_AUTH_KEYS_DIR"),
        (
            json_reply({"token": token(issuer="other")}),
            "issues tokens as other, and REGISTRY_AUTH_ISSUER is registry-auth.",
            "other settings",
        ),
        (json_reply({"token": "x"}), "answers 200.", "no token in the answer"),
        (json_reply({"token": 5}), "answers 200.", "no token in the answer"),
        (json_reply({}), "answers 200.", "no token in the answer"),
        (Reply(200, [("Content-Type", "text/html")], b"<html>"), "answers 200.", "no token in the answer"),
        (Reply(302, [("Location", "https://login.example.com/")]), "answers 302.", "leads to https://login.example.com/"),
        (refusal(401, "No."), "answers 401: No.", "The log-in is refused"),
        (refusal(404, "Unknown service."), "answers 404: Unknown service.", "no token endpoint at that address, or none for that service"),
        (refusal(403, "gldt-abcdefghijklmnop"), "answers 403: (secret)", "counts for nothing"),
        (refusal(429, "Wait."), "answers 429: Wait.", "Too many wrong secrets"),
        (refusal(503, 7), "answers 503.", "No client gets a token now."),
        (Reply(405), "answers 405.", "not this token server"),
    ],
)
def test_other_answers_have_their_sentence(reply: Reply, seen: str, meaning: str) -> None:
    """What the server says is handed on; and somebody else's token is not taken for ours."""
    finding = examined(reply)
    assert finding.severity is Severity.BROKEN
    assert seen in finding.seen
    assert meaning in str(finding.meaning)
    assert finding.remedy


def test_without_keys_any_key_will_do() -> None:
    """Where our keys cannot be read, only the issuer is compared."""
    assert examined(json_reply({"token": token(FOREIGN_KEY)}), None).severity is Severity.FINE


def test_query_of_the_realm_stays() -> None:
    """A realm may have a query of its own."""
    with scripted_server(lambda _asked: json_reply({"token": token()})) as server:
        examine_realm_answer(f"{server.url}/jwt/auth?tenant=1", "s", Settings(), RING, lambda: NOW)
    assert server.asked[0].path == "/jwt/auth?tenant=1&service=s"


@pytest.mark.parametrize(
    ("access", "actions"),
    [
        ([{"type": "repository", "name": "a", "actions": ["pull"]}, {"type": "repository", "name": "b", "actions": ["push"]}], ("pull",)),
        ([{"name": "a", "actions": None}, {"name": "a"}, "a", None], ()),
        (None, ()),
        ("a", ()),
    ],
)
def test_grant_is_read(access: object, actions: tuple[str, ...]) -> None:
    """What is not of the form of the claim `access` grants nothing."""
    assert Granted("", {}, {"access": access}).actions("a") == actions
