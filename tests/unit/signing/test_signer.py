"""The signer: tokens that registries verify, with a key that is kept current."""

import json
import logging
import re
import shutil
import threading
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import base64url_decode

from registry_auth.errors import UnavailableError
from registry_auth.signing import KeyDirectory, Signer
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import Action
from tests.unit.installation import Clock

LIFETIME = timedelta(minutes=15)
CLAIMS = {"iss": "registry-auth", "sub": "robot"}


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> KeyDirectory:
    """Give a complete key directory."""
    return KeyDirectory(Path(shutil.copytree(template / "keys", tmp_path / "keys")))


@pytest.fixture
def signer(directory: KeyDirectory, clock: Clock) -> Signer:
    """Give a signer."""
    return Signer(directory, LIFETIME, clock)


def kid(signer: Signer) -> str:
    """Sign, and give the id of the key."""
    return str(jwt.get_unverified_header(signer.sign(CLAIMS))["kid"])


def break_files(directory: KeyDirectory) -> None:
    """Open the CA's file to others."""
    (directory.path / "private" / "ca.pem").chmod(0o644)


def test_token_verifies_with_the_certificate_it_carries(signer: Signer, directory: KeyDirectory) -> None:
    """The header names the algorithm, the libtrust id and the one certificate, which the bundle's CA issued; the claims are unchanged."""
    token = signer.sign(CLAIMS)
    header = jwt.get_unverified_header(token)
    (encoded,) = header.pop("x5c")
    certificate = x509.load_pem_x509_certificate(f"-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n".encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(directory.bundle.read_bytes()))
    assert header == {"alg": "ES256", "typ": "JWT", "kid": signer.signing_key().pair.kid}
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert jwt.decode(token, key, ["ES256"]) == CLAIMS


def test_header_is_the_same_in_every_token_of_a_key(signer: Signer, clock: Clock) -> None:
    """It is Base64url without padding, has four members and nothing else, and is another one as soon as another key signs."""
    first, second = (signer.sign(CLAIMS | {"jti": text}).split(".")[0] for text in ("1", "2"))
    pair = signer.signing_key().pair
    assert first == second
    assert re.fullmatch(r"[A-Za-z0-9_-]+", first)
    assert (
        base64url_decode(first)
        == json.dumps({"alg": "ES256", "kid": pair.kid, "typ": "JWT", "x5c": [pair.x5c]}, separators=(",", ":")).encode()
    )
    clock.advance(days=60)
    renewed = signer.sign(CLAIMS).split(".")[0]
    assert renewed != first
    assert base64url_decode(renewed) == base64url_decode(first).replace(pair.kid.encode(), signer.signing_key().pair.kid.encode()).replace(
        pair.x5c.encode(), signer.signing_key().pair.x5c.encode()
    )


def test_signature_has_its_full_length_whatever_its_numbers_are(signer: Signer) -> None:
    """Every token is three parts in Base64url without padding; the signature is 64 bytes, also when one of its numbers is small."""
    key = signer.signing_key().pair.key.public_key()
    begins_with_zero = False
    for number in range(2_000):
        token = signer.sign(CLAIMS | {"jti": str(number)})
        signature = base64url_decode(token.split(".")[2])
        assert len(signature) == 64
        if 0 in (signature[0], signature[32]):
            begins_with_zero = True
            assert jwt.decode(token, key, ["ES256"])["jti"] == str(number)
    assert begins_with_zero
    assert re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}", token)


def test_claims_come_back_as_they_were(signer: Signer) -> None:
    """Text of any script, numbers, lists and what is nested, in any mapping."""
    claims = {"sub": 'Łukasz "ж" \\ 漢字 \x00 😀', "exp": 2**40, "access": [{"actions": ["pull", Action.PUSH]}, {}], "more": {"x": None}}
    key = signer.signing_key().pair.key.public_key()
    assert jwt.decode(signer.sign(MappingProxyType(claims)), key, ["ES256"]) == claims


def test_own_turn_to_renew_comes_by_itself(signer: Signer, clock: Clock, directory: KeyDirectory) -> None:
    """At two thirds of the certificate's life the next token has a new key, without anybody's help."""
    old = kid(signer)
    clock.advance(days=60)
    assert kid(signer) != old
    assert len(directory.ready(clock()).signing_keys) == 2


def test_key_of_another_process_is_taken_up_within_ten_seconds(signer: Signer, clock: Clock, directory: KeyDirectory) -> None:
    """When another process renews, this one follows at its next look."""
    clock.advance(days=60, seconds=-5)
    old = kid(signer)
    new = directory.ready(clock() + timedelta(seconds=5)).signing_keys[0].pair.kid
    clock.advance(seconds=9)
    assert kid(signer) == old
    clock.advance(seconds=1)
    assert kid(signer) == new != old


def test_no_token_outlives_its_certificate(signer: Signer, clock: Clock, directory: KeyDirectory) -> None:
    """While no new key can be made, signing goes on until the lifetime and a minute before the end, and not a second longer."""
    break_files(directory)
    end = signer.signing_key().pair.not_after
    clock.now = end - LIFETIME - timedelta(seconds=60)
    signer.sign(CLAIMS)
    clock.advance(seconds=1)
    with pytest.raises(UnavailableError, match="No signing certificate lives long enough"):
        signer.sign(CLAIMS)


