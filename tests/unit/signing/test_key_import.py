"""Keys that an operator brings along: which are taken, and the sentence for each that is not."""

import shlex
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat

from registry_auth.errors import ConflictError, InvalidValueError
from registry_auth.services import utc_now
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_import import check_importable, read_importable
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import certificate_pem, certified, key_pem, own_key, own_pair, short_pair
from tests.unit.signing.registry import Registry

DAY = timedelta(days=1)

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def taken(pem: bytes) -> bool:
    """Say whether what is in a PEM text is taken, as it is; raise what refuses it."""
    pair = read_importable(pem)
    check_importable(pair, NOW)
    return pair.certificate.public_key() == pair.key.public_key()


@pytest.mark.parametrize("kind", ["RSA-2048", "RSA-4096", "P-256", "P-384", "P-521"])
def test_key_of_each_kind_is_taken(kind: str) -> None:
    """Every registry accepts what such a key signs."""
    assert taken(own_pair(kind).private_pem())


def test_key_and_certificate_may_stand_in_any_order() -> None:
    """With anything else between them."""
    key, certificate = key_pem(own_key("P-384")), certificate_pem(own_pair("P-384"))
    for pem in (key + certificate, certificate + key, b"Certificate:\n  Data\n" + certificate + b"\r\nhere is the key\n" + key):
        assert taken(pem)


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
@pytest.mark.parametrize("kind", ["RSA-2048", "P-256"])
def test_key_in_either_pem_form_is_taken(kind: str, form: PrivateFormat) -> None:
    """`openssl ecparam` and `genrsa` write the older one."""
    assert taken(own_key(kind).private_bytes(Encoding.PEM, form, NoEncryption()) + certificate_pem(own_pair(kind)))


def test_certificate_without_constraints_and_one_of_the_future_are_taken() -> None:
    """Registries accept the first as it is; the second waits until it is valid."""
    key = own_key("P-256")
    assert taken(certified(key, is_authority=None).private_pem())
    assert taken(certified(key, start=NOW + DAY).private_pem())


def test_first_certificate_counts() -> None:
    """It is that of the key, as in any file with the chain behind it."""
    chain = certificate_pem(own_pair("P-521"))
    assert taken(own_pair("P-256").private_pem() + chain)
    with pytest.raises(InvalidValueError, match="do not belong together"):
        taken(chain + own_pair("P-256").private_pem())


def encrypted(form: PrivateFormat) -> bytes:
    """Give a key that needs a password, with its certificate."""
    return own_key("P-256").private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret")) + certificate_pem(own_pair("P-256"))


def beside_a_certificate(key: PrivateKeyTypes) -> bytes:
    """Give a key with the certificate of another one."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate_pem(own_pair("P-256"))


OPENSSL = "openssl req -x509 -key KEY -subj /CN=registry-auth -days 365 -addext basicConstraints=critical,CA:FALSE -out CERTIFICATE"
NO_CERTIFICATE = f"There is no certificate in PEM form. This makes a certificate: {OPENSSL}"
NO_PAIR = "What is given does not hold a private key, unencrypted, and its certificate in PEM form."
NEITHER = "What is given holds a key that is neither RSA nor on one of the curves P-256, P-384 and P-521."
OF_A_CA = (
    "The certificate is that of a CA, or of version 1, which counts as one: a registry that has it in its bundle accepts tokens from "
    f"everybody to whom that CA issues a certificate. This makes another one for the same key: {OPENSSL}"
)
PUBLIC = own_key("P-256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
REFUSED = {
    "nothing": (b"", NO_CERTIFICATE),
    "text": (b"hello", NO_CERTIFICATE),
    "key alone": (key_pem(own_key("P-256")), NO_CERTIFICATE),
    "certificate in another form": (key_pem(own_key("P-256")) + own_pair("P-256").certificate.public_bytes(Encoding.DER), NO_CERTIFICATE),
    "public key alone": (
        PUBLIC,
        f"There is a bare public key, which no registry accepts in its bundle. This makes a certificate: {OPENSSL}",
    ),
    "public key and certificate": (PUBLIC + certificate_pem(own_pair("P-256")), NO_PAIR),
    "certificate alone": (certificate_pem(own_pair("P-256")), NO_PAIR),
    "encrypted": (encrypted(PrivateFormat.PKCS8), NO_PAIR),
    "encrypted in the older form": (encrypted(PrivateFormat.TraditionalOpenSSL), NO_PAIR),
    "broken certificate": (key_pem(own_key("P-256")) + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NO_PAIR),
    "not together": (
        key_pem(own_key("P-384")) + certificate_pem(own_pair("P-256")),
        "What is given holds a key and a certificate that do not belong together.",
    ),
    "RSA-1024": (own_pair("RSA-1024").private_pem(), "What is given holds a key that is an RSA key of 1024 bits, and it takes 2048."),
    "secp256k1": (own_pair("secp256k1").private_pem(), NEITHER),
    "P-224": (certified(ec.generate_private_key(ec.SECP224R1())).private_pem(), NEITHER),
    **{
        name: (
            beside_a_certificate(key),
            "The key is an Edwards key (Ed25519): a registry 2 with its certificate in the bundle ends at its start.",
        )
        for name, key in (("Ed25519", ed25519.Ed25519PrivateKey.generate()), ("Ed448", ed448.Ed448PrivateKey.generate()))
    },
    "expired": (certified(own_key("P-256"), end=NOW).private_pem(), "The certificate ended on 2026-07-01."),
    "CA": (
        certified(own_key("P-256"), is_authority=True).private_pem(),
        OF_A_CA,
    ),
}


@pytest.mark.parametrize(("pem", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_not_every_registry_accepts_is_refused(pem: bytes, sentence: str) -> None:
    """The sentence says what is wrong, and, where a command helps, which."""
    with pytest.raises(InvalidValueError) as error:
        taken(pem)
    assert str(error.value) == sentence


def openssl(command: str, directory: Path) -> None:
    """Run a command line of OpenSSL's."""
    subprocess.run(shlex.split(command), cwd=directory, check=True, capture_output=True)


