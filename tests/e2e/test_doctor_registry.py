"""The doctor before every released registry: healthy ones, and one that is broken for each thing that it can find."""

import dataclasses
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from registry_auth.doctor.findings import Finding, Severity
from registry_auth.doctor.registry import Login, examine_registry
from registry_auth.doctor.token_server import examine_token_server
from registry_auth.services import utc_now
from registry_auth.settings import Settings
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader

from .peers.availability import require
from .peers.nginx import Nginx
from .peers.stock_registry import REGISTRIES, Auth, PasswordAuth, StockRegistry, TokenAuth
from .token_server import Token, TokenServer

LABELS = {"2.8": REGISTRIES[0], "3.0": REGISTRIES[1], "3.1": REGISTRIES[2]}
ALL = tuple(LABELS)
HOUR = timedelta(hours=1)
HTPASSWD = "somebody:$2b$05$CCCCCCCCCCCCCCCCCCCCC.qyBq7mBUFNT6c0WHlEseyg6ft3kml4G\n"
X5C, LIBTRUST, RFC7638 = TokenHeader


@dataclass(frozen=True, slots=True)
class Installation:
    """The settings of a token server, and what a registry is told of it; a directory for what a test runs."""

    settings: Settings
    auth: TokenAuth
    directory: Path

    @property
    def keys(self) -> KeyDirectory:
        """The keys, for tokens with the header of the settings."""
        return KeyDirectory(self.settings.keys_dir, self.settings.token_header)

    @property
    def ring(self) -> KeyRing:
        """The keys as they are."""
        return self.keys.loaded()

    def told(self, **changes: Any) -> TokenAuth:
        """Give what a registry is told, but for something."""
        return dataclasses.replace(self.auth, **changes)

    def bundle(self, name: str) -> Path:
        """Copy a public file as it is now, as for a registry elsewhere."""
        return Path(shutil.copy(self.keys.public / name, self.directory / f"copy-{name}"))

    @contextmanager
    def running(self, label: str, auth: Auth | None) -> Iterator[str]:
        """Run a registry of this version, and give its address."""
        line = LABELS[label]
        require(line.peer)
        directory = self.directory / line.label
        directory.mkdir(exist_ok=True)
        with StockRegistry(line, directory, auth) as registry:
            yield registry.host

    def examine(self, label: str, auth: Auth | None, clock: Callable[[], datetime] = utc_now, **known: Any) -> Mapping[str, Finding]:
        """Run a registry of this version, and examine it."""
        with self.running(label, auth) as host:
            return self.look_at(host, clock, **known)

    def look_at(self, address: str, clock: Callable[[], datetime] = utc_now, **known: Any) -> Mapping[str, Finding]:
        """Examine what is at an address; give the gravest finding of each check."""
        return gravest(examine_registry(address, self.settings, self.ring, clock, **known))


def gravest(findings: Iterable[Finding]) -> Mapping[str, Finding]:
    """Give the gravest finding of each check, in the order in which they were looked at."""
    by_check: dict[str, Finding] = {}
    for finding in findings:
        by_check[finding.check] = max(by_check.get(finding.check, finding), finding, key=lambda each: each.severity)
    return by_check


def problems(findings: Mapping[str, Finding]) -> dict[str, Severity]:
    """Give the checks that are not fine."""
    return {check: finding.severity for check, finding in findings.items() if finding.severity}


@pytest.fixture
def installation(token_server: TokenServer, tmp_path: Path) -> Installation:
    """Give the session's token server."""
    return Installation(Settings(external_url=token_server.url, keys_dir=token_server.keys), token_server.token_auth, tmp_path)


@pytest.fixture
def own_keys(installation: Installation) -> Callable[[TokenHeader], Installation]:
    """Make keys of an hour ago that the test may change; the token server knows nothing of them."""

    def make(header: TokenHeader) -> Installation:
        keys = KeyDirectory(installation.directory / f"keys-{header}", header)
        keys.ready(utc_now() - HOUR)
        settings = installation.settings.model_copy(update={"keys_dir": keys.path, "token_header": header})
        return dataclasses.replace(installation, settings=settings, auth=installation.told(rootcertbundle=keys.bundle))

    return make


