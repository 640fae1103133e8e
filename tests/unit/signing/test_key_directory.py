"""The key directory: what it makes, renews and retires, and the sentence for everything that is broken."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from registry_auth.errors import ConfigurationError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.certificates import new_authority, new_signing_pair
from registry_auth.signing.key_files import write_file
from tests.unit.installation import NOW

DAY = timedelta(days=1)


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> KeyDirectory:
    """Give a complete key directory."""
    shutil.copytree(template / "keys", tmp_path / "keys")
    return KeyDirectory(tmp_path / "keys")


def private(directory: KeyDirectory, pattern: str) -> Path:
    """Give the one private file of this pattern."""
    (file,) = (directory.path / "private").glob(pattern)
    return file


def jwks_ids(directory: KeyDirectory) -> set[str]:
    """Give the key ids in the exported key set."""
    return {key["kid"] for key in json.loads((directory.path / "public" / "jwks.json").read_text())["keys"]}


def test_new_directory_gets_everything_with_closed_modes(tmp_path: Path) -> None:
    """Keys and secret are made in a directory of their own, closed to others; the exports are open, and hold nothing secret."""
    directory = KeyDirectory(tmp_path / "deep" / "keys")
    assert directory.read() is None
    ring = directory.ready(NOW)
    files = {path.name: path.stat().st_mode & 0o777 for path in (directory.path / "private").iterdir() if path.name != ".lock"}
    (signing,) = ring.signing_keys
    assert files == {"ca.pem": 0o600, signing.name: 0o600, "server-secret-20260701T120000Z.key": 0o600}
    assert (directory.path / "private").stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in (directory.path / "public").iterdir()} == {
        "ca.crt": 0o644,
        "jwks.json": 0o644,
    }
    assert directory.bundle.read_bytes() == ring.authority.certificate.public_bytes(Encoding.PEM)
    assert signing.pair.kid in jwks_ids(directory)
    assert all(b"PRIVATE" not in path.read_bytes() for path in (directory.path / "public").iterdir())
    assert len(ring.server_secret.value) == 32


def test_complete_directory_stays_as_it_is(directory: KeyDirectory) -> None:
    """Looking again makes nothing new."""
    before = {path: path.stat().st_mtime_ns for path in directory.path.rglob("*")}
    first, second = directory.ready(NOW), directory.ready(NOW + DAY)
    assert first.server_secret == second.server_secret
    assert first.signing_keys[0].pair.kid == second.signing_keys[0].pair.kid
    assert {path: path.stat().st_mtime_ns for path in directory.path.rglob("*")} == before


def test_signing_key_is_renewed_and_retired(directory: KeyDirectory) -> None:
    """At two thirds a new key joins the old one; when the old one's tokens are dead it goes, and the exports follow; the CA stays."""
    (old,) = directory.ready(NOW).signing_keys
    assert [key.name for key in directory.ready(NOW + 59 * DAY).signing_keys] == [old.name]
    new, kept = directory.ready(NOW + 60 * DAY).signing_keys
    assert (kept.name, new.created_at) == (old.name, NOW + 60 * DAY)
    assert {new.pair.kid, old.pair.kid} <= jwks_ids(directory)
    bundle = directory.bundle.read_bytes()
    assert [key.name for key in directory.ready(NOW + 62 * DAY).signing_keys] == [new.name]
    assert old.pair.kid not in jwks_ids(directory)
    assert directory.bundle.read_bytes() == bundle


def test_directory_renews_itself_over_the_life_of_the_ca(directory: KeyDirectory) -> None:
    """Looking once a day, for ten years there is a key that signs, until the CA's last days; and never more than two."""
    ca_end = directory.ready(NOW).authority.not_after
    now = NOW
    while now < ca_end - DAY:
        ring = directory.ready(now)
        assert ring.signing_key(now, DAY / 2) is not None
        assert len(ring.signing_keys) <= 2
        now += 5 * DAY
    assert directory.ready(ca_end + 5 * DAY).signing_key(ca_end, DAY) is None


