"""What a client meets at the address of the token server."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from registry_auth.doctor.addresses import shown
from registry_auth.doctor.clocks import examine_clock
from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.doctor.unreachable import UnreachableError
from registry_auth.doctor.web import Response, fetch
from registry_auth.settings import PREFIX, Settings
from registry_auth.signing.key_ring import KeyRing
from registry_auth.signing.key_warnings import key_warnings

_CHECK, _KEYS = "token server", "token server keys"
_OK, _UNAVAILABLE = 200, 503
_SAYS_SO = "The token server says so of itself."


def examine_token_server(settings: Settings, ring: KeyRing | None, clock: Callable[[], datetime]) -> list[Finding]:
    """Look at what answers at EXTERNAL_URL: a token server that is ready, this installation's, with the time of this machine.

    `ring` is None where the keys cannot be read; whose server it is cannot be told then. Raises nothing: what fails is a finding.
    """
    findings: list[Finding] = []
    try:
        readiness = fetch(f"{settings.external_url}/-/readiness", clock)
        findings.extend(_of_readiness(readiness, settings))
        if _is_ours(readiness):
            findings.extend(_of_warnings(readiness, settings, ring, clock()))
            findings.extend(examine_clock("token server clock", "The token server's clock", readiness))
            findings.extend(_of_keys(settings, ring, clock))
    except UnreachableError as error:
        meaning = f"Clients are sent to {PREFIX}EXTERNAL_URL, and those that come from here get no token."
        findings.append(broken(_CHECK, str(error), meaning, f"{error.remedy} Or set {PREFIX}EXTERNAL_URL to where this server is."))
    return findings


def _is_ours(readiness: Response) -> bool:
    """Say whether it is a token server of this kind that answers."""
    return readiness.status in {_OK, _UNAVAILABLE} and isinstance(_checks(readiness), dict)


def _checks(readiness: Response) -> Any:
    return (readiness.document or {}).get("checks")


def _of_readiness(readiness: Response, settings: Settings) -> Iterator[Finding]:
    if not _is_ours(readiness):
        yield _something_else(readiness, settings)
    elif readiness.status == _UNAVAILABLE:
        yield _not_ready(readiness, settings)
    else:
        yield fine(_CHECK, f"{settings.external_url} answers, and is ready.")


def _of_warnings(readiness: Response, settings: Settings, ring: KeyRing | None, now: datetime) -> Iterator[Finding]:
    """Hand on what the server warns of, but for what the keys here tell as well."""
    known = () if ring is None else key_warnings(ring, now, settings.token_header)
    match readiness.document:
        case {"warnings": [*sentences]}:
            told = [sentence for sentence in map(str, sentences) if sentence not in known]
            yield from (warning(_CHECK, shown(sentence), _SAYS_SO, "See to it before it fails; its log says more.") for sentence in told)


def _something_else(readiness: Response, settings: Settings) -> Finding:
    return broken(
        _CHECK,
        f"{settings.external_url}/-/readiness answers {readiness.status}, as no token server does.",
        "Something else listens there, a proxy does not reach the server, or it passes on other paths only.",
        f"Mend the proxy, or set {PREFIX}EXTERNAL_URL to where this server is.",
    )


def _not_ready(readiness: Response, settings: Settings) -> Finding:
    failed = ", ".join(shown(str(name)).replace("_", " ") for name, word in _checks(readiness).items() if word != "ok")
    return broken(
        _CHECK,
        f"{settings.external_url} is not ready: {failed or 'no reason given'}.",
        "It answers 503 to clients.",
        "Its log names the reason; what is said of the database and the keys here may be it.",
    )


def _of_keys(settings: Settings, ring: KeyRing | None, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Compare the keys that the server publishes with those in the key directory."""
    if ring is None:
        return
    published = _key_ids(fetch(f"{settings.external_url}/.well-known/jwks.json", clock).document)
    if any(published.intersection(key.ids) for key in ring.signing_keys):
        yield fine(_KEYS, f"It has the keys in {PREFIX}KEYS_DIR.")
        return
    yield broken(
        _KEYS,
        f"The server at {settings.external_url} publishes none of the keys in {PREFIX}KEYS_DIR.",
        "It is another installation, or was started with another key directory: what else is said here may not be true of it.",
        f"Run the doctor with the settings of the server; or set {PREFIX}EXTERNAL_URL to where this server is.",
    )


def _key_ids(key_set: Mapping[str, Any] | None) -> frozenset[str]:
    match key_set:
        case {"keys": [*keys]}:
            return frozenset(kid for key in keys if isinstance(key, dict) and isinstance(kid := key.get("kid"), str))
    return frozenset()
