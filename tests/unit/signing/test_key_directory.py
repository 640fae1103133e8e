"""The key directory: what it makes, renews and retires, and what it does where it cannot write."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry_auth.errors import ConfigurationError
from registry_auth.signing import KeyDirectory, private_keys
from registry_auth.signing.certificates import KeyPair, new_authority
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_files import write_private
from registry_auth.signing.key_ring import is_issued_by
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import own_pair
from tests.unit.signing.registry import Registry

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LIFETIME = timedelta(minutes=15)
KID_HEADERS = [TokenHeader.LIBTRUST_KID, TokenHeader.RFC7638_KID]


def private(directory: KeyDirectory, pattern: str) -> Path:
    """Give the one private file of this pattern."""
    (file,) = (directory.path / "private").glob(pattern)
    return file


def jwks_ids(directory: KeyDirectory) -> set[str]:
    """Give the key ids in the exported key set."""
    return {key["kid"] for key in json.loads((directory.path / "public" / "jwks.json").read_text())["keys"]}


def names(directory: KeyDirectory) -> list[str]:
    """Give the names of the private keys."""
    return sorted(path.name for path in directory.private.directory.glob("*.pem"))


@pytest.mark.parametrize("header", TokenHeader)
def test_new_directory_gets_everything_with_closed_modes(tmp_path: Path, header: TokenHeader) -> None:
    """Keys and secret are made in a directory of their own, closed to others; the exports are open, and hold nothing secret."""
    directory = KeyDirectory(tmp_path / "deep" / "keys", header)
    assert directory.read() is None
    ring = directory.ready(NOW)
    files = {path.name: path.stat().st_mode & 0o777 for path in (directory.path / "private").iterdir() if path.name != ".lock"}
    (signing,) = ring.signing_keys
    assert files == {"ca.pem": 0o600, signing.name: 0o600, private(directory, "server-secret-20260701T120000Z-????????.key").name: 0o600}
    assert (directory.path / "private").stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in (directory.path / "public").iterdir()} == {
        "ca.crt": 0o644,
        "signing.crt": 0o644,
        "jwks.json": 0o644,
    }
    assert directory.bundle.name == ("ca.crt" if header is TokenHeader.X5C else "signing.crt")
    assert signing.pair.kid in jwks_ids(directory)
    assert all(b"PRIVATE" not in path.read_bytes() for path in (directory.path / "public").iterdir())
    assert len(ring.server_secrets[0].value) == 32
    assert signing.pair.not_after == NOW + (90 if header is TokenHeader.X5C else 365) * DAY
    assert Registry(directory.bundle.read_bytes()).accepts(signing.token({}, header), NOW)


@pytest.mark.parametrize("header", TokenHeader)
def test_complete_directory_stays_as_it_is(directory: KeyDirectory, header: TokenHeader) -> None:
    """Looking again makes nothing new, whatever tokens carry: the files are the same in each mode."""
    directory.loaded()
    before = {path: path.stat().st_mtime_ns for path in directory.path.rglob("*")}
    first, second = (KeyDirectory(directory.path, header).ready(now) for now in (NOW, NOW + DAY))
    assert first.server_secrets == second.server_secrets
    assert first.signing_keys[0].pair.kid == second.signing_keys[0].pair.kid
    assert {path: path.stat().st_mtime_ns for path in directory.path.rglob("*")} == before


def test_signing_key_is_renewed_and_retired(directory: KeyDirectory) -> None:
    """At two thirds a new key joins the old one; when the old one's tokens are dead it goes, and the exports follow; the CA stays."""
    (old,) = directory.ready(NOW).signing_keys
    assert [key.name for key in directory.ready(NOW + 60 * DAY - SECOND).signing_keys] == [old.name]
    new, kept = directory.ready(NOW + 60 * DAY).signing_keys
    assert (kept.name, new.created_at) == (old.name, NOW + 60 * DAY)
    assert {new.pair.kid, old.pair.kid} <= jwks_ids(directory)
    bundle = directory.bundle.read_bytes()
    assert [key.name for key in directory.ready(NOW + 62 * DAY).signing_keys] == [new.name]
    assert old.pair.kid not in jwks_ids(directory)
    assert directory.bundle.read_bytes() == bundle