@pytest.mark.parametrize("label", ALL)
def test_healthy_registry_is_fine(installation: Installation, label: str, writer: Token, project: str) -> None:
    """Everything is looked at, and nothing is found."""
    login = Login(writer.username, SecretStr(writer.secret), f"{project}/image")
    findings = installation.examine(label, installation.auth, login=login)
    looks = ["registry", "registry realm", "registry service", "registry clock", "token request", "registry token", "header size", "log-in"]
    assert (problems(findings), list(findings)) == ({}, looks)
    assert findings["log-in"].seen == f"{writer.username} can log in, and on {project}/image: pull, push."


def test_healthy_token_server_is_fine(installation: Installation) -> None:
    """It is ready, has these keys and this time."""
    findings = gravest(examine_token_server(installation.settings, installation.ring, utc_now))
    assert (problems(findings), list(findings)) == ({}, ["token server", "token server clock", "token server keys"])


def test_token_server_with_other_keys_is_noticed(own_keys: Callable[[TokenHeader], Installation]) -> None:
    """The doctor was started with another key directory than the server, and both of its questions show it."""
    other = own_keys(X5C)
    assert problems(gravest(examine_token_server(other.settings, other.ring, utc_now))) == {"token server keys": Severity.BROKEN}
    assert "another installation" in str(other.examine("2.8", other.auth)["token request"].meaning)


def test_dependency_proxy_is_fine(installation: Installation) -> None:
    """Its service is known, and it takes tokens though it has no bundle."""
    findings = installation.look_at(installation.settings.external_url)
    assert problems(findings) == {}
    assert findings["registry service"].seen == "Its service is dependency_proxy."


def test_dependency_proxy_of_other_keys_is_noticed(own_keys: Callable[[TokenHeader], Installation]) -> None:
    """It is told that the server has other settings, and nothing of a bundle."""
    other = own_keys(X5C)
    finding = other.look_at(other.settings.external_url)["registry token"]
    assert finding.seen == "The dependency proxy refuses a token of this installation."


@pytest.mark.parametrize(
    ("changes", "check", "seen"),
    [
        ({"service": "other"}, "registry service", "Its service is other, and this server issues tokens for container_registry and"),
        (
            {"issuer": "gitlab-issuer"},
            "registry token",
            "The registry's issuer is gitlab-issuer, and REGISTRY_AUTH_ISSUER is registry-auth.",
        ),
        ({"realm": "http://127.0.0.1:1/jwt/auth"}, "token request", "127.0.0.1:1 cannot be connected to (Connection refused)."),
        ({"realm": "nowhere"}, "registry realm", "The registry's realm is 'nowhere'."),
    ],
)
@pytest.mark.parametrize("label", ALL)
def test_wrong_line_in_the_configuration(installation: Installation, label: str, changes: dict[str, str], check: str, seen: str) -> None:
    """Realm, service and issuer have to be those of this server; each wrong one is named, and no other thing is called broken."""
    findings = installation.examine(label, installation.told(**changes))
    assert [name for name, severity in problems(findings).items() if severity is Severity.BROKEN] == [check]
    assert seen in findings[check].seen


UNTOLD, TRUSTED, UNTRUSTED = "and does not tell why", "though it trusts the key", "for it does not trust the key"
RIGHT, WRONG = "though its bundle is right", "for its bundle does not hold the certificate"


@pytest.mark.parametrize(
    ("label", "what", "seen"),
    [
        ("2.8", "issuer", {None: UNTOLD, True: RIGHT}),
        ("2.8", "bundle", {None: UNTOLD, True: RIGHT, False: WRONG}),
        ("3.0", "issuer", {None: TRUSTED, True: TRUSTED}),
        ("3.0", "bundle", {None: UNTRUSTED, True: RIGHT, False: UNTRUSTED}),
        ("3.1", "issuer", {None: TRUSTED, True: TRUSTED}),
        ("3.1", "bundle", {None: UNTRUSTED, True: RIGHT, False: UNTRUSTED}),
    ],
)
def test_issuer_and_bundle_are_told_apart(
    installation: Installation, own_keys: Callable[[TokenHeader], Installation], label: str, what: str, seen: dict[bool | None, str]
) -> None:
    """Distribution 3 tells by what it calls a bad token; version 2 treats both alike, so its bundle has to be looked into."""
    wrong: Mapping[str, Any] = {"issuer": "unheard-of"} if what == "issuer" else {"rootcertbundle": own_keys(X5C).keys.bundle}
    with installation.running(label, installation.told(**wrong)) as host:
        for trusts_us, sentence in seen.items():
            findings = installation.look_at(host, bundle_trusts_us=trusts_us)
            assert problems(findings) == {"registry token": Severity.BROKEN}
            assert sentence in findings["registry token"].seen


