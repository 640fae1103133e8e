"""What clients make of the realm and the service that a registry's challenge names."""

from collections.abc import Iterator
from urllib.parse import SplitResult

from registry_auth.doctor.addresses import (
    are_of_other_domains,
    host_of,
    ip_of,
    is_loopback,
    is_private,
    origin_of,
    shown,
    shown_url,
    split_url,
)
from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.settings import CACHE_SERVICE, PREFIX, STORE_SERVICE, Settings

_REALM, _SERVICE = "registry realm", "registry service"


def examine_realm(realm: str | None, registry_url: str, settings: Settings) -> list[Finding]:
    """Judge the realm of the registry at this URL, by its text alone: whether it is ours, and whether all clients will follow it."""
    to, registry = split_url(realm or ""), split_url(registry_url)
    if realm is None or to is None or registry is None:
        return [_no_address(realm, settings)]
    return [*_of_other_address(realm, to, registry, settings), *_of_form(realm, to, registry)] or [
        fine(_REALM, f"The registry sends clients to {shown_url(realm)}.")
    ]


def examine_service(service: str | None, settings: Settings) -> Finding:
    """Judge the service that the registry asks tokens for: whether we issue any for it."""
    if service in known_services(settings):
        return _lower_case_service(service) if service != service.lower() else fine(_SERVICE, f"Its service is {service}.")
    if service == settings.dependency_proxy_service:
        return broken(
            _SERVICE,
            f"Its service is {service}, and the dependency proxy is switched off.",
            "Every request for a token is answered 404.",
            f"Set {PREFIX}DEPENDENCY_PROXY_ENABLED=true and restart this server.",
        )
    if service is not None and service.partition(":")[0] in {STORE_SERVICE, CACHE_SERVICE}:
        return broken(
            _SERVICE,
            f"Its service is {service}: a registry behind the dependency proxy.",
            "It takes tokens from the dependency proxy alone, and clients are not to reach it.",
            "Examine the address of the dependency proxy's nginx instead.",
        )
    return _other_service(service, settings)


def known_services(settings: Settings) -> tuple[str, ...]:
    """Give the services that tokens are issued for."""
    return (settings.service, settings.dependency_proxy_service) if settings.dependency_proxy_enabled else (settings.service,)


def _no_address(realm: str | None, settings: Settings) -> Finding:
    seen = "The registry names no realm." if not realm else f"The registry's realm is '{shown(realm)}'."
    return broken(_REALM, seen, "It is no http or https address, so clients find no token server.", _set_realm(settings))


def _of_other_address(realm: str, to: SplitResult, registry: SplitResult, settings: Settings) -> Iterator[Finding]:
    """Compare it with our own realm. Whether another address leads here all the same, asking it for a token shows."""
    if is_loopback(host_of(to)) and not is_loopback(host_of(registry)):
        yield broken(
            _REALM,
            f"The registry sends clients to {shown_url(realm)}.",
            "Only this machine reaches that: each client asks itself for a token.",
            _set_realm(settings)
            if realm != settings.realm
            else f"Set {PREFIX}EXTERNAL_URL to an address that all clients reach, and the registry's `realm` to that and /jwt/auth.",
        )
    elif not _is_ours(to, settings):
        yield warning(
            _REALM,
            f"The registry sends clients to {shown_url(realm)}, which is not {settings.realm}.",
            f"Either its `realm` is wrong, or {PREFIX}EXTERNAL_URL is.",
            _set_realm(settings),
        )


def _is_ours(to: SplitResult, settings: Settings) -> bool:
    ours = split_url(settings.realm)
    return ours is not None and (origin_of(to), to.path, to.query) == (origin_of(ours), ours.path, ours.query)


def _of_form(realm: str, to: SplitResult, registry: SplitResult) -> Iterator[Finding]:
    seen = f"The realm {shown_url(realm)}"
    if to.scheme == "http" and registry.scheme == "https":
        yield _of_clients(
            f"{seen} has no TLS, and the registry has.",
            "crane, kaniko, oras and Helm refuse it, and secrets cross the network in the clear.",
        )
    if is_private(host_of(to)) and not is_loopback(host_of(to)) and origin_of(to)[1:] != origin_of(registry)[1:]:
        yield _of_clients(
            f"{seen} has a private IP address.", "crane and kaniko refuse it, and oras and Helm unless it is the registry's own."
        )
    elif _has_domain(registry) and are_of_other_domains(host_of(to), host_of(registry)):
        yield _of_clients(
            f"{seen} is not in the registry's domain.", "A pull-through cache of Distribution 3.1 sends it no log-in; other clients do."
        )
    if to.path != to.path.lower():
        yield _of_clients(f"{seen} has capital letters in its path.", "Watchtower asks in lower case, and is answered 404.")


def _has_domain(registry: SplitResult) -> bool:
    """Say whether clients will know it by this name, too; its address within a machine or a network says nothing."""
    host = host_of(registry)
    return ip_of(host) is None and "." in host and not is_loopback(host)


def _of_clients(seen: str, meaning: str) -> Finding:
    remedy = f"Give this server an https address in the registry's domain; set it as {PREFIX}EXTERNAL_URL and, with /jwt/auth, as `realm`."
    return warning(_REALM, seen, meaning, remedy)


def _set_realm(settings: Settings) -> str:
    return f"Set `realm: {settings.realm}` in `auth.token` of the registry's configuration and restart it, or mend {PREFIX}EXTERNAL_URL."


def _lower_case_service(service: str) -> Finding:
    return warning(
        _SERVICE,
        f"Its service {service} has capital letters.",
        "Watchtower asks for it in lower case, and is answered 404.",
        f"Take a service in lower case, as {PREFIX}SERVICE and in the registry's configuration.",
    )


def _other_service(service: str | None, settings: Settings) -> Finding:
    seen = f"Its service is {shown(service)}" if service else "It names no service"
    return broken(
        _SERVICE,
        f"{seen}, and this server issues tokens for {' and '.join(known_services(settings))}.",
        "Clients get no token that the registry takes.",
        f"Set `service: {settings.service}` in `auth.token` of the registry's configuration and restart it"
        + (f", or set {PREFIX}SERVICE={shown(service)} and restart this server." if service else "."),
    )
