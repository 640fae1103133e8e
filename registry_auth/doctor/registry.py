"""What a client meets at a registry: its challenge, and whether it takes our tokens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from registry_auth.doctor.addresses import candidate_urls, split_url
from registry_auth.doctor.challenge import Challenge
from registry_auth.doctor.clocks import examine_clock
from registry_auth.doctor.findings import Finding, broken, fine
from registry_auth.doctor.login import Login, examine_login
from registry_auth.doctor.realm import examine_realm, examine_service, known_services
from registry_auth.doctor.realm_answer import examine_realm_answer
from registry_auth.doctor.registry_answer import CHECK, why_no_token_is_asked
from registry_auth.doctor.registry_door import RegistryDoor, challenge_of
from registry_auth.doctor.registry_token import examine_token
from registry_auth.doctor.unreachable import UnreachableError
from registry_auth.doctor.web import Response
from registry_auth.errors import InvalidValueError
from registry_auth.settings import Settings
from registry_auth.signing.key_ring import KeyRing

__all__ = ["Login", "examine_registry"]


@dataclass(frozen=True, slots=True)
class _Visit:
    """A registry that asked for a token, and who looks at it."""

    door: RegistryDoor
    answer: Response
    challenge: Challenge
    settings: Settings
    ring: KeyRing | None

    @property
    def realm(self) -> str:
        return self.challenge.realm or ""

    @property
    def service(self) -> str:
        """The one that the registry names, if it is ours."""
        named = self.challenge.service
        return named if named in known_services(self.settings) else self.settings.service


def examine_registry(
    address: str,
    settings: Settings,
    ring: KeyRing | None,
    clock: Callable[[], datetime],
    *,
    login: Login | None = None,
    bundle_trusts_us: bool | None = None,
) -> list[Finding]:
    """Look at a registry as a client would; give a finding for each thing that was looked at, in the order of looking.

    `address` is a URL or `host:port`. `ring` is None where the keys cannot be read: then no token is shown. `clock` gives the time, UTC.
    `bundle_trusts_us` says what the registry's bundle is known to hold: a certificate by which it trusts the key that signs now, or none;
    None where nobody knows. Raises nothing: what fails is a finding.
    """
    findings: list[Finding] = []
    try:
        door, answer = _opened(address, clock)
        challenge = challenge_of(answer)
        if challenge is None or not challenge.is_bearer:
            return [why_no_token_is_asked(answer, door.url, settings)]
        visit = _Visit(door, answer, challenge, settings, ring)
        for look in (_looks(visit), _tokens(visit, bundle_trusts_us), _log_in(visit, login)):
            findings.extend(look)
    except InvalidValueError as error:
        findings.append(
            broken(CHECK, str(error), "There is no registry to look at.", "Give it as clients do, for example registry.example.com.")
        )
    except UnreachableError as error:
        findings.append(broken(CHECK, str(error), "Clients that come from here do not reach the registry.", error.remedy))
    return findings


def _opened(address: str, clock: Callable[[], datetime]) -> tuple[RegistryDoor, Response]:
    """Find the registry. Raises InvalidValueError, and UnreachableError for the last URL at which it may be."""
    *others, last = (RegistryDoor(url, clock) for url in candidate_urls(address))
    for door in others:
        try:
            return door, door.enter()
        except UnreachableError:
            continue
    return last, last.enter()


def _looks(visit: _Visit) -> Iterator[Finding]:
    """Look at what the registry says, and at where it sends clients."""
    yield fine(CHECK, f"{visit.door.url}/v2/ asks for a token.")
    yield from examine_realm(visit.challenge.realm, visit.door.url, visit.settings)
    yield examine_service(visit.challenge.service, visit.settings)
    yield from examine_clock("registry clock", "The registry's clock", visit.answer)
    if split_url(visit.realm) is not None:
        yield examine_realm_answer(visit.realm, visit.service, visit.settings, visit.ring, visit.door.clock)


def _tokens(visit: _Visit, bundle_trusts_us: bool | None) -> Iterator[Finding]:
    """Show the registry tokens for the service that it names, so that another name for it hides nothing else."""
    if visit.ring is not None:
        audience = visit.challenge.service or visit.service
        now = visit.door.clock()
        yield from examine_token(visit.door, audience, visit.settings, visit.ring, now, bundle_trusts_us=bundle_trusts_us)


def _log_in(visit: _Visit, login: Login | None) -> Iterator[Finding]:
    if login is not None:
        yield from examine_login(login, visit.realm, visit.service, visit.settings, visit.door)