@pytest.mark.parametrize("label", ALL)
def test_signing_certificate_in_place_of_the_ca(installation: Installation, label: str) -> None:
    """It works until that certificate is renewed."""
    findings = installation.examine(label, installation.told(rootcertbundle=installation.keys.public / "signing.crt"))
    assert problems(findings) == {"registry token": Severity.WARNING}
    assert "none that the CA issues after it" in findings["registry token"].seen


@pytest.mark.parametrize(
    ("label", "header", "file", "other"),
    [
        ("2.8", LIBTRUST, "signing.crt", None),
        ("2.8", LIBTRUST, "ca.crt", X5C),
        ("2.8", RFC7638, "signing.crt", X5C),
        ("3.0", LIBTRUST, "jwks.json", None),
        ("3.0", RFC7638, "jwks.json", None),
        ("3.0", X5C, "jwks.json", RFC7638),
        ("3.0", RFC7638, "signing.crt", X5C),
        ("3.1", LIBTRUST, "jwks.json", None),
        ("3.1", RFC7638, "signing.crt", None),
        ("3.1", RFC7638, "ca.crt", X5C),
        ("3.1", LIBTRUST, "signing.crt", X5C),
        ("3.1", X5C, "jwks.json", RFC7638),
    ],
)
def test_header_of_tokens_has_to_suit_the_registry(
    own_keys: Callable[[TokenHeader], Installation], label: str, header: TokenHeader, file: str, other: TokenHeader | None
) -> None:
    """Where another one does, that setting is named."""
    installation = own_keys(header)
    path = installation.keys.public / file
    auth = installation.told(rootcertbundle=None, jwks=path) if file == "jwks.json" else installation.told(rootcertbundle=path)
    finding = installation.examine(label, auth)["registry token"]
    if other is None:
        assert finding.seen == f"It takes tokens of this installation ({header})."
        return
    assert finding.seen == f"The registry refuses tokens with the header {header}, and takes them with {other}."
    assert f"REGISTRY_AUTH_TOKEN_HEADER={other}" in str(finding.remedy)


@pytest.mark.parametrize(("label", "header"), [("2.8", LIBTRUST), ("3.1", RFC7638)])
def test_rotation_by_hand_is_accompanied(own_keys: Callable[[TokenHeader], Installation], label: str, header: TokenHeader) -> None:
    """Which registries know the next key yet, and which were left behind when it came into use."""
    installation = own_keys(header)
    changes, old = KeyChanges(installation.keys), installation.told(rootcertbundle=installation.bundle("signing.crt"))
    changes.rotate(utc_now())

    waiting = installation.examine(label, old)["next signing key"]
    assert waiting.severity is Severity.WARNING
    assert "restart it, then run `registry-auth keys activate`" in str(waiting.remedy)
    assert "It takes tokens of the next signing key already" in installation.examine(label, installation.auth)["next signing key"].seen

    changes.activate(utc_now())
    assert "takes those of an older one" in installation.examine(label, old)["registry token"].seen
    assert installation.examine(label, installation.auth)["registry token"].severity is Severity.FINE


@pytest.mark.parametrize("label", ALL)
def test_new_ca_is_accompanied(own_keys: Callable[[TokenHeader], Installation], label: str) -> None:
    """Which registries know the next CA yet, which have it alone, and which were left behind when it came into use."""
    installation = own_keys(X5C)
    changes, old = KeyChanges(installation.keys), installation.told(rootcertbundle=installation.bundle("ca.crt"))
    changes.rotate_authority(utc_now())

    assert installation.examine(label, old)["next CA"].severity is Severity.WARNING
    assert "It takes tokens of the next CA already" in installation.examine(label, installation.auth)["next CA"].seen
    too_new = installation.directory / "too-new.crt"
    too_new.write_bytes(b"-----BEGIN" + installation.keys.bundle.read_bytes().split(b"-----BEGIN")[2])
    assert "takes those of the next CA" in installation.examine(label, installation.told(rootcertbundle=too_new))["registry token"].seen

    changes.activate(utc_now())
    assert "takes those of an older one" in installation.examine(label, old)["registry token"].seen
    assert installation.examine(label, installation.auth)["registry token"].severity is Severity.FINE