@needs_openssl
@pytest.mark.parametrize("name", ["CA", "key alone"])
def test_command_of_the_refusal_makes_what_is_taken(tmp_path: Path, name: str) -> None:
    """With the installed OpenSSL, whose own default is the certificate of a CA."""
    pem, sentence = REFUSED[name]
    (tmp_path / "KEY").write_bytes(pem)
    openssl(sentence.partition("key: " if name == "CA" else "certificate: ")[2], tmp_path)
    made = read_importable(pem.partition(b"-----BEGIN CERT")[0] + (tmp_path / "CERTIFICATE").read_bytes())
    check_importable(made, utc_now())
    openssl("openssl req -x509 -key KEY -subj /CN=registry-auth -days 365 -out CERTIFICATE", tmp_path)
    check_counts_as_authority(tmp_path, pem)


@needs_openssl
def test_certificate_of_version_1_counts_as_that_of_a_ca(tmp_path: Path) -> None:
    """OpenSSL makes one where no extension is asked for, and to a registry whatever its key has certified is good."""
    pem = key_pem(own_key("P-256"))
    (tmp_path / "KEY").write_bytes(pem)
    openssl("openssl req -new -key KEY -subj /CN=registry-auth -out REQUEST", tmp_path)
    openssl("openssl x509 -req -in REQUEST -signkey KEY -days 365 -out CERTIFICATE", tmp_path)
    check_counts_as_authority(tmp_path, pem)


def check_counts_as_authority(directory: Path, key: bytes) -> None:
    """Check that the certificate in a directory is refused."""
    pair = read_importable(key.partition(b"-----BEGIN CERT")[0] + (directory / "CERTIFICATE").read_bytes())
    with pytest.raises(InvalidValueError, match="The certificate is that of a CA"):
        check_importable(pair, utc_now())


FORM = "The certificate writes its key in a form that registries do not read: "
UNREADABLE = {
    "RSA-PSS": ("openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out KEY", FORM),
    "curve by its parameters": ("openssl ecparam -name prime256v1 -param_enc explicit -genkey -out KEY", FORM),
    "curve that nobody uses": ("openssl ecparam -name prime239v1 -genkey -out KEY", NEITHER),
}


@needs_openssl
@pytest.mark.parametrize(("command", "sentence"), UNREADABLE.values(), ids=UNREADABLE)
def test_key_in_a_form_that_registries_do_not_read_is_refused(tmp_path: Path, command: str, sentence: str) -> None:
    """The kind of key may be right, and yet a registry with its certificate would not start."""
    openssl(command, tmp_path)
    openssl(OPENSSL, tmp_path)
    with pytest.raises(InvalidValueError) as error:
        check_importable(read_importable((tmp_path / "KEY").read_bytes() + (tmp_path / "CERTIFICATE").read_bytes()), utc_now())
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("header", TokenHeader)
@pytest.mark.parametrize("make", [lambda: own_pair("P-521"), lambda: own_pair("RSA-2048"), short_pair])
def test_imported_key_is_published_and_signs_once_it_is_activated(tmp_path: Path, header: TokenHeader, make: Callable[..., object]) -> None:
    """A registry that was restarted in between accepts what both keys sign, before and after."""
    pair = make()
    directory = KeyDirectory(tmp_path, header)
    directory.ready(NOW)
    changes = KeyChanges(directory)
    imported = changes.import_key(pair, NOW + DAY)  # type: ignore[arg-type]
    assert imported == directory.loaded().next_signing_key
    registry = Registry(directory.bundle.read_bytes())
    for signs in (directory.loaded().signing_keys[0], imported):
        key = directory.loaded().signing_key(NOW + DAY, timedelta(minutes=15))
        assert key is not None
        assert key.pair.kid == signs.pair.kid
        assert registry.accepts(key.token({}, header), NOW + DAY)
        if signs is not imported:
            changes.activate(NOW + DAY)


def test_key_that_is_there_already_is_refused(directory: KeyDirectory) -> None:
    """Whether it waits, signs or is the server's own; and while one waits there is no room for another."""
    changes = KeyChanges(directory)
    waiting = changes.import_key(own_pair("P-384"), NOW)
    with pytest.raises(ConflictError, match="This key is among the signing keys already"):
        changes.import_key(own_pair("P-384"), NOW)
    with pytest.raises(ConflictError, match=f"{waiting.name} waits to be activated: run `registry-auth keys activate`, or remove it"):
        changes.import_key(own_pair("P-521"), NOW)
    changes.activate(NOW)
    for pair in (own_pair("P-384"), *(key.pair for key in directory.loaded().signing_keys)):
        with pytest.raises(ConflictError, match="This key is among the signing keys already"):
            changes.import_key(pair, NOW)
    assert len(directory.loaded().published_keys) == 2


def test_refused_key_leaves_nothing(directory: KeyDirectory) -> None:
    """No file of it is in the key directory."""
    before = sorted(directory.path.rglob("*"))
    for pair in (certified(own_key("P-256"), end=NOW), certified(own_key("P-256"), is_authority=True)):
        with pytest.raises(InvalidValueError):
            KeyChanges(directory).import_key(pair, NOW)
    assert sorted(directory.path.rglob("*")) == before
