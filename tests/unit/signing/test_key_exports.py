"""The public files: what each bundle and the key set hold, and that nothing private is in them, whatever is done with the keys."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.utils import base64url_encode

from registry_auth.errors import ConflictError, InvalidValueError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.algorithms import PrivateKey
from registry_auth.signing.certificates import new_authority, new_signing_pair
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_exports import bundle_name, exports, stale_exports, write_exports
from registry_auth.signing.key_ids import key_ids
from registry_auth.signing.key_ring import KeyRing, SigningKey
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import key_pem, own_pair, short_pair
from tests.unit.signing.registry import Registry

LIFETIME = timedelta(minutes=15)

CA, NEXT_CA, FORMER_CA = new_authority(NOW), new_authority(NOW), new_authority(NOW)
ACTIVE = SigningKey("active", NOW, new_signing_pair(CA, NOW))
FORMER = SigningKey("former", NOW, new_signing_pair(FORMER_CA, NOW))
NEXT = SigningKey("next", NOW, new_signing_pair(CA, NOW))
IMPORTED = SigningKey("imported", NOW, own_pair(), is_imported=True)
SHORT = SigningKey("imported too", NOW, short_pair(), is_imported=True)

PLAIN = KeyRing(CA, (ACTIVE,), ())
FULL = KeyRing(CA, (ACTIVE, IMPORTED, FORMER), (), NEXT_CA, SHORT, (FORMER_CA.certificate,))
INTERRUPTED = KeyRing(CA, (ACTIVE,), (), NEXT_CA, None, (CA.certificate,))  # the activation of the next CA was


@pytest.mark.parametrize(
    ("ring", "authorities", "signing"),
    [
        (PLAIN, [CA], [ACTIVE]),
        (FULL, [CA, NEXT_CA, FORMER_CA, SHORT.pair, IMPORTED.pair], [SHORT, ACTIVE, IMPORTED, FORMER]),
        (KeyRing(CA, (IMPORTED,), (), next_signing_key=NEXT), [CA, IMPORTED.pair], [NEXT, IMPORTED]),
        (INTERRUPTED, [CA, NEXT_CA], [ACTIVE]),
    ],
    ids=["plain", "full", "imported", "interrupted"],
)
def test_bundle_holds_what_registries_of_its_mode_need_and_no_more(
    ring: KeyRing, authorities: list[object], signing: list[SigningKey]
) -> None:
    """One has the CAs and the imported certificates, for tokens that carry theirs; the other each certificate that signs or is to sign."""
    contents = exports(ring)
    bundles = {header: x509.load_pem_x509_certificates(contents[bundle_name(header)]) for header in TokenHeader}
    assert bundles == {
        TokenHeader.X5C: [getattr(each, "certificate", None) for each in authorities],
        TokenHeader.LIBTRUST_KID: [each.pair.certificate for each in signing],
        TokenHeader.RFC7638_KID: [each.pair.certificate for each in signing],
    }
    assert set(contents) == {"ca.crt", "signing.crt", "jwks.json"}


def test_key_set_has_each_published_key_in_every_spelling() -> None:
    """Also the one with a short coordinate, which Distribution 3.1 knows by an id of its own."""
    entries = json.loads(exports(FULL)["jwks.json"])["keys"]
    published = (SHORT, ACTIVE, IMPORTED, FORMER)
    assert [entry["kid"] for entry in entries] == [kid for key in published for kid in key_ids(key.public_key)]
    assert [entry["alg"] for entry in entries] == ["ES256"] * 5 + ["ES384"] * 2 + ["ES256"] * 2
    assert len(SHORT.ids) == 3


def test_files_are_written_where_they_differ_alone(tmp_path: Path) -> None:
    """What is right is left alone, so that nobody who watches a bundle is woken for nothing."""
    directory = tmp_path / "public"
    assert set(stale_exports(PLAIN, directory)) == {directory / name for name in exports(PLAIN)}
    write_exports(PLAIN, directory)
    assert stale_exports(PLAIN, directory) == {}
    (directory / "ca.crt").write_bytes(b"changed")
    (directory / "jwks.json").unlink()
    assert set(stale_exports(PLAIN, directory)) == {directory / "ca.crt", directory / "jwks.json"}
    times = (directory / "signing.crt").stat().st_mtime_ns
    write_exports(PLAIN, directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == exports(PLAIN)
    assert (directory / "signing.crt").stat().st_mtime_ns == times


Act = Callable[[KeyDirectory, datetime], object]

ACTS: Mapping[str, Act] = {
    "rotate": lambda directory, now: KeyChanges(directory).rotate(now),
    "rotate --ca": lambda directory, now: KeyChanges(directory).rotate_authority(now),
    "rotate --server-secret": lambda directory, now: KeyChanges(directory).rotate_server_secret(now),
    "activate": lambda directory, now: KeyChanges(directory).activate(now),
    "import": lambda directory, now: KeyChanges(directory).import_key(own_pair("P-384"), now),
    "import another": lambda directory, now: KeyChanges(directory).import_key(own_pair("RSA-2048"), now),
    "look": lambda directory, now: directory.renewed(now),
}


def private_parts(key: PrivateKey) -> list[bytes]:
    """Give the private numbers of a key as they would stand in PEM and in a JWK."""
    body = b"".join(key_pem(key).splitlines()[2:-1])
    numbers = key.private_numbers()
    private = numbers.d if isinstance(numbers, rsa.RSAPrivateNumbers) else numbers.private_value
    return [body[:60], base64url_encode(private.to_bytes((private.bit_length() + 7) // 8))]


@given(
    st.sampled_from(TokenHeader),
    st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.sampled_from([0, 1, 26, 24 * 61, 24 * 310])), max_size=10),
)
@settings(max_examples=40)
def test_whatever_is_done_the_public_files_are_public_and_right(header: TokenHeader, steps: list[tuple[str, int]]) -> None:
    """After any changes in any order (and hours between them): no private key is in them, and a registry accepts what is signed."""
    with TemporaryDirectory() as place:
        directory, now = KeyDirectory(Path(place), header), NOW
        directory.ready(now)
        for name, hours in steps:
            now += timedelta(hours=hours)
            with suppress(ConflictError, InvalidValueError):
                ACTS[name](directory, now)
            ring = directory.loaded()
            public = b"".join(path.read_bytes() for path in directory.public.iterdir())
            pairs = [ring.authority, *(key.pair for key in ring.published_keys), *([ring.next_authority] if ring.next_authority else [])]
            assert not any(part in public for pair in pairs for part in private_parts(pair.key))
            assert b"PRIVATE" not in public
            assert stale_exports(ring, directory.public) == {}
            key = ring.signing_key(now, LIFETIME)
            assert key is None or Registry(directory.bundle.read_bytes()).accepts(key.token({}, header), now)
