"""The doctor on the settings: what is unusable, misspelt, or means something else than its author thinks."""

import os

import pytest

from registry_auth.doctor.findings import Finding, Severity
from registry_auth.doctor.settings import examine_settings
from registry_auth.settings import PREFIX

HTTPS = {"EXTERNAL_URL": "https://auth.example.com"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out what the environment of the test run sets."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)


def findings(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, all_on_this_machine: bool = False) -> list[Finding]:
    """Let the doctor look at these variables; give what is not fine."""
    for name, value in variables.items():
        monkeypatch.setenv(name if name.upper().startswith(PREFIX) else PREFIX + name, value)
    _, found = examine_settings(all_on_this_machine=all_on_this_machine)
    return [finding for finding in found if finding.severity is not Severity.FINE]


@pytest.mark.parametrize(
    ("variables", "seen", "meaning", "remedy"),
    [
        ({"ISUER": "x"}, "REGISTRY_AUTH_ISUER is set.", "counts for nothing", "If REGISTRY_AUTH_ISSUER is meant, rename it"),
        ({"DATABASE": "x"}, "REGISTRY_AUTH_DATABASE is set.", "counts for nothing", "If REGISTRY_AUTH_DATABASE_URL is meant"),
        ({"TOKEN_LIFETIM": "9"}, "REGISTRY_AUTH_TOKEN_LIFETIM is set.", "counts for nothing", "REGISTRY_AUTH_TOKEN_LIFETIME is meant"),
        ({"registry_auth_isuer": "x"}, "registry_auth_isuer is set.", "counts for nothing", "REGISTRY_AUTH_ISSUER is meant"),
        ({"X": "x"}, "REGISTRY_AUTH_X is set.", "counts for nothing", "Take it away; the README lists the variables."),
        ({"EXTERNAL_URL": ""}, "is http://127.0.0.1:5001.", "Only this machine reaches it", "Set it to the https address"),
        ({"EXTERNAL_URL": "https://localhost"}, "is https://localhost.", "Only this machine reaches it", "Set it to the https address"),
        ({"EXTERNAL_URL": "http://[::1]:5001"}, "is http://[::1]:5001.", "Only this machine reaches it", "Set it to the https address"),
        ({"EXTERNAL_URL": "http://auth.example.com"}, "is http://auth.example.com.", "in the clear", "Put a proxy with TLS in front"),
        ({"TOKEN_LIFETIME": "299"}, "REGISTRY_AUTH_TOKEN_LIFETIME is 299 seconds.", "An upload that takes longer", "Set it to 300 or more"),
    ],
)
def test_doubtful_setting_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], seen: str, meaning: str, remedy: str
) -> None:
    """What is set is shown, with what comes of it and what to do."""
    (finding,) = findings(monkeypatch, {**HTTPS, **variables})
    assert finding.severity is Severity.WARNING
    assert (seen in finding.seen, meaning in str(finding.meaning), remedy in str(finding.remedy)) == (True, True, True), finding


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"TOKEN_LIFETIME": "300"},
        {"ISUER": ""},
        {"FILE": "/run/auth.json"},
        {"TOKEN_REALM": "http://a/jwt/auth", "TOKEN_ROOTCERTBUNDLE": "/ca.crt", "TOKEN_SIGNINGALGORITHMS_0": "ES256"},
        {"HTPASSWD_PATH": "/htpasswd"},
        {"registry_auth_issuer": "mine"},
    ],
)
def test_nothing_is_said_of_what_is_right(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """Variables of registries, podman and skopeo are theirs, and one that is set to nothing is not set."""
    assert findings(monkeypatch, {**HTTPS, **variables}) == []


def test_loopback_is_enough_where_the_registry_is_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who tries both out on one machine is not warned of what does not concern the trial."""
    assert findings(monkeypatch, {"EXTERNAL_URL": "http://127.0.0.1:5001"}, all_on_this_machine=True) == []
    assert len(findings(monkeypatch, {"EXTERNAL_URL": "http://auth.example.com"}, all_on_this_machine=True)) == 1


def test_what_registries_need_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three texts that have to be the same in a registry's configuration stand in one line."""
    monkeypatch.setenv("REGISTRY_AUTH_EXTERNAL_URL", "https://auth.example.com/")
    settings, (finding,) = examine_settings(all_on_this_machine=False)
    assert settings is not None
    assert finding.seen == "Registries need realm https://auth.example.com/jwt/auth, service container_registry and issuer registry-auth."


def test_unusable_setting_ends_the_examination(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names variable and rule, and not the value, which may hold a password; a misspelt one is named beside it."""
    monkeypatch.setenv("REGISTRY_AUTH_DATABASE_URL", "mysql://user:hidden@host/name")
    monkeypatch.setenv("REGISTRY_AUTH_ISUER", "hidden")
    settings, (unknown, unusable) = examine_settings(all_on_this_machine=False)
    assert settings is None
    assert (unknown.severity, unusable.severity) == (Severity.WARNING, Severity.BROKEN)
    assert unusable.seen.startswith("REGISTRY_AUTH_DATABASE_URL must be ")
    assert "hidden" not in f"{unknown}{unusable}"
