"""The key ring: which key signs, when it is time for another, and which can go."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from registry_auth.signing.certificates import new_authority, new_signing_pair
from registry_auth.signing.key_ring import KeyRing, ServerSecret, SigningKey
from tests.unit.installation import NOW

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LIFETIME = timedelta(minutes=15)
AUTHORITY = new_authority(NOW)
CA_END = NOW + 3650 * DAY


def key(made: datetime) -> SigningKey:
    """Make a signing key at this time."""
    return SigningKey(f"signing-{made:%Y%m%d}", made, new_signing_pair(AUTHORITY, made))


def ring(*made: datetime) -> KeyRing:
    """Make a ring with keys of these times, the newest first."""
    return KeyRing(AUTHORITY, tuple(key(time) for time in made), ServerSecret(b"s" * 32))


@pytest.mark.parametrize(
    ("now", "signs"),
    [
        (NOW - DAY - SECOND, False),
        (NOW - DAY, True),
        (NOW, True),
        (NOW + 90 * DAY - LIFETIME - 60 * SECOND, True),
        (NOW + 90 * DAY - LIFETIME - 59 * SECOND, False),
        (NOW + 90 * DAY, False),
    ],
)
def test_key_signs_while_its_tokens_stay_good(now: datetime, signs: bool) -> None:
    """From the beginning of its certificate until a token's life and a minute before its end."""
    assert (ring(NOW).signing_key(now, LIFETIME) is not None) is signs


def test_newest_key_that_can_sign_does() -> None:
    """A newer key takes over at once; one that is not valid yet leaves the older one at work."""
    keys = ring(NOW + 60 * DAY, NOW)
    assert keys.signing_key(NOW + 60 * DAY, LIFETIME) is keys.signing_keys[0]
    assert keys.signing_key(NOW, LIFETIME) is keys.signing_keys[1]


@pytest.mark.parametrize(
    ("made", "now", "due"),
    [
        ([NOW], NOW, False),
        ([NOW], NOW + 60 * DAY - SECOND, False),
        ([NOW], NOW + 60 * DAY, True),
        ([NOW], NOW + 200 * DAY, True),
        ([NOW + 60 * DAY, NOW], NOW + 60 * DAY, False),
        ([NOW], NOW - 2 * DAY, True),
        ([CA_END - 40 * DAY], CA_END - 20 * DAY, False),
        ([CA_END - 100 * DAY], CA_END - 40 * DAY, True),
        ([CA_END - 100 * DAY], CA_END - 40 * DAY - SECOND, False),
    ],
)
def test_renewal_is_due_at_two_thirds(made: list[datetime], now: datetime, due: bool) -> None:
    """60 of 90 days; also when the clock was set back before every key; not when the CA itself ends and no key would live longer."""
    assert ring(*made).renewal_due(now) is due


def test_replaced_keys_retire_when_their_tokens_are_dead() -> None:
    """A key goes a day and an hour after the next one was made; the newest never goes."""
    keys = ring(NOW + 2 * DAY, NOW + DAY, NOW)
    replaced = NOW + DAY
    assert keys.retired(replaced + timedelta(hours=25) - SECOND) == ()
    assert keys.retired(replaced + timedelta(hours=25)) == keys.signing_keys[2:]
    assert keys.retired(CA_END) == keys.signing_keys[1:]


def test_public_key_is_found_by_its_id() -> None:
    """Every signing key is known by its whole libtrust id, also one that no longer signs; the CA's key and parts of ids are not."""
    keys = ring(NOW + 60 * DAY, NOW)
    for signing_key in keys.signing_keys:
        assert keys.public_key(signing_key.pair.kid) == signing_key.pair.key.public_key()
    kid = keys.signing_keys[0].pair.kid
    for unknown in ("", kid[:-1], f"{kid} ", kid.lower(), keys.signing_keys[0].name, AUTHORITY.kid, key(NOW).pair.kid):
        assert keys.public_key(unknown) is None


def test_server_secret_has_an_id_that_does_not_tell_it() -> None:
    """The id depends on the secret, and neither it nor the repr shows the secret."""
    secret = ServerSecret(b"s" * 32)
    assert secret.id != replace(secret, value=b"t" * 32).id
    assert len(secret.id) == 16
    assert "ssss" not in repr(secret)
