"""Whether the settings are usable, and say what their author meant."""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from urllib.parse import urlsplit

from registry_auth.doctor.addresses import host_of, is_loopback
from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.errors import ConfigurationError
from registry_auth.settings import PREFIX, Settings, load_settings

_NAMES = tuple(name.upper() for name in Settings.model_fields)

# A registry reads its whole configuration from REGISTRY_…, here the section `auth`; podman and skopeo have one variable of that beginning.
_FOREIGN_BEGINNINGS = ("TOKEN_AUTOREDIRECT", "TOKEN_SIGNINGALGORITHMS", "HTPASSWD_", "SILLY_")
_FOREIGN = frozenset({"FILE", "TOKEN_REALM", "TOKEN_SERVICE", "TOKEN_ISSUER", "TOKEN_ROOTCERTBUNDLE", "TOKEN_JWKS"})

_LEAST_LIFETIME = 300  # seconds, in which a large layer is uploaded


def examine_settings(*, all_on_this_machine: bool) -> tuple[Settings | None, list[Finding]]:
    """Look at the settings of the environment. Gives them, or None when they are unusable, and the findings.

    Where everything is on this machine, the registry too, clients need no more than its own addresses.
    """
    unknown = list(_of_unknown_variables(name for name, value in os.environ.items() if value))
    try:
        settings = load_settings()
    except ConfigurationError as error:
        return None, [*unknown, _unusable(error)]
    return settings, [
        *unknown,
        _meaning_for_registries(settings),
        *_of_external_url(settings, all_on_this_machine),
        *_of_lifetime(settings),
    ]


def _unusable(error: ConfigurationError) -> Finding:
    meaning = "The server and its commands do not start, and nothing further can be examined."
    return broken("settings", str(error), meaning, "Set the variable so, or take it away for its default.")


def _meaning_for_registries(settings: Settings) -> Finding:
    return fine("settings", f"Registries need realm {settings.realm}, service {settings.service} and issuer {settings.issuer}.")


def _of_unknown_variables(variables: Iterable[str]) -> Iterable[Finding]:
    for variable in sorted(variables):
        name = variable.upper().removeprefix(PREFIX)
        if variable.upper().startswith(PREFIX) and not _is_known(name):
            near = get_close_matches(name, _NAMES, 1)
            remedy = (
                f"If {PREFIX}{near[0]} is meant, rename it; else take it away." if near else "Take it away; the README lists the variables."
            )
            yield warning("settings", f"{variable} is set.", "There is no such setting, so it counts for nothing.", remedy)


def _is_known(name: str) -> bool:
    return name in _NAMES or name in _FOREIGN or name.startswith(_FOREIGN_BEGINNINGS)


def _of_external_url(settings: Settings, all_on_this_machine: bool) -> Iterable[Finding]:
    url = urlsplit(settings.external_url)
    is_local = is_loopback(host_of(url))
    seen = f"{PREFIX}EXTERNAL_URL is {settings.external_url}."
    if is_local and not all_on_this_machine:
        meaning = "Only this machine reaches it: clients elsewhere cannot log in."
        yield warning(
            "external URL", seen, meaning, "Set it to the https address at which clients reach this server, unless all of them are here."
        )
    elif not is_local and url.scheme == "http":
        meaning = "Secrets cross the network in the clear, and behind a registry with https some clients refuse the realm."
        yield warning("external URL", seen, meaning, "Put a proxy with TLS in front, and set the variable to its https address.")


def _of_lifetime(settings: Settings) -> Iterable[Finding]:
    if settings.token_lifetime < _LEAST_LIFETIME:
        yield warning(
            "token lifetime",
            f"{PREFIX}TOKEN_LIFETIME is {settings.token_lifetime} seconds.",
            "An upload that takes longer may end with `authentication required`, for its token has ended meanwhile.",
            f"Set it to {_LEAST_LIFETIME} or more; the default is {Settings.model_fields['token_lifetime'].default}.",
        )
