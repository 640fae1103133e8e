"""The signer: tokens that registries verify, with the key that signs now."""

import logging
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from registry_auth.errors import UnavailableError
from registry_auth.signing import CurrentKeys, KeyDirectory, Signer
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.values import TokenHeader
from tests.unit.installation import Clock
from tests.unit.signing.registry import Registry

LIFETIME = timedelta(minutes=15)
CLAIMS = {"iss": "registry-auth", "sub": "robot"}


def signer_of(directory: KeyDirectory, clock: Clock) -> Signer:
    """Give a signer with keys from this directory."""
    return Signer(CurrentKeys(directory, clock), directory.header, LIFETIME, clock)


@pytest.fixture
def signer(directory: KeyDirectory, clock: Clock) -> Signer:
    """Give a signer of tokens that carry their certificate."""
    return signer_of(directory, clock)


def kid(signer: Signer) -> str:
    """Sign, and give the id of the key."""
    return str(jwt.get_unverified_header(signer.sign(CLAIMS))["kid"])


@pytest.mark.parametrize("header", TokenHeader)
def test_token_verifies_with_the_bundle(tmp_path: Path, clock: Clock, header: TokenHeader) -> None:
    """A registry with the bundle of the same mode accepts what is signed, also after each renewal that needs nothing from it."""
    signer = signer_of(KeyDirectory(tmp_path, header), clock)
    registry = Registry(signer.keys.directory.bundle.read_bytes())
    for days in (0, 60, 60, 60) if header is TokenHeader.X5C else (0, 200, 160):
        clock.advance(days=days)
        assert registry.accepts(signer.sign(CLAIMS), clock())


def test_own_turn_to_renew_comes_by_itself(signer: Signer, clock: Clock, directory: KeyDirectory) -> None:
    """At two thirds of the certificate's life the next token has a new key, without anybody's help."""
    old = kid(signer)
    clock.advance(days=60)
    assert kid(signer) != old
    assert len(directory.ready(clock()).signing_keys) == 2


@pytest.mark.parametrize("header", [TokenHeader.LIBTRUST_KID, TokenHeader.RFC7638_KID])
def test_next_key_signs_when_it_is_activated_and_not_before(tmp_path: Path, clock: Clock, header: TokenHeader) -> None:
    """Where registries have to be given each key, the server publishes the next one 60 days before the end, and waits."""
    directory = KeyDirectory(tmp_path, header)
    signer = signer_of(directory, clock)
    old = kid(signer)
    clock.advance(days=304)
    assert (kid(signer), signer.keys.ring().next_signing_key) == (old, None)
    clock.advance(days=1)
    assert kid(signer) == old
    following = signer.keys.ring().next_signing_key
    assert following is not None
    registry = Registry(directory.bundle.read_bytes())
    clock.advance(days=59)
    assert kid(signer) == old
    KeyChanges(directory).activate(clock())
    clock.advance(seconds=5)
    assert kid(signer) in following.ids
    clock.advance(days=1)
    assert registry.accepts(signer.sign(CLAIMS), clock())


@pytest.mark.parametrize("header", [TokenHeader.LIBTRUST_KID, TokenHeader.RFC7638_KID])
def test_nothing_is_signed_while_the_next_key_waits_beyond_the_end(tmp_path: Path, clock: Clock, header: TokenHeader) -> None:
    """The certificate of the one that signs has ended, and the other one is not known to the registries yet."""
    directory = KeyDirectory(tmp_path, header)
    signer = signer_of(directory, clock)
    clock.advance(days=365)
    with pytest.raises(UnavailableError, match="No signing certificate lives long enough"):
        signer.sign(CLAIMS)
    assert signer.keys.ring().next_signing_key is not None
    KeyChanges(directory).activate(clock())
    clock.advance(seconds=5)
    assert Registry(directory.bundle.read_bytes()).accepts(signer.sign(CLAIMS), clock())


@pytest.mark.parametrize("header", TokenHeader)
def test_no_token_outlives_its_certificate(tmp_path: Path, clock: Clock, header: TokenHeader) -> None:
    """While no new key can be made, signing goes on until the lifetime and a minute before the end, and not a second longer."""
    directory = KeyDirectory(tmp_path, header)
    signer = signer_of(directory, clock)
    directory.private.authority.chmod(0o644)
    end = signer.signing_key().pair.not_after
    clock.now = end - LIFETIME - timedelta(seconds=60)
    signer.sign(CLAIMS)
    clock.advance(seconds=1)
    with pytest.raises(UnavailableError, match="No signing certificate lives long enough"):
        signer.sign(CLAIMS)


def test_threads_do_not_wait_for_the_one_that_looks(signer: Signer, clock: Clock) -> None:
    """While one thread reads the directory the others sign with the key they have."""
    old = kid(signer)
    clock.advance(days=60)
    with signer.keys._lock:
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


@pytest.mark.parametrize("pattern", ["private/ca.pem", "private/server-secret-*.key"])
def test_lost_file_does_not_stop_a_running_signer(signer: Signer, clock: Clock, directory: KeyDirectory, pattern: str) -> None:
    """What is gone from the disk is still in memory."""
    before = kid(signer)
    next(directory.path.glob(pattern)).unlink()
    clock.advance(seconds=10)
    assert kid(signer) == before


def test_running_signer_makes_no_new_keys_in_an_empty_directory(
    signer: Signer, clock: Clock, directory: KeyDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    """When the whole directory vanishes, as a lost mount does, the keys in memory go on and no registry meets an unknown CA."""
    before = kid(signer)
    shutil.rmtree(directory.path)
    clock.advance(seconds=10)
    assert kid(signer) == before
    assert not directory.path.exists()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"There are no complete keys in {directory.path}" in caplog.text
