"""Addresses of registries, read and judged by their text."""

import pytest

from registry_auth.doctor.addresses import (
    are_of_other_domains,
    candidate_urls,
    host_of,
    is_loopback,
    is_private,
    shown,
    shown_url,
    split_url,
)
from registry_auth.errors import InvalidValueError


@pytest.mark.parametrize(
    ("address", "urls"),
    [
        ("registry.example.com", ("https://registry.example.com",)),
        ("registry.example.com:5000", ("https://registry.example.com:5000",)),
        ("registry.example.com:5000/", ("https://registry.example.com:5000",)),
        ("registry.example.com/v2/", ("https://registry.example.com",)),
        ("registry.example.com/team/app:1.0", ("https://registry.example.com",)),
        ("http://registry.example.com:5000/v2/", ("http://registry.example.com:5000",)),
        ("HTTPS://Registry.example.com", ("https://Registry.example.com",)),
        ("10.0.0.5:5000", ("https://10.0.0.5:5000",)),
        ("localhost:5000", ("https://localhost:5000", "http://localhost:5000")),
        ("registry.localhost", ("https://registry.localhost", "http://registry.localhost")),
        ("127.0.0.9", ("https://127.0.0.9", "http://127.0.0.9")),
        ("[::1]:5000", ("https://[::1]:5000", "http://[::1]:5000")),
        ("http://localhost:5000", ("http://localhost:5000",)),
    ],
)
def test_registry_is_looked_for_where_clients_do(address: str, urls: tuple[str, ...]) -> None:
    """By https, and by http too on this machine; a scheme that is given counts, and a path does not."""
    assert candidate_urls(address) == urls


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://",
        "ftp://registry",
        "user:secret@registry",
        "https://user:secret@registry",
        "registry:port",
        "registry:99999",
        "[::1",
        "a b",
        "a\nb",
        "\x1b[2J",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """The sentence does not repeat what was given: there may be a password in it."""
    with pytest.raises(InvalidValueError, match=r"^The address of the registry is neither HOST, HOST:PORT nor a URL") as refused:
        candidate_urls(address)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "loopback", "private"),
    [
        ("localhost", True, False),
        ("127.0.0.1", True, True),
        ("::1", True, True),
        ("10.1.2.3", False, True),
        ("192.168.0.1", False, True),
        ("169.254.1.1", False, True),
        ("fe80::1", False, True),
        ("fd00::1", False, True),
        ("1.1.1.1", False, False),
        ("2606:4700::1111", False, False),
        ("registry.example.com", False, False),
    ],
)
def test_hosts_that_not_everybody_reaches(host: str, loopback: bool, private: bool) -> None:
    """Loopback is the asking machine itself; a private address is within one network. Of a name only the former can be told."""
    assert (is_loopback(host), is_private(host)) == (loopback, private)


@pytest.mark.parametrize(
    ("one", "other", "surely"),
    [
        ("auth.example.com", "registry.example.com", False),
        ("example.com", "registry.example.com", False),
        ("auth.example.com", "registry.example.net", True),
        ("auth.one.com", "auth.other.com", True),
        ("auth.one.co.uk", "auth.other.co.uk", False),
        ("auth", "registry.example.com", True),
        ("1.1.1.1", "registry.example.com", True),
        ("1.1.1.1", "1.1.1.1", False),
    ],
)
def test_other_domains_are_claimed_only_where_certain(one: str, other: str, surely: bool) -> None:
    """Two labels in common may be a domain or a public suffix, so nothing is said; otherwise the domains differ."""
    assert are_of_other_domains(one, other) is surely
    assert are_of_other_domains(other, one) is surely


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\r\n", "?[31mred??"),
        ("gldt-abcdefghijklmnop", "(secret)"),
        ("x" * 300, "x" * 250 + "…"),
    ],
)
def test_foreign_text_is_harmless_on_a_terminal(text: str, safe: str) -> None:
    """Control characters, secrets and long texts from outside are not printed."""
    assert shown(text) == safe


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://user:password@auth.example.com:8443/jwt/auth", "https://auth.example.com:8443/jwt/auth"),
        ("https://auth.example.com/jwt/auth?x=1", "https://auth.example.com/jwt/auth?x=1"),
        ("no url", "no url"),
    ],
)
def test_url_is_shown_without_its_password(url: str, safe: str) -> None:
    """A realm may hold a user name and a password."""
    assert shown_url(url) == safe


def test_host_is_compared_without_case_and_final_dot() -> None:
    """These are the same host for every client."""
    parts = split_url("https://Registry.Example.com./v2/")
    assert parts is not None
    assert host_of(parts) == "registry.example.com"