@pytest.mark.parametrize(("off", "skew"), [(-timedelta(minutes=10), "10 minutes ahead of"), (3 * HOUR, "3 hours behind")])
@pytest.mark.parametrize("label", ALL)
def test_clocks_that_differ(installation: Installation, label: str, off: timedelta, skew: str) -> None:
    """The dates tell how far, and a token with the registry's own time is taken."""
    findings = installation.examine(label, installation.auth, lambda: utc_now() + off)
    assert findings["registry clock"].seen == f"The registry's clock is {skew} this machine's."
    assert findings["registry token"].seen == "The registry refuses a token of now, and takes one of the time on its own clock."


@pytest.mark.parametrize("label", ALL)
def test_registry_that_asks_for_no_token(installation: Installation, label: str) -> None:
    """One is open to everybody, one has passwords of its own; nothing that rests on a token follows."""
    htpasswd = installation.directory / "htpasswd"
    htpasswd.write_text(HTPASSWD)
    for auth, seen in ((None, "answers without asking for a token."), (PasswordAuth("registry", htpasswd), "asks for Basic credentials")):
        findings = installation.examine(label, auth)
        assert problems(findings) == {"registry": Severity.BROKEN}
        assert seen in findings["registry"].seen


def test_https_where_there_is_none(installation: Installation) -> None:
    """A registry without TLS is found without a scheme on this machine, and not with https."""
    with installation.running("2.8", installation.auth) as host:
        assert problems(installation.look_at(host)) == {}
        assert "answers https with plain HTTP." in installation.look_at(f"https://{host}")["registry"].seen


@pytest.mark.parametrize(
    ("lines", "check", "severity", "seen"),
    [
        ("", "header size", Severity.WARNING, "is answered 400."),
        ("large_client_header_buffers 4 64k;", "header size", Severity.FINE, "arrives."),
        ('proxy_set_header Authorization "";', "registry token", Severity.BROKEN, "answers a request with a token as one without."),
        ("proxy_hide_header WWW-Authenticate;", "registry", Severity.BROKEN, "answers 401 without a challenge."),
        (
            "return 301 https://registry.example.com/v2/;",
            "registry",
            Severity.BROKEN,
            "answers 301 and leads to https://registry.example.com",
        ),
        ("deny all;", "registry", Severity.BROKEN, "answers 403 (text/html), as no registry does."),
        ("proxy_connect_timeout 1; proxy_pass http://127.0.0.1:1;", "registry", Severity.BROKEN, "answers 502."),
    ],
)
def test_proxy_before_the_registry(installation: Installation, lines: str, check: str, severity: Severity, seen: str) -> None:
    """What nginx takes away from requests and answers shows."""
    require("nginx")
    directory = installation.directory / "nginx"
    directory.mkdir()
    front = Nginx(directory)
    temporary = " ".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
    with installation.running("2.8", installation.auth) as host:
        way = lines if "proxy_pass" in lines else f"proxy_pass http://{host}; {lines}"
        place = f"location / {{ {way} }}" if not lines.startswith("large_") else f"{lines} location / {{ proxy_pass http://{host}; }}"
        front.configuration.write_text(
            f"pid nginx.pid; events {{}} http {{ access_log off; {temporary} server {{ listen {front.host}; {place} }} }}"
        )
        with front:
            finding = installation.look_at(front.host)[check]
    assert finding.severity is severity
    assert seen in finding.seen


def test_command_examines_all_of_it(token_server: TokenServer, registry: StockRegistry, writer: Token, project: str) -> None:
    """A healthy installation with its registry is fine, and the secret is in no line."""
    words = ["doctor", "--registry", registry.host, "--username", writer.username, "--password-stdin", "--repository", f"{project}/image"]
    done = token_server.command(*words, stdin=f"{writer.secret}\n").check()
    assert "log-in" in done.output
    assert writer.secret not in done.output
