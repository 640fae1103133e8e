"""The whole examination: its order, what it passes on, that it goes on whatever fails, and that it changes nothing."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from registry_auth.doctor import examination
from registry_auth.doctor.examination import Questions, examine
from registry_auth.doctor.findings import Finding, Severity, fine, warning
from registry_auth.doctor.registry import Login
from registry_auth.errors import UnavailableError
from registry_auth.signing.key_ring import KeyRing
from tests.unit.installation import DATABASE_FILE, KEYS_DIR, NOW
from tests.unit.stores import TriedStore

pytestmark = pytest.mark.one_store("what differs between stores is tested with the database")


class Outside:
    """Stands for what looks at token servers and registries, and remembers what it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ring: KeyRing | None = None
        self.registry: dict[str, object] = {}
        self.failure: Exception | None = None
        self.warnings: list[Finding] = []
        monkeypatch.setattr(examination, "examine_token_server", self.examine_token_server)
        monkeypatch.setattr(examination, "examine_registry", self.examine_registry)

    def examine_token_server(self, _settings: object, ring: KeyRing | None, _clock: object) -> list[Finding]:
        """Find all well, or fail."""
        self.ring = ring
        if self.failure is not None:
            raise self.failure
        return [fine("token server", "answers"), *self.warnings]

    def examine_registry(self, address: str, _settings: object, ring: object, _clock: object, **more: object) -> list[Finding]:
        """Find all well."""
        assert ring is self.ring
        self.registry = {"address": address, **more}
        return [fine("registry", "answers")]


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Keep the doctor from asking other machines."""
    return Outside(monkeypatch)


@pytest.fixture
def installed(environment: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the settings at an installation, and give its directory."""
    shutil.copytree(template / KEYS_DIR, environment / KEYS_DIR)
    monkeypatch.setenv("REGISTRY_AUTH_EXTERNAL_URL", "https://auth.example.com")
    return environment


def examined(questions: Questions | None = None) -> dict[str, Severity]:
    """Let the doctor look at everything; give what was looked at in its order, with the gravest severity of each."""
    found: dict[str, Severity] = {}
    for finding in examine(questions or Questions(), lambda: NOW):
        found[finding.check] = max(finding.severity, found.get(finding.check, Severity.FINE))
    return found


@pytest.mark.usefixtures("outside", "installed")
def test_installation_without_faults_is_fine() -> None:
    """Everything is looked at, what others rest on first."""
    inward = ["settings", "signing key", "key files", "public files", "server secret", "database"]
    assert examined() == dict.fromkeys([*inward, "token server"], Severity.FINE)


@pytest.mark.usefixtures("installed")
def test_registry_is_looked_at_when_it_is_named(outside: Outside, installed: Path) -> None:
    """It gets the log-in, and is told what its bundle lets it trust."""
    login = Login("robot", SecretStr("secret"), "team/app")
    found = examined(Questions("registry.example.com", login, installed / KEYS_DIR / "public" / "ca.crt"))
    assert list(found)[-3:] == ["token server", "registry bundle", "registry"]
    assert set(found.values()) == {Severity.FINE}
    assert outside.registry == {"address": "registry.example.com", "login": login, "bundle_trusts_us": True}
    assert outside.ring is not None
    examined(Questions("registry.example.com", None, installed / "missing"))
    assert outside.registry["bundle_trusts_us"] is None


@pytest.mark.parametrize(
    ("registry", "severity"),
    [
        ("127.0.0.1:5000", Severity.FINE),
        ("http://localhost:5000/", Severity.FINE),
        ("registry.example.com", Severity.WARNING),
        ("ftp://localhost", Severity.WARNING),
        (None, Severity.WARNING),
    ],
)
@pytest.mark.usefixtures("outside", "installed")
def test_realm_on_this_machine_is_for_a_registry_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, registry: str | None, severity: Severity
) -> None:
    """Only a registry that itself is reached from nowhere else needs no other address of the token server."""
    monkeypatch.setenv("REGISTRY_AUTH_EXTERNAL_URL", "http://127.0.0.1:5001")
    assert examined(Questions(registry)).get("external URL", Severity.FINE) is severity


@pytest.mark.usefixtures("outside")
def test_nothing_follows_unusable_settings(monkeypatch: pytest.MonkeyPatch, installed: Path) -> None:
    """Without them it is not known what to look at."""
    assert installed.is_dir()
    monkeypatch.setenv("REGISTRY_AUTH_TOKEN_LIFETIME", "soon")
    assert examined() == {"settings": Severity.BROKEN}


@pytest.mark.parametrize("failure", [UnavailableError("It does not answer."), OSError(5, "Input/output error")])
def test_failure_of_one_look_is_a_finding_and_the_next_goes_on(outside: Outside, installed: Path, failure: Exception) -> None:
    """What nobody foresaw is told too, and hides nothing else."""
    outside.failure = failure
    found = {finding.check: finding for finding in examine(Questions("registry.example.com"), lambda: NOW)}
    assert installed.is_dir()
    assert found["token server"].severity is Severity.BROKEN
    assert found["token server"].seen == str(failure)
    assert found["registry"].severity is Severity.FINE


def test_what_ends_soon_is_told_once(outside: Outside, installed: Path) -> None:
    """A running server warns of its keys too; what it says of other things is passed on."""
    assert installed.is_dir()
    sentences = ("The signing certificate ends on 2026-09-29. The server has not renewed it.", "The disk is full.")
    outside.warnings = [warning("token server", sentence, "The token server says so.", "See to it.") for sentence in sentences]
    found = [finding.seen for finding in examine(Questions(), lambda: NOW + timedelta(days=80)) if finding.severity is Severity.WARNING]
    assert found == ["The signing certificate ends on 2026-09-29.", "The disk is full."]


def test_everything_missing_is_told_at_once(outside: Outside, bare_environment: Path) -> None:
    """One look names all that is missing; token server and registry are looked at without keys."""
    found = examined(Questions("registry.example.com"))
    broken = [check for check, severity in found.items() if severity is Severity.BROKEN]
    assert broken == ["key directory", "database"]
    assert outside.ring is None
    assert list(bare_environment.iterdir()) == []


def nothing_broken(_directory: Path) -> None:
    """Leave all as it is."""


def no_keys(directory: Path) -> None:
    """Remove the key directory."""
    shutil.rmtree(directory / KEYS_DIR)


def no_database(directory: Path) -> None:
    """Remove the database."""
    (directory / "data" / DATABASE_FILE).unlink()


def open_key(directory: Path) -> None:
    """Let others read the CA's key."""
    (directory / KEYS_DIR / "private" / "ca.pem").chmod(0o666)


def no_bundle(directory: Path) -> None:
    """Remove what the server would write again."""
    (directory / KEYS_DIR / "public" / "ca.crt").unlink()


@pytest.mark.parametrize("damage", [nothing_broken, no_keys, no_database, open_key, no_bundle])
@pytest.mark.usefixtures("outside")
def test_nothing_is_changed(installed: Path, store: TriedStore, damage: Callable[[Path], None]) -> None:
    """Whatever is wrong, every file is as it was, and none is new."""
    damage(installed)
    store.release()
    before = snapshot(installed)
    examined(Questions("registry.example.com", None, installed / KEYS_DIR / "public" / "ca.crt"))
    assert snapshot(installed) == before


def snapshot(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Give mode, time of change and content of every file below a directory, whose own time SQLite changes while it reads."""
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes()) for path in paths}
