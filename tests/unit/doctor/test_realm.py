"""What clients make of a realm and a service."""

import pytest

from registry_auth.doctor.findings import Severity
from registry_auth.doctor.realm import examine_realm, examine_service
from registry_auth.settings import Settings

REGISTRY = "https://registry.example.com"
OURS = Settings(external_url="https://auth.example.com")


@pytest.mark.parametrize(
    ("external_url", "registry"),
    [
        ("https://auth.example.com", REGISTRY),
        ("https://auth.example.com:8443", f"{REGISTRY}:5000"),
        ("https://registry.example.com/auth", REGISTRY),
        ("http://127.0.0.1:5001", "http://127.0.0.1:5000"),
        ("http://localhost:5001", "http://127.0.0.1:5000"),
        ("https://auth.example.com", "http://localhost:5000"),
        ("https://auth.example.com", "https://10.0.0.5:5000"),
        ("https://auth.example.com", "https://registry:5000"),
        ("https://10.0.0.5", "https://10.0.0.5"),
        ("https://auth.one.co.uk", "https://registry.other.co.uk"),
    ],
)
def test_good_realm_is_fine(external_url: str, registry: str) -> None:
    """Our own address, in the registry's domain or where nothing can be said of domains, with TLS unless the registry has none."""
    settings = Settings(external_url=external_url)
    (finding,) = examine_realm(settings.realm, registry, settings)
    assert (finding.severity, finding.seen) == (Severity.FINE, f"The registry sends clients to {settings.realm}.")


@pytest.mark.parametrize(
    ("external_url", "registry", "severity", "seen", "meaning"),
    [
        ("http://auth.example.com", REGISTRY, Severity.WARNING, "has no TLS, and the registry has", "crane, kaniko, oras and Helm refuse"),
        ("https://10.0.0.6", "https://10.0.0.5", Severity.WARNING, "has a private IP address", "crane and kaniko refuse"),
        ("https://10.0.0.5:5001", "https://10.0.0.5:5000", Severity.WARNING, "has a private IP address", "crane and kaniko refuse"),
        ("https://10.0.0.6", REGISTRY, Severity.WARNING, "has a private IP address", "crane and kaniko refuse"),
        ("https://auth.example.net", REGISTRY, Severity.WARNING, "is not in the registry's domain", "pull-through cache"),
        ("https://auth", REGISTRY, Severity.WARNING, "is not in the registry's domain", "pull-through cache"),
        ("https://auth.example.com/Auth", REGISTRY, Severity.WARNING, "has capital letters", "Watchtower"),
        ("http://127.0.0.1:5001", "http://registry.example.com", Severity.BROKEN, "sends clients to http://127.0.0.1:5001", "asks itself"),
        ("http://localhost:5001", "http://10.0.0.5:5000", Severity.BROKEN, "sends clients to http://localhost:5001", "asks itself"),
    ],
)
def test_own_realm_that_clients_refuse(external_url: str, registry: str, severity: Severity, seen: str, meaning: str) -> None:
    """Though it is ours, some clients or all will not follow it: the setting and the registry are both to be changed."""
    settings = Settings(external_url=external_url)
    finding = examine_realm(settings.realm, registry, settings)[0]
    assert finding.severity is severity
    assert seen in finding.seen
    assert meaning in str(finding.meaning)
    assert "REGISTRY_AUTH_EXTERNAL_URL" in str(finding.remedy)


@pytest.mark.parametrize(
    ("realm", "severity", "seen"),
    [
        (None, Severity.BROKEN, "The registry names no realm."),
        ("", Severity.BROKEN, "The registry names no realm."),
        ("token realm", Severity.BROKEN, "The registry's realm is 'token realm'."),
        ("/jwt/auth", Severity.BROKEN, "The registry's realm is '/jwt/auth'."),
        ("\x1b[2J", Severity.BROKEN, "The registry's realm is '?[2J'."),
        (
            "https://auth.example.com/auth",
            Severity.WARNING,
            "sends clients to https://auth.example.com/auth, which is not https://auth.example",
        ),
        ("https://old.example.com/jwt/auth", Severity.WARNING, "sends clients to https://old.example.com/jwt/auth, which is not"),
        ("https://auth.example.com:444/jwt/auth", Severity.WARNING, "which is not"),
        ("https://auth.example.com/jwt/auth?x=y", Severity.WARNING, "which is not"),
        ("https://user:password@old.example.com/jwt/auth", Severity.WARNING, "sends clients to https://old.example.com/jwt/auth"),
        ("http://127.0.0.1:5001/jwt/auth", Severity.BROKEN, "sends clients to http://127.0.0.1:5001/jwt/auth."),
    ],
)
def test_other_realm(realm: str | None, severity: Severity, seen: str) -> None:
    """It is named beside ours, and the line that the registry needs."""
    finding = examine_realm(realm, REGISTRY, OURS)[0]
    assert finding.severity is severity
    assert seen in finding.seen
    assert "`realm: https://auth.example.com/jwt/auth`" in str(finding.remedy)


def test_same_realm_in_another_spelling_is_ours() -> None:
    """Case and default port make no difference to clients."""
    (finding,) = examine_realm("https://AUTH.example.com:443/jwt/auth", REGISTRY, OURS)
    assert finding.severity is Severity.FINE


@pytest.mark.parametrize(
    ("service", "changes", "severity", "seen", "remedy"),
    [
        ("container_registry", {}, Severity.FINE, "Its service is container_registry.", ""),
        ("dependency_proxy", {}, Severity.FINE, "Its service is dependency_proxy.", ""),
        (
            "dependency_proxy",
            {"dependency_proxy_enabled": False},
            Severity.BROKEN,
            "the dependency proxy is switched off",
            "REGISTRY_AUTH_DEPENDENCY_PROXY_ENABLED=true",
        ),
        ("dependency_proxy_store", {}, Severity.BROKEN, "a registry behind the dependency proxy", "nginx"),
        ("dependency_proxy_cache:ghcr.io", {}, Severity.BROKEN, "a registry behind the dependency proxy", "nginx"),
        (
            "other",
            {},
            Severity.BROKEN,
            "Its service is other, and this server issues tokens for container_registry and",
            "`service: container_reg",
        ),
        ("other", {}, Severity.BROKEN, "Its service is other", "REGISTRY_AUTH_SERVICE=other"),
        (None, {}, Severity.BROKEN, "It names no service, and this server issues tokens for", "`service: container_registry`"),
        ("Registry", {"service": "Registry"}, Severity.WARNING, "Its service Registry has capital letters", "lower case"),
    ],
)
def test_service_is_compared(service: str | None, changes: dict[str, object], severity: Severity, seen: str, remedy: str) -> None:
    """It has to be one of ours to the letter."""
    finding = examine_service(service, OURS.model_copy(update=changes))
    assert finding.severity is severity
    assert seen in finding.seen
    assert remedy in str(finding.remedy)
