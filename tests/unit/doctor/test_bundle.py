"""The doctor on a registry's bundle: one bundle that is wrong in one way for each finding, and the right ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from registry_auth.doctor.bundle import examine_bundle
from registry_auth.doctor.findings import Severity, worst
from registry_auth.signing.certificates import new_authority
from registry_auth.signing.key_ids import distribution_3_1_kid, libtrust_kid
from registry_auth.values import TokenHeader
from tests.unit.doctor.certificates import Keys, certificate, certificate_pem, new_key, private_pem, public_pem
from tests.unit.installation import NOW

FINE, WARNING, BROKEN = Severity
X5C, LIBTRUST, RFC7638 = TokenHeader
LIFETIME = timedelta(minutes=15)

STRANGER = new_key()
FOREIGN_CA = certificate(new_key(), "corporate CA", is_authority=True)
OTHER_INSTALLATION = new_authority(NOW).certificate


def with_next_ca(keys: Keys) -> bytes:
    """Publish the next CA."""
    keys.rotate_authority()
    return keys.bundle


def before_next_ca(keys: Keys) -> bytes:
    """Give the bundle of before the next CA was published."""
    before = keys.bundle
    keys.rotate_authority()
    return before


def before_new_ca(keys: Keys) -> bytes:
    """Give the bundle of before the CA was replaced."""
    before = keys.bundle
    keys.rotate_authority()
    keys.activate()
    return before


def next_ca_alone(keys: Keys) -> bytes:
    """Publish the next CA, and give it alone."""
    keys.rotate_authority()
    assert keys.ring.next_authority is not None
    return certificate_pem(keys.ring.next_authority.certificate)


def with_next_key(keys: Keys) -> bytes:
    """Publish the next signing key."""
    keys.rotate()
    return keys.bundle


def before_next_key(keys: Keys) -> bytes:
    """Give the bundle of before the next signing key was published."""
    before = keys.bundle
    keys.rotate()
    return before


def before_new_key(keys: Keys) -> bytes:
    """Give the bundle of before the key that signs was published."""
    before = keys.bundle
    keys.rotate()
    keys.activate()
    return before


def imported(keys: Keys) -> bytes:
    """Let an imported key sign."""
    keys.import_key()
    keys.activate()
    return keys.bundle


def before_import(keys: Keys) -> bytes:
    """Give the bundle of before the key that signs was imported."""
    before = keys.bundle
    imported(keys)
    return before


def years_later(years: int) -> Callable[[Keys], bytes]:
    """Let years pass."""

    def pass_by(keys: Keys) -> bytes:
        keys.now += timedelta(days=365) * years
        return keys.bundle

    return pass_by


def years_back(keys: Keys) -> bytes:
    """Set the clock back."""
    keys.now -= timedelta(days=3)
    return keys.bundle


def of_edwards(keys: Keys) -> bytes:
    """Add a certificate that registry 2 does not know what to do with."""
    return keys.bundle + certificate_pem(certificate(ed25519.Ed25519PrivateKey.generate()))


@dataclass(frozen=True)
class Case:
    """What is in the file, and what is said of it."""

    content: Callable[[Keys], bytes]
    severity: Severity
    trusts_us: bool
    sentences: tuple[str, ...]
    header: TokenHeader = X5C


REFUSES = "A registry with this file refuses all tokens."
ENDS = "A registry with this file ends at its start."
REPLACE = "and restart the registry, which reads it only at its start."

CASES = {
    "ours": Case(lambda keys: keys.bundle, FINE, True, ("makes a registry trust our tokens, by the CA 'registry-auth CA ",)),
    "next CA too": Case(with_next_ca, FINE, True, ("too, which does not sign yet: once every registry was restarted", "by the CA")),
    "without the next CA": Case(before_next_ca, WARNING, True, ("lacks the CA 'registry-auth CA ", "After `registry-auth keys activate`")),
    "CA replaced": Case(
        before_new_ca, BROKEN, False, ("none that vouches for the key that signs now", "an older bundle", REFUSES, REPLACE)
    ),
    "next CA alone": Case(
        next_ca_alone, BROKEN, False, ("is published and does not sign yet: that begins with `registry-auth keys activate`",)
    ),
    "CA ended": Case(years_later(11), BROKEN, False, ("the CA 'registry-auth CA ", "ended on 2036-06-28", "keys rotate --ca")),
    "CA of tomorrow": Case(years_back, BROKEN, False, ("begins on 2026-06-30", "Look at the clock")),
    "signing certificate": Case(
        lambda keys: (keys.directory.public / "signing.crt").read_bytes(),
        WARNING,
        True,
        ("and not the CA", "makes and uses another key by itself"),
    ),
    "another installation": Case(
        lambda _: certificate_pem(OTHER_INSTALLATION),
        BROKEN,
        False,
        ("'registry-auth CA ", "It is the bundle of another installation", REPLACE),
    ),
    "foreign CA too": Case(
        lambda keys: keys.bundle + certificate_pem(FOREIGN_CA),
        WARNING,
        True,
        ("holds the CA 'corporate CA' too, not of this installation", "a certificate from such a CA, can sign tokens"),
    ),
    "a vendor's CAs": Case(
        lambda keys: keys.bundle + certificate_pem(*[FOREIGN_CA] * 140),
        WARNING,
        True,
        ("'corporate CA', the CA 'corporate CA' and 137 more",),
    ),
    "imported": Case(imported, FINE, True, ("by the certificate 'imported' of the key ",)),
    "before the import": Case(before_import, BROKEN, False, ("holds the CA 'registry-auth CA ", "an older bundle of this installation")),
    "key id": Case(lambda keys: keys.bundle, FINE, True, ("by the certificate 'registry-auth token signing' of the key ",), LIBTRUST),
    "key id, CA": Case(
        lambda keys: (keys.directory.public / "ca.crt").read_bytes(),
        BROKEN,
        False,
        ("with REGISTRY_AUTH_TOKEN_HEADER=libtrust-kid they carry a key id alone", "public/signing.crt to it"),
        LIBTRUST,
    ),
    "key id, next key too": Case(with_next_key, FINE, True, ("too, which does not sign yet",), RFC7638),
    "key id, without the next key": Case(before_next_key, WARNING, True, ("lacks the certificate 'registry-auth token signing'",), RFC7638),
    "key id, key replaced": Case(before_new_key, BROKEN, False, ("an older bundle of this installation", REPLACE), LIBTRUST),
    "key id, ended": Case(years_later(2), FINE, True, ("(until 2027-07-01)",), LIBTRUST),
    "Ed25519 too": Case(
        of_edwards, WARNING, True, ("neither RSA nor P-256, P-384 or P-521", "Registry 2 ends at its start", "not of this installation")
    ),
    "empty": Case(lambda _: b"", BROKEN, False, ("holds no certificate.", ENDS, "public/ca.crt to it")),
    "private key alone": Case(lambda _: private_pem(STRANGER), BROKEN, False, ("holds a private key, and no certificate.", ENDS)),
    "public key alone": Case(lambda _: public_pem(STRANGER), BROKEN, False, ("holds a bare public key, and no certificate.", ENDS)),
    "binary": Case(
        lambda _: FOREIGN_CA.public_bytes(Encoding.DER), BROKEN, False, ("no certificate in PEM form, but something binary", ENDS)
    ),
    "damaged": Case(lambda keys: keys.bundle.replace(b"M", b"N", 9), BROKEN, False, ("holds a certificate that is damaged.", ENDS)),
    "one damaged": Case(
        lambda keys: keys.bundle + keys.bundle.replace(b"M", b"N", 9), BROKEN, True, ("holds a certificate that is damaged.", "by the CA")
    ),
    "private key too": Case(
        lambda keys: keys.bundle + private_pem(STRANGER), WARNING, True, ("holds a private key.", "but whoever reads the file has it")
    ),
    "our private key too": Case(
        lambda keys: keys.directory.private.authority.read_bytes(),
        WARNING,
        True,
        ("holds a private key of this installation.", "can sign tokens that every registry accepts", "keys rotate --ca"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bundle_is_diagnosed(tmp_path: Path, case: Case) -> None:
    """Each bundle gets its sentences and its severity, and it is told whether a registry with it trusts our tokens."""
    keys = Keys(tmp_path / "keys", case.header)
    file = tmp_path / "rootcertbundle.pem"
    file.write_bytes(case.content(keys))
    trusts_us, findings = examine_bundle(file, keys.directory, keys.ring, keys.now, LIFETIME)
    said = "\n".join(f"{finding.seen} {finding.meaning} {finding.remedy}" for finding in findings)
    assert [sentence for sentence in case.sentences if sentence not in said] == [], said
    assert (worst(findings), trusts_us) == (case.severity, case.trusts_us), said
    assert "PRIVATE" not in said


def test_ended_imported_certificate_is_replaced_by_another_import(tmp_path: Path) -> None:
    """A key with a certificate of its own is not what a new CA replaces."""
    keys = Keys(tmp_path / "keys")
    file = tmp_path / "rootcertbundle.pem"
    file.write_bytes(imported(keys))
    trusts_us, (finding,) = examine_bundle(file, keys.directory, keys.ring, keys.now + timedelta(days=400), LIFETIME)
    assert (finding.severity, trusts_us) == (BROKEN, False)
    assert finding.remedy is not None
    assert finding.remedy.startswith("Import another key with `registry-auth keys import`, copy ")


@pytest.mark.parametrize("header", [LIBTRUST, RFC7638])
def test_ids_of_all_generations_stand_beside_ours(tmp_path: Path, header: TokenHeader) -> None:
    """Where tokens carry a key id alone, it is told which registries compute the same one from the bundle."""
    keys = Keys(tmp_path / "keys", header)
    _, findings = examine_bundle(keys.directory.bundle, keys.directory, keys.ring, keys.now, LIFETIME)
    key = keys.ring.signing_keys[0].public_key
    ids = {LIBTRUST: libtrust_kid(key), RFC7638: distribution_3_1_kid(key)}
    registry_2, registry_3 = ("the same" if header is each else kid for each, kid in ids.items())
    computed = f"registry 2 computes {registry_2}, registry 3.0 one for all keys of its curve, registry 3.1 {registry_3}: only"
    assert f"Tokens carry the key id {ids[header]}. For this certificate {computed}" in findings[1].seen


@pytest.mark.parametrize(("name", "reason"), [("missing.pem", "No such file or directory"), (".", "Is a directory")])
def test_file_that_cannot_be_read_tells_nothing(tmp_path: Path, name: str, reason: str) -> None:
    """Then it is not known what the registry trusts."""
    keys = Keys(tmp_path / "keys")
    trusts_us, (finding,) = examine_bundle(tmp_path / name, keys.directory, keys.ring, NOW, LIFETIME)
    assert (finding.severity, trusts_us) == (BROKEN, None)
    assert f"cannot be read ({reason})." in finding.seen


def test_without_keys_of_ours_the_file_itself_is_judged(tmp_path: Path) -> None:
    """A broken key directory does not hide what is wrong with the file alone."""
    keys = Keys(tmp_path / "keys")
    file = tmp_path / "rootcertbundle.pem"
    file.write_bytes(of_edwards(keys) + private_pem(STRANGER))
    trusts_us, findings = examine_bundle(file, keys.directory, None, NOW, LIFETIME)
    assert trusts_us is None
    assert ["Registry 2 ends" in str(finding.meaning) for finding in findings] == [True, False]
    assert findings[1].seen == f"{file} holds a private key."


def test_names_from_outside_are_made_harmless(tmp_path: Path) -> None:
    """What stands in a stranger's certificate neither moves the cursor nor fills the screen."""
    keys = Keys(tmp_path / "keys")
    file = tmp_path / "rootcertbundle.pem"
    file.write_bytes(certificate_pem(certificate(new_key(), "\x1b[2J\n" + "x" * 59)))
    _, (finding,) = examine_bundle(file, keys.directory, keys.ring, NOW, LIFETIME)
    assert finding.seen.isprintable()
    assert f"the certificate '[2J{'x' * 57}' of the key " in finding.seen