@pytest.mark.parametrize("header", KID_HEADERS)
def test_next_signing_key_is_published_and_waits(tmp_path: Path, header: TokenHeader) -> None:
    """60 days before the end of the year the bundle and the key set have the next one too; it stays the next one, and the only one."""
    directory = KeyDirectory(tmp_path, header)
    (old,) = directory.ready(NOW).signing_keys
    assert directory.ready(NOW + 305 * DAY - SECOND).next_signing_key is None
    published = directory.ready(NOW + 305 * DAY)
    assert published.signing_keys == (old,)
    assert published.next_signing_key is not None
    assert published.next_signing_key.pair.not_after == NOW + (305 + 365) * DAY
    assert published.next_signing_key.pair.kid in jwks_ids(directory)
    registry = Registry(directory.bundle.read_bytes())
    assert all(registry.accepts(key.token({}, header), NOW) for key in published.published_keys)
    late = directory.ready(NOW + 900 * DAY)
    assert late.published_keys == published.published_keys
    assert late.signing_key(NOW + 900 * DAY, LIFETIME) is None


@pytest.mark.parametrize("header", TokenHeader)
def test_imported_key_is_never_replaced_by_the_server(directory: KeyDirectory, header: TokenHeader) -> None:
    """Whoever has brought it brings the next one: not even its end makes the server issue another."""
    KeyChanges(directory).import_key(own_pair(), NOW)
    KeyChanges(directory).activate(NOW)
    for days in (200, 364, 366, 1_000):
        ring = KeyDirectory(directory.path, header).ready(NOW + days * DAY)
        assert [key.is_imported for key in ring.published_keys] == [True]
        assert (ring.signing_key(NOW + days * DAY, LIFETIME) is not None) is (days < 365)


def test_directory_renews_itself_over_the_life_of_the_ca(directory: KeyDirectory) -> None:
    """Looked at every ten days, there always is a key that signs, until the CA's last days; and never more than two."""
    ca_end = directory.ready(NOW).authority.not_after
    now = NOW
    while now < ca_end - DAY:
        ring = directory.ready(now)
        assert ring.signing_key(now, DAY / 2) is not None
        assert len(ring.signing_keys) <= 2
        now += 10 * DAY
    assert directory.ready(ca_end + 5 * DAY).signing_key(ca_end, DAY) is None


def test_names_are_newer_when_the_clock_was_set_back(directory: KeyDirectory) -> None:
    """A key that is made while the clock is behind comes first all the same, or its certificate would never be used."""
    (ahead,) = directory.ready(NOW).signing_keys
    now = NOW - 2 * DAY
    first, second = directory.ready(now).signing_keys
    assert (first.created_at, second) == (NOW + SECOND, ahead)
    assert directory.ready(now).signing_key(now, LIFETIME) == first


def test_ended_ca_is_named_when_a_key_is_missing(directory: KeyDirectory) -> None:
    """A server that wakes up after the end of its CA, and without a signing key, says what to do."""
    private(directory, "signing-*.pem").unlink()
    with pytest.raises(ConfigurationError, match=r"The CA in .*ca\.pem ended on 2036-06-28: run `registry-auth keys rotate --ca`"):
        directory.ready(NOW + 3660 * DAY)


def test_ended_ca_does_not_keep_the_directory_from_being_read(directory: KeyDirectory, caplog: pytest.LogCaptureFixture) -> None:
    """What is to be done is in the log; nothing signs, and the same command that mends it can be run."""
    now = NOW + 3660 * DAY
    assert directory.ready(now).signing_key(now, LIFETIME) is None
    assert "keys rotate --ca`" in caplog.text
    changes = KeyChanges(directory)
    assert changes.rotate_authority(now)
    changes.activate(now)
    assert directory.ready(now).signing_key(now, LIFETIME) is not None


