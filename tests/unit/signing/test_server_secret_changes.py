"""The server secrets: rotated, and taken out of use."""

from datetime import timedelta

import pytest

from registry_auth.errors import ConflictError, NotFoundError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from tests.unit.installation import NOW

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LATER = NOW + DAY


@pytest.mark.parametrize("after", [timedelta(0), MINUTE, DAY, -HOUR])
def test_server_secret_is_rotated(directory: KeyDirectory, changes: KeyChanges, after: timedelta) -> None:
    """The new one is the newest, whatever the clock does, and makes digests five minutes later."""
    (old,) = directory.loaded().server_secrets
    assert changes.rotate_server_secret(NOW + after)
    new, kept = directory.loaded().server_secrets
    assert kept == old
    assert new.created_at == max(NOW + after, NOW + SECOND)
    assert directory.loaded().secrets_in_use(new.created_at)[0] == old
    assert directory.loaded().secrets_in_use(new.created_at + 5 * MINUTE)[0] == new


@pytest.mark.parametrize(("after", "is_new"), [(timedelta(0), False), (5 * MINUTE - SECOND, False), (5 * MINUTE, True), (DAY, True)])
def test_of_rotations_of_the_server_secret_at_once_one_counts(
    directory: KeyDirectory, changes: KeyChanges, after: timedelta, is_new: bool
) -> None:
    """Until a new one makes digests there is no other."""
    changes.rotate_server_secret(LATER)
    assert changes.rotate_server_secret(LATER + after) is is_new
    assert len(directory.loaded().server_secrets) == 2 + is_new


def test_lost_server_secret_is_replaced_by_command(directory: KeyDirectory, changes: KeyChanges) -> None:
    """The server makes none, because no token would work with it; whoever accepts that says so."""
    (lost,) = directory.private.server_secrets
    lost.unlink()
    assert changes.rotate_server_secret(LATER)
    assert len(directory.ready(LATER).server_secrets) == 1


def test_former_server_secret_is_deleted(directory: KeyDirectory, changes: KeyChanges) -> None:
    """Only one that another has replaced, by its id."""
    changes.rotate_server_secret(LATER)
    new, old = directory.loaded().server_secrets
    for secret, now in ((old, LATER + 5 * MINUTE - SECOND), (new, LATER), (new, LATER + DAY)):
        with pytest.raises(ConflictError, match=f"The server secret {secret.id} is no former one"):
            changes.delete_server_secret(secret.id, now)
    with pytest.raises(NotFoundError, match="There is no server secret 0123456789abcdef: `registry-auth keys list` shows them"):
        changes.delete_server_secret("0123456789abcdef", LATER)
    assert changes.delete_server_secret(old.id, LATER + 5 * MINUTE) == old
    assert directory.loaded().server_secrets == (new,)
    assert len(directory.private.server_secrets) == 1


def test_only_server_secret_stays(directory: KeyDirectory, changes: KeyChanges) -> None:
    """Without it no token works."""
    (secret,) = directory.loaded().server_secrets
    with pytest.raises(ConflictError, match="is no former one"):
        changes.delete_server_secret(secret.id, NOW + DAY)
