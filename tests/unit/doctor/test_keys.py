"""The doctor on the key directory: one directory that is wrong in one way for each finding, and right ones in every state."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from registry_auth.doctor import key_files
from registry_auth.doctor.findings import Finding, Severity, worst
from registry_auth.doctor.keys import examine_keys
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_ids import distribution_3_1_kid, libtrust_kid
from registry_auth.values import TokenHeader
from tests.unit.doctor.certificates import Keys

FINE, WARNING, BROKEN = Severity
X5C, LIBTRUST, RFC7638 = TokenHeader
LIFETIME = timedelta(minutes=15)
DAY = timedelta(days=1)

Damage = Callable[[Keys], object]


def private(keys: Keys, pattern: str = "*") -> list[Path]:
    """Give the private files of this pattern."""
    return sorted(keys.directory.private.directory.glob(pattern))


def opened(keys: Keys) -> None:
    """Open all private files to others."""
    for path in private(keys, "[!.]*"):
        path.chmod(0o644)


def ca_and_secret_lost(keys: Keys) -> None:
    """Remove what others depend on."""
    for path in [*private(keys, "ca.pem"), *private(keys, "server-secret-*")]:
        path.unlink()


def later(**time: float) -> Damage:
    """Let time pass in which no server runs."""

    def pass_by(keys: Keys) -> None:
        keys.now += timedelta(**time)

    return pass_by


def after_import(keys: Keys) -> None:
    """Let an imported key sign, whose certificate then ends."""
    keys.import_key()
    keys.activate()
    keys.now += timedelta(days=400)


def next_key_waits(keys: Keys) -> None:
    """Let the key that signs end while the next one waits."""
    keys.now += timedelta(days=300)
    KeyChanges(keys.directory).rotate(keys.now)
    keys.now += timedelta(days=70)


CASES: dict[str, tuple[TokenHeader, Damage, Severity, tuple[str, ...]]] = {
    "incomplete": (
        X5C,
        ca_and_secret_lost,
        BROKEN,
        (
            "private/ca.pem and server-secret-*.key missing.",
            "files were lost",
            "or `registry-auth keys init`, which makes them or names what is lost",
        ),
    ),
    "signing key lost": (X5C, lambda keys: private(keys, "signing-*")[0].unlink(), BROKEN, ("private/signing-*.pem missing.",)),
    "open to others": (
        X5C,
        opened,
        BROKEN,
        ("Open to others in ", "ca.pem (0644), server-secret-", "so the server does not start", "Run `chmod 600 /"),
    ),
    "damaged": (
        X5C,
        lambda keys: keys.directory.private.authority.write_bytes(b"no key"),
        BROKEN,
        ("ca.pem does not hold a private key", "The server does not start with it", "bring the file back from a backup"),
    ),
    "all keys ended": (
        X5C,
        later(days=91),
        BROKEN,
        ("the newest signing certificate is valid from 2026-06-30 12:00 to 2026-09-29 12:00", "503", "keys rotate"),
    ),
    "key ends": (
        X5C,
        later(days=80),
        WARNING,
        ("The signing certificate ends on 2026-09-29.", "From then on", "The server has not renewed it"),
    ),
    "clock behind": (X5C, later(days=-2), BROKEN, ("It is 2026-06-29 12:00 UTC, and", "Set the clock of this machine.")),
    "CA ends": (X5C, later(days=3600), BROKEN, ("The CA ends on 2036-06-28.", "`registry-auth keys rotate --ca`")),
    "imported key ended": (X5C, after_import, BROKEN, ("keys import` with another key", "Import the next one with")),
    "key id, key ends": (
        LIBTRUST,
        later(days=330),
        WARNING,
        ("The signing certificate ends on 2027-07-01.", "`registry-auth keys rotate`"),
    ),
    "key id, next key waits": (
        RFC7638,
        next_key_waits,
        BROKEN,
        ("keys activate`: the next key is there", "The next signing key is published in"),
    ),
    "no public bundle": (
        X5C,
        lambda keys: keys.directory.bundle.unlink(),
        WARNING,
        ("ca.crt in ", "is missing, or not made from these keys", "keys init"),
    ),
    "other public files": (
        X5C,
        lambda keys: [path.write_bytes(b"other") for path in keys.directory.public.iterdir()],
        WARNING,
        ("ca.crt, signing.crt and jwks.json in ", "are missing, or not made from these keys"),
    ),
    "directory open": (
        X5C,
        lambda keys: keys.directory.private.directory.chmod(0o770),
        WARNING,
        ("(mode 0770)", "put their own keys", "chmod 700"),
    ),
}


def examine(keys: Keys) -> list[Finding]:
    """Let the doctor look at the key directory."""
    return examine_keys(keys.directory, keys.now, LIFETIME)[1]


def said(findings: list[Finding]) -> str:
    """Give all that was said."""
    return "\n".join(f"{finding.seen} {finding.meaning} {finding.remedy}" for finding in findings)


@pytest.mark.parametrize(("header", "damage", "severity", "sentences"), CASES.values(), ids=CASES)
def test_broken_directory_is_diagnosed(
    tmp_path: Path, header: TokenHeader, damage: Damage, severity: Severity, sentences: tuple[str, ...]
) -> None:
    """Each fault gets its sentence and its severity; no key is told."""
    keys = Keys(tmp_path / "keys", header)
    secret = keys.ring.server_secrets[0].value.hex()
    damage(keys)
    findings = examine(keys)
    assert [sentence for sentence in sentences if sentence not in said(findings)] == [], said(findings)
    assert worst(findings) is severity, said(findings)
    assert secret not in said(findings)
    assert "PRIVATE" not in said(findings)


def test_missing_directory_is_named_and_not_made(tmp_path: Path) -> None:
    """Somebody who runs the doctor in the wrong place sees where it looked."""
    ring, (finding,) = examine_keys(KeyDirectory(tmp_path / "keys"), Keys(tmp_path / "other").now, LIFETIME)
    assert (ring, finding.severity) == (None, BROKEN)
    assert finding.seen == f"There are no complete keys in {tmp_path}/keys: no such directory."
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("header", TokenHeader)
def test_sound_directory_is_fine(tmp_path: Path, header: TokenHeader) -> None:
    """New keys give nothing but fine findings, with the ids by which registries know the key that signs."""
    keys = Keys(tmp_path / "keys", header)
    keys.now += DAY
    ring, findings = examine_keys(keys.directory, keys.now, LIFETIME)
    assert ring is not None
    assert {finding.severity for finding in findings} == {FINE}
    key = ring.signing_keys[0]
    kids = f"Registry 2 knows it as {libtrust_kid(key.public_key)}, registry 3.1 as {distribution_3_1_kid(key.public_key)}."
    assert (
        findings[0].seen == f"{key.name} signs (ES256) since {key.created_at:%Y-%m-%d} and until {key.pair.not_after:%Y-%m-%d}; "
        f"the CA lives until 2036-06-28. {kids}"
    )
    assert f"Registries need {keys.directory.bundle} as rootcertbundle; it is up to date." in said(findings)
    assert "The one of 2026-07-01 makes the digests of token secrets." in said(findings)


def test_what_waits_for_registries_is_told(tmp_path: Path) -> None:
    """A CA and a key that are published and do not sign yet are named, with what comes next; so is an older server secret."""
    keys = Keys(tmp_path / "keys")
    keys.rotate_authority()
    keys.import_key()
    keys.change(lambda changes, now: changes.rotate_server_secret(now))
    keys.now += DAY
    findings = examine(keys)
    assert worst(findings) is FINE
    assert "The next signing key and the next CA are published in " in said(findings)
    assert "once every registry was restarted with it, run `registry-auth keys activate`" in said(findings)
    assert "makes the digests of token secrets; 1 more is accepted." in said(findings)


def test_unreadable_files_are_named_with_their_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, in one finding, with who cannot read them."""
    keys = Keys(tmp_path / "keys")
    real = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.suffix in {".pem", ".key"}:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    ring, (finding,) = examine_keys(keys.directory, keys.now, LIFETIME)
    assert (ring, finding.severity) == (None, BROKEN)
    user = key_files._user(os.geteuid())
    assert finding.seen.startswith(f"{user} cannot read ca.pem, server-secret-")
    assert finding.seen.endswith(f"(owner {user}).")


