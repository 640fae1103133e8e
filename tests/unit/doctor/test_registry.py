"""The whole look at a registry, with registries and proxies that are broken in ways that no real one is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import jwt
import pytest

from registry_auth.doctor.findings import Finding, Severity
from registry_auth.doctor.registry import examine_registry
from registry_auth.settings import Settings
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader
from tests.unit.doctor.rings import FOREIGN_KEY, KEY, NEXT_KEY, RING
from tests.unit.doctor.scripted_server import Asked, Reply, challenge, json_reply, scripted_server
from tests.unit.installation import NOW

if TYPE_CHECKING:
    from jwt.types import Options

Script = Callable[[Asked], Reply]

UNVERIFIED: "Options" = {"verify_signature": False}
IN_USE = replace(RING, next_authority=None, next_signing_key=None)
TOKEN = json_reply({"token": KEY.token({"iss": "registry-auth"}, TokenHeader.X5C)})
ENTERED = json_reply({})
BAD = challenge('realm="r",error="invalid_token"')


def accept(_asked: Asked) -> Reply:
    """Take every token."""
    return ENTERED


def accept_the_present_certificate(asked: Asked) -> Reply:
    """Take the tokens of the key that signs now alone."""
    header = KEY.token({}, TokenHeader.X5C).partition(".")[0]
    return ENTERED if header in asked.headers["authorization"] else BAD


def examined(
    at_registry: Script, ring: KeyRing | None = IN_USE, service: str = "container_registry", header: TokenHeader = TokenHeader.X5C
) -> Mapping[str, Finding]:
    """Examine a registry that answers so to requests with a token; give the gravest finding of each check."""

    def script(asked: Asked) -> Reply:
        if asked.path.startswith("/jwt/auth?"):
            return TOKEN if asked.path.endswith("=container_registry" if service == "other" else f"={service}") else Reply(404)
        if "authorization" in asked.headers:
            return at_registry(asked)
        return challenge(f'realm="http://{asked.headers["host"]}/jwt/auth",service="{service}"')

    with scripted_server(script) as server:
        findings = examine_registry(server.url, Settings(external_url=server.url, token_header=header), ring, lambda: NOW)
    return {finding.check: finding for finding in sorted(findings, key=lambda finding: finding.severity)}


def test_healthy_registry_is_fine() -> None:
    """One line for each thing that was looked at."""
    findings = examined(accept)
    assert set(findings) == {"registry", "registry realm", "registry service", "token request", "registry token", "header size"}
    assert not any(finding.severity for finding in findings.values())


def test_no_token_is_shown_without_keys() -> None:
    """What the registry says is judged all the same."""
    assert set(examined(accept, None)) == {"registry", "registry realm", "registry service", "token request"}


def test_no_token_is_shown_while_none_can_be_signed() -> None:
    """The keys' own check says why."""
    assert "registry token" not in examined(accept, replace(IN_USE, signing_keys=()))


@pytest.mark.parametrize(
    ("answer", "severity", "seen"),
    [
        (lambda _asked: Reply(502), Severity.BROKEN, "A request with a token is answered 502."),
        (lambda _asked: Reply(404), Severity.BROKEN, "A request with a token is answered 404."),
        (lambda _asked: Reply(403), Severity.BROKEN, "A request with a token is answered 403."),
        (lambda _asked: BAD, Severity.BROKEN, "does not trust the key"),
        (lambda _asked: challenge('realm="r",error="insufficient_scope"'), Severity.FINE, "It takes tokens of this installation (x5c)."),
    ],
)
def test_token_is_judged(answer: Script, severity: Severity, seen: str) -> None:
    """A refusal is a 401 that does not only say that the token grants too little; everything else is a failure."""
    finding = examined(answer)["registry token"]
    assert finding.severity is severity
    assert seen in finding.seen


@pytest.mark.parametrize("status", [400, 401, 413, 414, 431, 494, 502])
def test_large_header_that_does_not_arrive(status: int) -> None:
    """A proxy in front takes no long tokens: short ones work, so it is a warning."""
    findings = examined(lambda asked: ENTERED if len(asked.headers["authorization"]) < 16_000 else Reply(status))
    assert findings["registry token"].severity is Severity.FINE
    assert (findings["header size"].severity, findings["header size"].seen) == (
        Severity.WARNING,
        f"A token of 17 KiB is answered {status}.",
    )
    assert "large_client_header_buffers" in str(findings["header size"].remedy)


