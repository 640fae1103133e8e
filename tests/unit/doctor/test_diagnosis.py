"""Why a registry refuses a token, with registries that are no more than a rule. The real ones are in tests/e2e/test_doctor_registry.py."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import jwt
import pytest
from cryptography import x509
from urllib3 import HTTPHeaderDict

from registry_auth.doctor.diagnosis import why_refused
from registry_auth.doctor.findings import Finding, Severity
from registry_auth.doctor.probe_tokens import ProbeToken
from registry_auth.doctor.refusal import Refusal
from registry_auth.doctor.web import Response
from registry_auth.settings import Settings
from registry_auth.signing.certificates import KeyPair
from registry_auth.signing.key_ring import SigningKey, is_issued_by
from registry_auth.values import TokenHeader
from tests.unit.doctor.rings import KEY, NEXT_KEY, OLD_KEY, RING
from tests.unit.installation import NOW

VERSION_2, VERSION_3 = "application/json; charset=utf-8", "application/json"


@dataclass(frozen=True, slots=True)
class Rule:
    """A registry that accepts by a rule. What it says of tokens that it refuses goes by its version, `content_type`."""

    accepts: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] = lambda _header, _claims: False
    content_type: str = VERSION_2
    trusts: bool = False
    clock_skew: timedelta = timedelta()
    strips: bool = False

    def show(self, token: str) -> Response:
        """Answer a request with a token."""
        try:
            read = jwt.decode_complete(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            return self._refuse()
        if self.accepts(read["header"], read["payload"]):
            return Response(200, HTTPHeaderDict(), b"{}", NOW)
        return self._refuse(is_bare=self.trusts and not has_our_signature(token))

    def _refuse(self, *, is_bare: bool = False) -> Response:
        error = "" if is_bare or self.strips else ',error="invalid_token"'
        headers = {
            "Content-Type": self.content_type,
            "WWW-Authenticate": f'Bearer realm="r",service="s"{error}',
            "Date": format_datetime(NOW + self.clock_skew, usegmt=True),
        }
        return Response(401, HTTPHeaderDict(headers), b"", NOW)


def has_our_signature(token: str) -> bool:
    """Say whether the signature is right, by the key of now."""
    try:
        jwt.PyJWS().decode(token, KEY.public_key, [KEY.algorithm])
    except jwt.InvalidSignatureError:
        return False
    return True


def key(*keys: SigningKey) -> Callable[[Mapping[str, Any], Mapping[str, Any]], bool]:
    """Accept the tokens of these keys."""
    return lambda header, _claims: any(header["kid"] in key.ids for key in keys)


def issuer(name: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], bool]:
    """Accept the tokens of this issuer."""
    return lambda _header, claims: bool(claims["iss"] == name)


def time(now: datetime) -> Callable[[Mapping[str, Any], Mapping[str, Any]], bool]:
    """Accept the tokens that are valid then."""
    return lambda _header, claims: bool(claims["nbf"] <= now.timestamp() < claims["exp"])


def next_authority(header: Mapping[str, Any], _claims: Mapping[str, Any]) -> bool:
    """Accept the tokens of keys that the next CA certified."""
    assert RING.next_authority is not None
    certificate = x509.load_der_x509_certificate(b64decode(header["x5c"][0])) if "x5c" in header else None
    return certificate is not None and is_issued_by(KeyPair(KEY.pair.key, certificate), RING.next_authority.certificate)


def diagnosed(
    rule: Rule, header: TokenHeader = TokenHeader.X5C, audience: str = "container_registry", *, bundle_trusts_us: bool | None = None
) -> Finding:
    """Diagnose the refusal of a token of now."""
    token = ProbeToken(KEY, header, "registry-auth", audience, NOW)
    answer = rule.show(token.text())
    assert answer.status == 401
    return why_refused(Refusal(token, answer, rule.show, RING, Settings(), bundle_trusts_us))


@pytest.mark.parametrize(
    ("rule", "seen", "remedy"),
    [
        (Rule(strips=True), "answers a request with a token as one without", "pass on `Authorization`"),
        (Rule(time(NOW + timedelta(minutes=9)), clock_skew=timedelta(minutes=9)), "takes one of the time on its own clock", "NTP"),
        (Rule(time(NOW - timedelta(hours=5)), clock_skew=-timedelta(hours=5)), "takes one of the time on its own clock", "NTP"),
        (Rule(time(NOW - timedelta(hours=5))), "takes one that is valid for hours before and after", "NTP"),
        (Rule(key(OLD_KEY)), "takes those of an older one", "/keys/public/ca.crt as `rootcertbundle`, and restart it"),
        (Rule(key(NEXT_KEY)), "takes those of the next signing key", "`registry-auth keys activate`"),
        (Rule(next_authority), "takes those of the next CA", "`registry-auth keys activate`"),
        (Rule(issuer("gitlab-issuer")), "The registry's issuer is gitlab-issuer", "`issuer: registry-auth`"),
        (Rule(issuer("http://127.0.0.1:5001")), "The registry's issuer is http://127.0.0.1:5001", "REGISTRY_AUTH_ISSUER=http"),
        (Rule(content_type=VERSION_3, trusts=True), "though it trusts the key", "`issuer: registry-auth`"),
        (Rule(content_type=VERSION_3), "for it does not trust the key", "a copy of"),
        (Rule(), "does not tell why", "`--bundle`"),
    ],
)
def test_reason_is_found(rule: Rule, seen: str, remedy: str) -> None:
    """By showing the registry tokens that differ in one thing each; what is left is told apart by what it calls a bad token."""
    finding = diagnosed(rule)
    assert (finding.check, finding.severity) == ("registry token", Severity.BROKEN)
    assert seen in finding.seen
    assert remedy in str(finding.remedy)


@pytest.mark.parametrize(
    ("present", "accepted", "remedy"),
    [
        (TokenHeader.X5C, {"kid"}, "REGISTRY_AUTH_TOKEN_HEADER=rfc7638-kid, and restart both; or keep x5c, give the registry /"),
        (TokenHeader.LIBTRUST_KID, {"kid", "x5c"}, "REGISTRY_AUTH_TOKEN_HEADER=x5c, give the registry /"),
        (TokenHeader.RFC7638_KID, {"kid", "x5c"}, "or keep rfc7638-kid, give the registry /"),
    ],
)
def test_other_header_is_named(present: TokenHeader, accepted: set[str], remedy: str) -> None:
    """The setting to change is named, and the bundle to give the registry instead."""
    finding = diagnosed(Rule(lambda header, _claims: header.keys() - {"alg", "typ"} == accepted), present)
    assert f"refuses tokens with the header {present}, and takes them with" in finding.seen
    assert remedy in str(finding.remedy)


@pytest.mark.parametrize(
    ("content_type", "trusts_us", "seen"),
    [
        (VERSION_2, True, "though its bundle is right"),
        (VERSION_2, False, "for its bundle does not hold the certificate"),
        (VERSION_3, True, "for it does not trust the key, though its bundle is right"),
        (VERSION_3, False, "for it does not trust the key."),
    ],
)
def test_bundle_that_was_looked_into_decides(content_type: str, trusts_us: bool, seen: str) -> None:
    """Where the right file is in its place and the key is not trusted, the registry was not restarted."""
    assert seen in diagnosed(Rule(content_type=content_type), bundle_trusts_us=trusts_us).seen


def test_bad_token_without_any_challenge_has_arrived() -> None:
    """A registry that never calls a token bad, as zot, challenges only who brings none."""
    silent = Response(401, HTTPHeaderDict({"Content-Type": "application/json"}), b"", NOW)
    token = ProbeToken(KEY, TokenHeader.X5C, "registry-auth", "container_registry", NOW)
    bare = Rule(strips=True).show(token.text())
    finding = why_refused(Refusal(token, bare, lambda _token: silent, RING, Settings()))
    assert "as one without" not in finding.seen


def test_dependency_proxy_has_no_bundle() -> None:
    """It knows the keys of its server, so that has other settings."""
    assert "works with other keys" in str(diagnosed(Rule(), audience="dependency_proxy").meaning)


def test_tokens_that_are_shown_grant_nothing() -> None:
    """Whoever reads them cannot do anything with them, also not with those that live for a day."""
    granted = []

    def note(_header: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
        granted.append(claims["access"])
        return False

    diagnosed(Rule(note))
    assert len(granted) > 10
    assert not any(granted)