@pytest.mark.parametrize("lost", ["signing key", "nothing"])
def test_ended_ca_is_named_when_a_key_is_due(directory: KeyDirectory, lost: str) -> None:
    """A server that wakes up after the end of its CA says what to do."""
    if lost == "signing key":
        private(directory, "signing-*.pem").unlink()
    with pytest.raises(ConfigurationError, match=r"The CA in .*ca\.pem ended on 2036-06-28: move it"):
        directory.ready(NOW + 3660 * DAY)


@pytest.mark.parametrize("name", ["public/ca.crt", "public/jwks.json"])
@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_exports_are_made_from_the_private_files(directory: KeyDirectory, name: str, damage: str) -> None:
    """An export that is gone or was changed is made again."""
    export = directory.path / name
    before = export.read_bytes()
    export.unlink() if damage == "missing" else export.write_bytes(b"changed")
    directory.ready(NOW)
    assert export.read_bytes() == before


def test_newest_server_secret_counts(directory: KeyDirectory) -> None:
    """With two server secrets the newer one keys the digests."""
    first = directory.ready(NOW).server_secret
    write_file(directory.path / "private" / "server-secret-20270101T000000Z.key", b"ab" * 32, 0o600)
    assert first.value != directory.ready(NOW).server_secret.value == b"\xab" * 32


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [
        (["private/ca.pem"], r"ca\.pem is missing: bring it back. For a new CA, which every registry has to be given"),
        (["private/ca.pem", "private/signing-*.pem"], r"ca\.pem is missing: bring it back"),
        (["private/ca.pem", "public/ca.crt"], r"ca\.pem is missing: bring it back"),
        (["private/server-secret-*.key"], "is missing: bring it back, or no deploy token works any more"),
    ],
)
def test_lost_file_that_others_depend_on_is_not_replaced(directory: KeyDirectory, lost: list[str], sentence: str) -> None:
    """A new CA would be refused by every registry, a new server secret by every deploy token: nothing is made, and the way out is told."""
    for pattern in lost:
        next(directory.path.glob(pattern)).unlink()
    left = sorted(directory.path.rglob("*.*"))
    with pytest.raises(ConfigurationError, match=sentence):
        directory.ready(NOW)
    assert sorted(directory.path.rglob("*.*")) == left


@pytest.mark.parametrize(
    "lost",
    [
        ["private/signing-*.pem"],
        ["private/signing-*.pem", "public/ca.crt", "public/jwks.json"],
        ["private/signing-*.pem", "public/ca.crt", "public/jwks.json", "private/ca.pem"],
        ["private/signing-*.pem", "public/ca.crt", "public/jwks.json", "private/ca.pem", "private/server-secret-*.key"],
    ],
)
def test_interrupted_start_is_completed(directory: KeyDirectory, lost: list[str]) -> None:
    """Whatever step of its making a new directory was interrupted at, the next start makes the rest."""
    for pattern in lost:
        next(directory.path.glob(pattern)).unlink()
    ring = directory.ready(NOW)
    assert ring.signing_key(NOW, DAY) is not None
    assert directory.bundle.read_bytes() == ring.authority.certificate.public_bytes(Encoding.PEM)


def encrypted() -> bytes:
    """Give a pair whose key needs a password."""
    pair = new_authority(NOW)
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    return key + pair.certificate.public_bytes(Encoding.PEM)


def of_rsa() -> bytes:
    """Give an RSA key beside a certificate of another key."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + new_authority(NOW).certificate.public_bytes(Encoding.PEM)


def of_p384() -> bytes:
    """Give a P-384 key, which ES256 cannot sign with."""
    key = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + new_authority(NOW).certificate.public_bytes(Encoding.PEM)


def mixed() -> bytes:
    """Give a key beside the certificate of another one."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + new_authority(NOW).certificate.public_bytes(Encoding.PEM)


