"""The private files: what each name means, and the sentence for every file that is not usable."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from registry_auth.errors import ConfigurationError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.certificates import new_authority, new_signing_pair
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_files import write_file
from registry_auth.signing.private_keys import PrivateKeys
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import certificate_pem, certified, key_pem, own_key, own_pair

DAY = timedelta(days=1)


def private(directory: KeyDirectory, pattern: str) -> Path:
    """Give the one private file of this pattern."""
    (file,) = (directory.path / "private").glob(pattern)
    return file


@pytest.fixture
def full(directory: KeyDirectory) -> KeyDirectory:
    """Give a key directory with a file of every name."""
    changes = KeyChanges(directory)
    changes.rotate_authority(NOW)
    changes.activate(NOW)
    changes.rotate_authority(NOW + timedelta(hours=1))
    changes.rotate_server_secret(NOW + timedelta(hours=1))
    changes.import_key(own_pair(), NOW + timedelta(hours=1))
    return directory


def test_name_says_what_a_file_is(full: KeyDirectory) -> None:
    """CAs, keys and secrets are told apart by their names, and dated by them too."""
    ring = full.loaded()
    assert len(ring.former_authorities) == 1
    assert ring.next_authority is not None
    assert ring.next_signing_key is not None
    assert ring.next_signing_key.is_imported
    assert [key.is_imported for key in ring.signing_keys] == [False, False]
    assert [secret.created_at for secret in ring.server_secrets] == [NOW + timedelta(hours=1), NOW]
    names = sorted(path.name for path in full.private.directory.iterdir() if path.name != ".lock")
    assert [name.split("-2026")[0] for name in names] == [
        "ca.pem",
        "former-ca",
        "next-ca.pem",
        "next-imported",
        "server-secret",
        "server-secret",
        "signing",
        "signing",
    ]
    KeyChanges(full).activate(NOW + timedelta(hours=2))
    ring = full.loaded()
    assert [key.is_imported for key in ring.signing_keys] == [True, False, False]
    assert ring.signing_keys[0].created_at == NOW + timedelta(hours=2)


def test_incomplete_directory_has_no_ring(directory: KeyDirectory) -> None:
    """CA, signing key and server secret are needed; nothing of it is None for no ring at all."""
    for pattern in ("ca.pem", "signing-*.pem", "server-secret-*.key"):
        file = private(directory, pattern)
        content = file.read_bytes()
        file.unlink()
        assert directory.read() is None
        write_file(file, content, 0o600)
    assert directory.read() is not None
    assert PrivateKeys(directory.path / "elsewhere").load() is None


def test_newest_server_secret_comes_first(directory: KeyDirectory) -> None:
    """A file whose name has no id is read like the others."""
    (first,) = directory.loaded().server_secrets
    write_file(directory.path / "private" / "server-secret-20270101T000000Z.key", b"ab" * 32, 0o600)
    newer, older = directory.loaded().server_secrets
    assert (newer.value, older) == (b"\xab" * 32, first)


def encrypted() -> bytes:
    """Give a pair whose key needs a password."""
    pair = own_pair("P-256")
    return pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")) + certificate_pem(pair)


def of_edwards() -> bytes:
    """Give an Edwards key beside a certificate of another key."""
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + certificate_pem(own_pair("P-256"))


MIXED = key_pem(own_key("P-384")) + certificate_pem(own_pair("P-256"))
OF_ANOTHER_CURVE = key_pem(own_key("secp256k1")) + certificate_pem(certified(own_key("secp256k1")))
NO_PAIR = "does not hold a private key, unencrypted, and its certificate in PEM form"
NEITHER = "holds a key that is neither RSA nor on one of the curves"
BROKEN = {
    "empty CA": ("ca.pem", b"", NO_PAIR),
    "text": ("ca.pem", b"hello", NO_PAIR),
    "binary": ("ca.pem", b"\x00\xff" * 100, NO_PAIR),
    "key alone": ("ca.pem", key_pem(own_key("P-256")), NO_PAIR),
    "certificate alone": ("ca.pem", certificate_pem(own_pair("P-256")), NO_PAIR),
    "encrypted key": ("ca.pem", encrypted(), NO_PAIR),
    "empty signing key": ("signing-2*.pem", b"", NO_PAIR),
    "short RSA": ("ca.pem", own_pair("RSA-1024").private_pem(), "holds a key that is an RSA key of 1024 bits, and it takes 2048"),
    "another curve": ("signing-2*.pem", OF_ANOTHER_CURVE, NEITHER),
    "Edwards": ("signing-2*.pem", of_edwards(), NEITHER),
    "another key": ("signing-2*.pem", MIXED, "holds a key and a certificate that do not belong together"),
    "another CA": ("ca.pem", new_authority(NOW).private_pem(), r"was not signed by the CA in .*ca\.pem: move it away\. A key with a"),
    "foreign key": ("signing-2*.pem", new_signing_pair(new_authority(NOW), NOW).private_pem(), "was not signed by the CA"),
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
    assert str(file.parent) in str(error.value)
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("pattern", "content", "sentence"),
    [
        ("next-ca.pem", b"hello", NO_PAIR),
        ("next-imported-*.pem", MIXED, "do not belong together"),
        ("former-ca-*.crt", b"hello", "does not hold a certificate in PEM form"),
    ],
)
def test_broken_file_that_is_to_follow_or_was_before_is_named(full: KeyDirectory, pattern: str, content: bytes, sentence: str) -> None:
    """What is not in use yet, or no longer, is to be as sound as the rest."""
    file = private(full, pattern)
    write_file(file, content, 0o600)
    with pytest.raises(ConfigurationError, match=f"{file.name} {sentence}|{file.name} .*{sentence}"):
        full.ready(NOW)


@pytest.mark.parametrize(
    "name", ["signing-backup.pem", "signing-2026-old.pem", "signing-20261301T000000Z-x.pem", "imported-mine.pem", "next-signing-x.pem"]
)
def test_file_of_another_name_is_named(directory: KeyDirectory, name: str) -> None:
    """A copy that somebody put beside the keys is refused by name."""
    shutil.copy(private(directory, "signing-*.pem"), directory.path / "private" / name)
    with pytest.raises(ConfigurationError, match=f"{name} is not named as this server names its keys: move it away"):
        directory.ready(NOW)


PRIVATE_FILES = ["ca.pem", "next-ca.pem", "next-imported-*.pem", "server-secret-*.key", "signing-*.pem"]


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602])
def test_every_private_file_has_to_be_closed(full: KeyDirectory, mode: int) -> None:
    """A file that others can read or the group can write is refused, whichever it is, with the command that mends it."""
    for pattern in PRIVATE_FILES:
        file = max(full.private.directory.glob(pattern))
        file.chmod(mode)
        with pytest.raises(ConfigurationError, match=rf"{file} is open to others \(mode {mode:04o}\): run `chmod 600 {file}`"):
            full.ready(NOW)
        file.chmod(0o640)
    assert full.read() is not None


def test_key_retired_by_another_process_is_no_fault(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that vanishes between listing and reading makes the ring incomplete, to be read again."""
    gone = directory.path / "private" / "signing-20250101T000000Z-gone.pem"
    monkeypatch.setattr(PrivateKeys, "signing", [gone])
    assert directory.read() is None
