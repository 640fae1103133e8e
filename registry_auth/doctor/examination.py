"""All that the doctor looks at, in the order in which one thing rests on the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from registry_auth.doctor.addresses import candidate_urls, host_of, is_loopback, split_url
from registry_auth.doctor.bundle import examine_bundle
from registry_auth.doctor.database import examine_database
from registry_auth.doctor.findings import Finding, Severity, broken
from registry_auth.doctor.keys import examine_keys
from registry_auth.doctor.registry import Login, examine_registry
from registry_auth.doctor.settings import examine_settings
from registry_auth.doctor.token_server import examine_token_server
from registry_auth.errors import InvalidValueError, RegistryAuthError
from registry_auth.services import key_directory
from registry_auth.settings import Settings

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Questions:
    """What somebody wants to know besides the state of the installation itself.

    `registry` is the address of one, `bundle` a copy of the file that it has as `rootcertbundle`.
    """

    registry: str | None = None
    login: Login | None = None
    bundle: Path | None = None


def examine(questions: Questions, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Look at everything, and give each finding when it is made. `clock` gives the time, UTC. Raises nothing: what fails is a finding."""
    settings, findings = examine_settings(all_on_this_machine=_is_on_this_machine(questions.registry))
    yield from findings
    if settings is not None:
        yield from _examine_with(settings, questions, clock)


def _examine_with(settings: Settings, questions: Questions, clock: Callable[[], datetime]) -> Iterator[Finding]:
    keys, lifetime = key_directory(settings), timedelta(seconds=settings.token_lifetime)
    ring, findings = _tried("key directory", lambda: examine_keys(keys, clock(), lifetime), None)
    yield from findings
    secrets = () if ring is None else ring.secrets_in_use(clock())
    yield from _tried_alone("database", lambda: examine_database(settings, secrets, clock()))
    said = tuple(finding.seen for finding in findings if finding.severity is Severity.WARNING)
    of_server = _tried_alone("token server", lambda: examine_token_server(settings, ring, clock))
    yield from (finding for finding in of_server if not finding.seen.startswith(said))  # the server warns of its keys too
    trusts_us = None
    if (bundle := questions.bundle) is not None:
        trusts_us, findings = _tried("registry bundle", lambda: examine_bundle(bundle, keys, ring, clock(), lifetime), None)
        yield from findings
    if (registry := questions.registry) is not None:
        login = questions.login
        yield from _tried_alone(
            "registry", lambda: examine_registry(registry, settings, ring, clock, login=login, bundle_trusts_us=trusts_us)
        )


def _tried(check: str, look: Callable[[], tuple[Result, list[Finding]]], otherwise: Result) -> tuple[Result, list[Finding]]:
    """Give what comes of a look; where that fails, a finding on it, so that the next can be had."""
    try:
        return look()
    except (RegistryAuthError, OSError) as error:
        meaning = "This could not be examined to its end."
        return otherwise, [broken(check, str(error), meaning, "Mend that, and run this again.")]


def _tried_alone(check: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    return _tried(check, lambda: (None, look()), None)[1]


def _is_on_this_machine(registry: str | None) -> bool:
    try:
        parts = split_url(candidate_urls(registry)[0]) if registry is not None else None
    except InvalidValueError:
        return False
    return parts is not None and is_loopback(host_of(parts))
