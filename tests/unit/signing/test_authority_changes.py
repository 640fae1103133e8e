"""Replacing the CA, while registries are restarted one after the other."""

from datetime import timedelta

import pytest

from registry_auth.errors import ConfigurationError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.key_directories import in_mode, kids, registry, signing_kid, token
from tests.unit.signing.own_keys import key_pem

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
X5C, LIBTRUST, RFC7638 = TokenHeader
LATER = NOW + DAY


def test_both_cas_are_in_the_bundle_until_no_key_of_the_former_is_left(directory: KeyDirectory, changes: KeyChanges) -> None:
    """Registries that start at any time accept what is signed, and the tokens of the former CA's key are good to their end."""
    former, old_kid, started_before = directory.loaded().authority, signing_kid(directory, NOW), registry(directory)
    assert changes.rotate_authority(LATER)
    assert signing_kid(directory, LATER) == old_kid
    following = directory.loaded().next_authority
    assert following is not None
    assert registry(directory).trusted == [former.certificate, following.certificate]
    assert started_before.accepts(token(directory, LATER), LATER)

    restarted, activated = registry(directory), LATER + HOUR
    last_of_former = token(directory, activated - SECOND)
    activation = changes.activate(activated)
    assert activation.authority == following
    assert directory.loaded().authority.kid == following.kid
    assert registry(directory).trusted == [following.certificate, former.certificate]
    assert signing_kid(directory, activated) != old_kid
    directory.loaded().signing_keys[0].pair.certificate.verify_directly_issued_by(following.certificate)
    for now in (activated, activated + DAY):
        directory.ready(now)
        for each in (restarted, registry(directory)):
            assert each.accepts(last_of_former, now)
            assert each.accepts(token(directory, now), now)

    gone = activated + 26 * HOUR
    directory.ready(gone)
    assert registry(directory).trusted == [following.certificate]
    assert not registry(directory).accepts(last_of_former, gone)
    assert registry(directory).accepts(token(directory, gone), gone)


def test_key_of_the_former_ca_is_gone_from_the_disk(directory: KeyDirectory, changes: KeyChanges) -> None:
    """Nobody can issue certificates in its name any more; its certificate alone is kept, for the bundle."""
    key = key_pem(directory.loaded().authority.key)
    changes.rotate_authority(NOW)
    for is_there in (True, False):
        assert any(key in path.read_bytes() for path in directory.path.rglob("*") if path.is_file()) is is_there
        if is_there:
            changes.activate(NOW)
    (certificate,) = directory.private.former_authorities
    assert b"PRIVATE" not in certificate.read_bytes()


@pytest.mark.parametrize("header", [LIBTRUST, RFC7638])
def test_new_ca_changes_nothing_where_registries_know_each_key(directory: KeyDirectory, header: TokenHeader) -> None:
    """The key of the former CA goes on signing, for registries that were not restarted too; the next one is the new CA's."""
    directory = in_mode(directory, header)
    changes, running, old = KeyChanges(directory), registry(directory), signing_kid(directory, NOW)
    changes.rotate_authority(LATER)
    changes.activate(LATER)
    assert signing_kid(directory, LATER + 2 * DAY) == old
    assert running.accepts(token(directory, LATER + 2 * DAY), LATER + 2 * DAY)
    assert len(directory.ready(LATER + 2 * DAY).former_authorities) == 1
    following = changes.rotate(LATER + 2 * DAY).signing_key
    following.pair.certificate.verify_directly_issued_by(directory.loaded().authority.certificate)
    changes.activate(LATER + 2 * DAY)
    assert directory.ready(LATER + 4 * DAY).former_authorities == ()


def test_next_ca_is_made_once(directory: KeyDirectory, changes: KeyChanges) -> None:
    """A second request keeps the one that is published, and publishes it again should it not be."""
    assert changes.rotate_authority(NOW)
    following, bundle = directory.loaded().next_authority, directory.bundle.read_bytes()
    directory.bundle.unlink()
    assert not changes.rotate_authority(LATER)
    assert directory.bundle.read_bytes() == bundle
    assert directory.loaded().next_authority == following


def test_cas_may_follow_each_other_at_any_pace(directory: KeyDirectory, changes: KeyChanges) -> None:
    """Two new ones within a second leave both former ones in the bundle, and every key can be read."""
    first, old = directory.loaded().authority, signing_kid(directory, NOW)
    for _ in range(2):
        changes.rotate_authority(NOW)
        changes.activate(NOW)
    ring = directory.loaded()
    assert len(ring.former_authorities) == 2
    assert first.certificate in ring.former_authorities
    assert len(kids(ring)) == 3
    assert kids(ring)[-1] == old
    assert directory.ready(NOW + 2 * DAY).former_authorities == ()


def test_key_and_ca_are_activated_together(directory: KeyDirectory) -> None:
    """One restart of the registries is enough for both."""
    directory = in_mode(directory, LIBTRUST)
    changes = KeyChanges(directory)
    following = changes.rotate(LATER).signing_key
    changes.rotate_authority(LATER)
    activation = changes.activate(LATER + HOUR)
    assert (activation.signing_key, activation.authority and activation.authority.kid) == (following, directory.loaded().authority.kid)
    assert (directory.loaded().next_signing_key, directory.loaded().next_authority) == (None, None)
    assert signing_kid(directory, LATER + HOUR) == following.pair.kid


def test_ended_ca_is_named_when_a_key_is_to_be_rotated(changes: KeyChanges) -> None:
    """No key would outlive it; the sentence says what does."""
    with pytest.raises(ConfigurationError, match=r"ca\.pem ended on 2036-06-28: run `registry-auth keys rotate --ca`, restart the reg"):
        changes.rotate(NOW + 3650 * DAY)
