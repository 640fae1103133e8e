"""Rotating and activating signing keys."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from registry_auth.errors import ConfigurationError, ConflictError
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.key_directories import in_mode, kids, registry, signing_kid, token
from tests.unit.signing.own_keys import certified, own_key, own_pair

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
X5C, LIBTRUST, RFC7638 = TokenHeader
LATER = NOW + DAY


def test_rotation_at_once(directory: KeyDirectory, changes: KeyChanges) -> None:
    """The new key signs from now on, for the registries that run already; the old one stays published until its tokens are dead."""
    running, old = registry(directory), signing_kid(directory, NOW)
    rotation = changes.rotate(LATER)
    assert (rotation.is_new, rotation.is_next) == (True, False)
    assert kids(directory.loaded()) == [rotation.signing_key.pair.kid, old]
    assert running.accepts(token(directory, LATER), LATER)
    directory.ready(LATER + 25 * HOUR)
    assert kids(directory.loaded()) == [rotation.signing_key.pair.kid]


@pytest.mark.parametrize(("header", "imported"), [(X5C, True), *((header, own) for header in (LIBTRUST, RFC7638) for own in (True, False))])
def test_staged_rotation(directory: KeyDirectory, header: TokenHeader, imported: bool) -> None:
    """The next key is published and does not sign; rotating again names the same one; a registry that was restarted knows it."""
    directory = in_mode(directory, header, imported=imported)
    changes, old, before = KeyChanges(directory), signing_kid(directory, NOW), registry(directory)
    rotation = changes.rotate(LATER)
    assert (rotation.is_new, rotation.is_next) == (True, True)
    for now in (LATER, LATER + HOUR):
        again = changes.rotate(now)
        assert (again.signing_key.pair.kid, again.is_new, again.is_next) == (rotation.signing_key.pair.kid, False, True)
    assert signing_kid(directory, LATER + HOUR) == old
    assert before.accepts(token(directory, LATER), LATER)
    restarted, now = registry(directory), LATER + 2 * HOUR
    assert restarted.accepts(token(directory, now), now)
    activation = changes.activate(now)
    assert (activation.authority, activation.signing_key and activation.signing_key.pair.kid) == (None, rotation.signing_key.pair.kid)
    assert signing_kid(directory, now) == rotation.signing_key.pair.kid
    assert restarted.accepts(token(directory, now), now)
    assert directory.loaded().signing_keys[0].created_at == now
    assert old in kids(directory.ready(now + 25 * HOUR - SECOND))
    assert old not in kids(directory.ready(now + 25 * HOUR))


@pytest.mark.parametrize(
    ("header", "age", "if_older_than", "is_new"),
    [
        (X5C, 30 * DAY, 30 * DAY, True),
        (X5C, 30 * DAY - SECOND, 30 * DAY, False),
        (X5C, DAY, 12 * HOUR, True),
        (X5C, HOUR, timedelta(0), True),
        (X5C, 5 * SECOND, timedelta(0), True),
        (X5C, 4 * SECOND, timedelta(0), False),
        (X5C, timedelta(0), timedelta(0), False),
        (X5C, -4 * SECOND, timedelta(0), False),
        (X5C, -HOUR, timedelta(0), True),
        (X5C, -HOUR, 30 * DAY, False),
        (LIBTRUST, timedelta(0), timedelta(0), True),
        (LIBTRUST, 30 * DAY - SECOND, 30 * DAY, False),
        (LIBTRUST, 30 * DAY, 30 * DAY, True),
    ],
)
def test_key_is_rotated_by_its_age(
    directory: KeyDirectory, header: TokenHeader, age: timedelta, if_older_than: timedelta, is_new: bool
) -> None:
    """A timer says how old a key may be; two rotations at once are one; a key from the future is replaced if somebody wants it so.

    Where the next key is only published there can be no second one, so it may follow at any time.
    """
    rotation = KeyChanges(in_mode(directory, header)).rotate(NOW + age, if_older_than=if_older_than)
    assert rotation.is_new is is_new
    assert len(directory.loaded().published_keys) == 1 + is_new
    assert is_new or rotation.signing_key.pair.kid == kids(directory.loaded())[-1]


@pytest.mark.parametrize("step", [HOUR, timedelta(0), -HOUR])
def test_newest_key_has_the_newest_name_whatever_the_clock_does(directory: KeyDirectory, step: timedelta) -> None:
    """Each one that is activated signs at once, also when the clock stands or goes back between two of them."""
    directory = in_mode(directory, X5C)
    changes, now = KeyChanges(directory), NOW
    for kind in ("P-384", "P-521", "RSA-2048"):
        now += step
        imported = changes.import_key(own_pair(kind), now)
        changes.activate(now)
        assert signing_kid(directory, now) == imported.pair.kid
    names = [key.name for key in directory.loaded().signing_keys]
    assert len(names) == 4
    assert [name.split("-")[1] for name in names] == sorted((name.split("-")[1] for name in names), reverse=True)
    assert len({key.created_at for key in directory.loaded().signing_keys}) == 4


def test_rotation_does_not_wait_for_an_imported_key(directory: KeyDirectory, changes: KeyChanges) -> None:
    """Where keys of the CA sign at once, one that was imported and not activated holds nothing up, and waits on."""
    imported = changes.import_key(own_pair(), NOW)
    rotation = changes.rotate(LATER)
    assert (rotation.is_new, rotation.is_next) == (True, False)
    assert signing_kid(directory, LATER) == rotation.signing_key.pair.kid
    assert directory.loaded().next_signing_key == imported
    changes.activate(LATER)
    assert signing_kid(directory, LATER) == imported.pair.kid


def test_nothing_to_activate(directory: KeyDirectory, changes: KeyChanges) -> None:
    """The refusal says what publishes a key."""
    with pytest.raises(ConflictError, match=r"No key waits to be activated: `registry-auth keys rotate` and `keys import` publish one\."):
        changes.activate(LATER)
    assert kids(directory.loaded()) == kids(directory.ready(NOW))


@pytest.mark.parametrize(("start", "end", "now"), [(LATER, NOW + 9 * DAY, NOW + HOUR), (NOW, NOW + 9 * DAY, NOW + 9 * DAY)])
def test_key_is_not_activated_outside_its_certificates_time(
    directory: KeyDirectory, changes: KeyChanges, start: datetime, end: datetime, now: datetime
) -> None:
    """It could not sign; the sentence has the dates, and the key waits on."""
    imported = changes.import_key(certified(own_key("P-384"), start=start, end=end), NOW)
    with pytest.raises(
        ConflictError,
        match=f"{imported.name} is valid from {start:%Y-%m-%d} to {end:%Y-%m-%d}, so it cannot sign now: wait, or remove the file",
    ):
        changes.activate(now)
    assert directory.loaded().next_signing_key == imported
    assert signing_kid(directory, now) != imported.pair.kid


def test_nothing_is_changed_where_there_are_no_keys(tmp_path: Path) -> None:
    """A command on the wrong directory says how keys are made, and makes none."""
    changes = KeyChanges(KeyDirectory(tmp_path))
    for act in (changes.rotate, changes.rotate_authority, changes.activate):
        with pytest.raises(ConfigurationError, match=f"There are no complete keys in {tmp_path}: run `registry-auth keys init`"):
            act(NOW)
    assert not list(tmp_path.rglob("*.pem"))