@pytest.mark.parametrize("name", ["public/ca.crt", "public/signing.crt", "public/jwks.json", "public"])
@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_exports_are_made_from_the_private_files(directory: KeyDirectory, name: str, damage: str) -> None:
    """An export that is gone or was changed is made again."""
    files = sorted((directory.path / name).iterdir()) if name == "public" else [directory.path / name]
    before = [file.read_bytes() for file in files]
    for file in files:
        file.unlink() if damage == "missing" else file.write_bytes(b"changed")
    if (name, damage) == ("public", "missing"):
        (directory.path / name).rmdir()
    directory.ready(NOW)
    assert [file.read_bytes() for file in files] == before


def test_exports_are_made_from_what_another_process_did_meanwhile(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has read the keys before the next CA was published does not write the bundle of before over the new one."""
    stale = directory.loaded()
    KeyChanges(KeyDirectory(directory.path)).rotate_authority(NOW)
    with monkeypatch.context() as slow:
        slow.setattr(directory, "read", iter([stale, directory.loaded()]).__next__)
        assert directory.ready(NOW).next_authority is not None
    assert len(Registry(directory.bundle.read_bytes()).trusted) == 2


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [
        (
            ["private/ca.pem"],
            r"ca\.pem is missing: bring it back. For a new CA, which every registry has to be given, remove .*private/\*\.pem",
        ),
        (["private/ca.pem", "private/signing-*.pem"], r"ca\.pem is missing: bring it back"),
        (["private/ca.pem", "public/ca.crt"], r"ca\.pem is missing: bring it back"),
        (
            ["private/server-secret-*.key"],
            "is missing: bring it back, or no token works any more. .*run `registry-auth keys rotate --server-secret`",
        ),
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
        ["private/signing-*.pem", "public/*"],
        ["private/signing-*.pem", "public/*", "private/ca.pem"],
        ["private/signing-*.pem", "public/*", "private/ca.pem", "private/server-secret-*.key"],
    ],
)
def test_interrupted_start_is_completed(directory: KeyDirectory, lost: list[str]) -> None:
    """Whatever step of its making a new directory was interrupted at, the next start makes the rest."""
    for pattern in lost:
        for file in list(directory.path.glob(pattern)):
            file.unlink()
    ring = directory.ready(NOW)
    assert ring.signing_key(NOW, DAY) is not None
    assert directory.bundle.read_bytes() == ring.authority.certificate.public_bytes(Encoding.PEM)


def test_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    """The refusal names the path and the setting."""
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"keys cannot be used \(Not a directory\): .*REGISTRY_AUTH_KEYS_DIR"):
        KeyDirectory(tmp_path / "keys").ready(NOW)


def test_change_in_the_middle_of_reading_is_no_error(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA from before it and a signing key from after it do not go together; what is given is of after."""
    changes = KeyChanges(directory)
    changed: list[Path] = []
    changes.rotate_authority(NOW)
    read_pair = private_keys.read_pair

    def interrupted(path: Path) -> KeyPair:
        pair = read_pair(path)
        if path == directory.private.authority and not changed:
            changed.append(path)
            changes.activate(NOW + DAY)
        return pair

    monkeypatch.setattr(private_keys, "read_pair", interrupted)
    ring = directory.loaded()
    assert changed
    assert is_issued_by(ring.signing_keys[0].pair, ring.authority.certificate)


def test_files_lost_while_reading_are_reported(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is emptied at the worst moment is a refusal with a sentence, and no crash."""
    private(directory, "signing-*.pem").unlink()
    monkeypatch.setattr(KeyDirectory, "_make_missing", lambda _self, _now: None)
    with pytest.raises(ConfigurationError, match=r"There are no complete keys in .*: run `registry-auth keys init`"):
        directory.ready(NOW)


@pytest.mark.parametrize("name", [".ca.pem.x.unfinished", ".signing-20260701T120000Z-abcdefgh.pem.y.unfinished"])
def test_unfinished_private_file_is_removed_by_the_next_change(directory: KeyDirectory, name: str) -> None:
    """It holds a private key that nobody uses; it is not read meanwhile."""
    unfinished = directory.private.directory / name
    write_private(unfinished, new_authority(NOW).private_pem())
    assert directory.ready(NOW).authority == directory.loaded().authority
    KeyChanges(directory).rotate(NOW + DAY)
    assert not unfinished.exists()
    assert len(names(directory)) == 3