NO_PAIR = "does not hold a private key and its certificate in PEM form"
BROKEN = {
    "empty CA": ("ca.pem", b"", NO_PAIR),
    "text": ("ca.pem", b"hello", NO_PAIR),
    "binary": ("ca.pem", b"\x00\xff" * 100, NO_PAIR),
    "key alone": ("ca.pem", mixed().split(b"-----BEGIN CERT")[0], NO_PAIR),
    "certificate alone": ("ca.pem", new_authority(NOW).certificate.public_bytes(Encoding.PEM), NO_PAIR),
    "encrypted key": ("ca.pem", encrypted(), NO_PAIR),
    "empty signing key": ("signing-*.pem", b"", NO_PAIR),
    "RSA": ("ca.pem", of_rsa(), "is not a P-256 key"),
    "another curve": ("signing-*.pem", of_p384(), "is not a P-256 key"),
    "another key": ("signing-*.pem", mixed(), "do not belong together"),
    "another CA": ("ca.pem", new_authority(NOW).private_pem(), r"was not signed by the CA in .*ca\.pem: move it away"),
    "foreign key": ("signing-*.pem", new_signing_pair(new_authority(NOW), NOW).private_pem(), "was not signed by the CA"),
    "empty secret": ("server-secret-*.key", b"", r"does not hold a server secret \(64 hexadecimal digits\)"),
    "short secret": ("server-secret-*.key", b"ab" * 31, "does not hold a server secret"),
    "binary secret": ("server-secret-*.key", b"\xff" * 64, "does not hold a server secret"),
}


@pytest.mark.parametrize(("pattern", "content", "sentence"), BROKEN.values(), ids=BROKEN)
def test_broken_file_is_named_and_left_alone(directory: KeyDirectory, pattern: str, content: bytes, sentence: str) -> None:
    """Nothing broken is used or overwritten; the sentence names the file and tells no key."""
    file = private(directory, pattern)
    write_file(file, content, 0o600)
    with pytest.raises(ConfigurationError, match=sentence) as error:
        directory.ready(NOW)
    assert "\n" not in str(error.value)
    assert file.read_bytes() == content


@pytest.mark.parametrize("name", ["signing-backup.pem", "signing-2026-old.pem"])
def test_file_of_another_name_is_named(directory: KeyDirectory, name: str) -> None:
    """A copy that somebody put beside the keys is refused by name."""
    shutil.copy(private(directory, "signing-*.pem"), directory.path / "private" / name)
    with pytest.raises(ConfigurationError, match=f"{name} is not named as this server names signing keys: move it away"):
        directory.ready(NOW)


@pytest.mark.parametrize("pattern", ["ca.pem", "signing-*.pem", "server-secret-*.key"])
def test_every_private_file_has_to_be_closed(directory: KeyDirectory, pattern: str) -> None:
    """A file that others can read is refused, whichever it is."""
    private(directory, pattern).chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"open to others \(mode 0644\): run `chmod 600"):
        directory.ready(NOW)


def test_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    """The refusal names the path and the setting."""
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"keys cannot be used \(Not a directory\): .*REGISTRY_AUTH_KEYS_DIR"):
        KeyDirectory(tmp_path / "keys").ready(NOW)


def test_files_lost_while_reading_are_reported(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is emptied at the worst moment is a refusal with a sentence, and no crash."""
    private(directory, "signing-*.pem").unlink()
    monkeypatch.setattr(KeyDirectory, "_make_missing", lambda _self, _now: None)
    with pytest.raises(ConfigurationError, match="lost files while it was read: start again"):
        directory.ready(NOW)


def test_key_retired_by_another_process_is_no_fault(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that vanishes between listing and reading makes the ring incomplete, to be read again."""
    gone = directory.path / "private" / "signing-20250101T000000Z-gone.pem"
    monkeypatch.setattr(KeyDirectory, "_signing_files", lambda _self: [gone])
    assert directory.read() is None