@pytest.mark.parametrize("name", ["next signing key", "next CA"])
def test_what_comes_next_is_tried(name: str) -> None:
    """A registry that does not know it yet is to be restarted before it is activated."""
    assert "run `registry-auth keys activate`" in examined(accept, RING)[name].seen
    finding = examined(accept_the_present_certificate, RING)[name]
    assert (finding.severity, finding.seen) == (Severity.WARNING, f"It does not take tokens of the {name} yet.")
    assert "restart it, then run `registry-auth keys activate`" in str(finding.remedy)


@pytest.mark.parametrize("header", [TokenHeader.LIBTRUST_KID, TokenHeader.RFC7638_KID])
def test_ca_counts_for_nothing_where_tokens_carry_no_certificate(header: TokenHeader) -> None:
    """Registries then know signing certificates one by one, so neither the next CA nor what the CA may issue one day is tried."""
    known = {KEY.token({}, header).partition(".")[0], NEXT_KEY.token({}, header).partition(".")[0]}

    def accept_the_published(asked: Asked) -> Reply:
        return ENTERED if asked.headers["authorization"].removeprefix("Bearer ").partition(".")[0] in known else BAD

    findings = examined(accept_the_published, RING, header=header)
    assert "next CA" not in findings
    assert not any(finding.severity for finding in findings.values())


def test_certificate_in_place_of_the_ca_is_noticed() -> None:
    """It works until the signing certificate is renewed."""
    finding = examined(accept_the_present_certificate)["registry token"]
    assert finding.severity is Severity.WARNING
    assert "none that the CA issues after it" in finding.seen
    assert "2026-08-30" in str(finding.meaning)


def test_dependency_proxy_is_not_asked_for_keys_to_come() -> None:
    """It knows our keys without being told, and no others."""
    findings = examined(accept_the_present_certificate, RING, "dependency_proxy")
    assert not any(finding.severity for finding in findings.values())


def test_other_service_hides_nothing_else() -> None:
    """The token is made for the service that the registry names, so that what else is wrong shows too."""

    def accept_its_own(asked: Asked) -> Reply:
        return ENTERED if jwt.decode(asked.headers["authorization"][7:], options=UNVERIFIED)["aud"] == "other" else BAD

    findings = examined(accept_its_own, service="other")
    assert findings["token request"].severity is Severity.FINE
    assert findings["registry service"].severity is Severity.BROKEN
    assert findings["registry token"].severity is Severity.FINE


def test_foreign_token_server_behind_the_realm_is_noticed() -> None:
    """Keys that are not those of the answer at the realm."""
    assert examined(accept, replace(IN_USE, signing_keys=(FOREIGN_KEY,)))["token request"].severity is Severity.BROKEN


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("ftp://registry", "The address of the registry is neither"),
        ("http://registry.invalid", "The name of registry.invalid is not found."),
        ("127.0.0.1:1", "127.0.0.1:1 cannot be connected to (Connection refused)."),
    ],
)
def test_without_a_registry_there_is_one_finding(address: str, seen: str) -> None:
    """Nothing that rests on it follows."""
    (finding,) = examine_registry(address, Settings(), RING, lambda: NOW)
    assert (finding.check, finding.severity) == ("registry", Severity.BROKEN)
    assert seen in finding.seen
    assert finding.remedy


def test_registry_that_ends_meanwhile_is_reported() -> None:
    """What was seen until then stays."""
    findings = examined(lambda _asked: Reply(status=200, headers=[("Content-Length", "5")], body=b"x"))
    assert "ends the connection" in findings["registry"].seen
    assert "registry realm" in findings


def test_challenge_without_a_realm() -> None:
    """It leads nowhere, and nobody is asked for a token."""
    with scripted_server(lambda _asked: challenge('service="container_registry"')) as server:
        findings = examine_registry(server.url, Settings(), None, lambda: NOW)
    assert [finding.check for finding in findings] == ["registry", "registry realm", "registry service"]
    assert findings[1].seen == "The registry names no realm."