def test_broken_directory_is_logged_once_and_survived(
    signer: Signer, clock: Clock, directory: KeyDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    """The keys in memory go on signing; the log says once what is wrong, and again when it broke again after being mended."""
    before = kid(signer)
    for mode, lines in ((0o644, 1), (0o600, 1), (0o644, 2)):
        (directory.path / "private" / "ca.pem").chmod(mode)
        for _ in range(3):
            clock.advance(seconds=10)
            assert kid(signer) == before
        messages = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert len(messages) == lines
    assert "the signing keys could not be renewed" in messages[0]
    assert "chmod 600" in messages[0]


@pytest.mark.parametrize("pattern", ["private/ca.pem", "private/server-secret-*.key"])
def test_lost_file_does_not_stop_a_running_signer(signer: Signer, clock: Clock, directory: KeyDirectory, pattern: str) -> None:
    """What is gone from the disk is still in memory."""
    before = kid(signer)
    next(directory.path.glob(pattern)).unlink()
    clock.advance(seconds=10)
    assert kid(signer) == before


def test_running_signer_makes_no_new_keys_in_an_empty_directory(signer: Signer, clock: Clock, directory: KeyDirectory) -> None:
    """When the whole directory vanishes, as a lost mount does, the keys in memory go on and no registry meets an unknown CA."""
    before = kid(signer)
    shutil.rmtree(directory.path)
    clock.advance(seconds=10)
    assert kid(signer) == before
    assert not directory.path.exists()


def test_threads_do_not_wait_for_the_one_that_looks(signer: Signer, clock: Clock) -> None:
    """While one thread reads the directory the others sign with the key they have."""
    old = kid(signer)
    clock.advance(days=60)
    with signer._lock:
        assert kid(signer) == old
    assert kid(signer) != old


def test_many_threads_agree_on_one_new_key(signer: Signer, clock: Clock, directory: KeyDirectory) -> None:
    """A renewal under load makes one key."""
    clock.advance(days=60)
    threads = [threading.Thread(target=signer.sign, args=(CLAIMS,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(directory.ready(clock()).signing_keys) == 2


class WatchedDirectory(KeyDirectory):
    """A key directory that notes when it was read again."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.read_at: list[datetime] = []

    def renewed(self, now: datetime) -> KeyRing:
        """Give the key ring."""
        self.read_at.append(now)
        return super().renewed(now)


@pytest.fixture
def watched(directory: KeyDirectory) -> WatchedDirectory:
    """Give the key directory, watched."""
    return WatchedDirectory(directory.path)


def test_public_key_belongs_to_the_signing_key(signer: Signer) -> None:
    """What was signed is verified with the key that its id names."""
    token = signer.sign(CLAIMS)
    key = signer.public_key(kid(signer))
    assert key is not None
    assert jwt.decode(token, key, ["ES256"]) == CLAIMS


def test_public_key_outlives_its_turn_to_sign(signer: Signer, clock: Clock) -> None:
    """Tokens of the key that was replaced are verified until they have all ended, and then their key is nobody's."""
    old = kid(signer)
    clock.advance(days=60)
    new = kid(signer)
    assert new != old
    assert signer.public_key(old) is not None
    clock.advance(hours=25)
    assert signer.public_key(old) is None
    assert signer.public_key(new) is not None


def test_key_that_another_process_made_just_now_is_found_at_once(watched: WatchedDirectory, clock: Clock) -> None:
    """Its tokens do not have to wait for the next regular look."""
    clock.advance(days=60, seconds=-5)
    signer = Signer(watched, LIFETIME, clock)
    old = kid(signer)
    new = KeyDirectory(watched.path).ready(clock() + timedelta(seconds=5)).signing_keys[0].pair
    clock.advance(seconds=1)
    assert signer.public_key(new.kid) == new.key.public_key()
    assert watched.read_at == [clock()]
    assert signer.public_key(old) is not None


def test_unknown_ids_make_the_directory_be_read_once_a_second(watched: WatchedDirectory, clock: Clock) -> None:
    """However many ids somebody makes up, they cost no more than that; known ids cost nothing."""
    signer = Signer(watched, LIFETIME, clock)
    known = kid(signer)
    start = clock()
    for step in range(31):
        clock.now = start + timedelta(seconds=step / 10)
        for number in range(3):
            assert signer.public_key(f"unknown {step} {number}") is None
            assert signer.public_key(known) is not None
    assert watched.read_at == [start + timedelta(seconds=seconds) for seconds in range(4)]


def test_unknown_id_in_a_broken_directory_is_just_unknown(
    signer: Signer, clock: Clock, directory: KeyDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    """The keys in memory still verify, and the log says once what is wrong."""
    known = kid(signer)
    break_files(directory)
    for _ in range(3):
        clock.advance(seconds=1)
        assert signer.public_key("unknown") is None
        assert signer.public_key(known) is not None
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "the signing keys could not be renewed" in message