@pytest.mark.parametrize("server", [54321, 0])
def test_files_of_another_owner_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: int) -> None:
    """What root has made in the server's directory the server cannot read, although root can; a server of root's reads all."""
    keys = Keys(tmp_path / "keys")
    authority = keys.directory.private.authority
    monkeypatch.setattr(key_files, "_owner", lambda path: 99 if path == authority else server)
    monkeypatch.setattr(key_files, "_user", lambda number: f"user-{number}")
    found = said(examine(keys))
    if server:
        assert f"{authority.parent} belongs to user-54321, and some files in it do not: ca.pem (user-99)." in found
        assert f"Run `chown 54321 {authority}`." in found
    else:
        assert "belongs to" not in found


@pytest.mark.parametrize(
    ("days", "severity", "sentence"),
    [
        (1, FINE, "is mounted read-only: renewing the signing key, which is due on 2026-08-30, is up to whoever writes it."),
        (61, WARNING, "Run `registry-auth keys rotate` where it can be written."),
    ],
)
def test_read_only_mount_is_fine_until_the_key_has_to_be_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, severity: Severity, sentence: str
) -> None:
    """Whoever mounts the keys read-only renews them; when that is due and not done, it is told."""
    keys = Keys(tmp_path / "keys")
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_flag=os.ST_RDONLY))
    keys.now += timedelta(days=days)
    findings = examine(keys)
    assert sentence in said(findings)
    assert worst(findings) is severity


def test_directory_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of this user could not renew its key; the day is told."""
    keys = Keys(tmp_path / "keys")
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    findings = examine(keys)
    assert worst(findings) is WARNING
    assert f"cannot be written by {key_files._user(os.geteuid())}." in said(findings)
    assert "cannot renew the signing key, which is due on 2026-08-30, and answers 503 when it ends on 2026-09-29." in said(findings)
