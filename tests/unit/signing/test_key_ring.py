"""The key ring: which key signs, when it is time for another, which can go, and which server secret makes digests."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from registry_auth.signing.certificates import KeyPair, Term, new_authority, new_signing_pair
from registry_auth.signing.key_ids import libtrust_kid
from registry_auth.signing.key_ring import KeyRing, SigningKey
from registry_auth.token_secrets import ServerSecret
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import own_pair, short_pair

DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
LIFETIME = timedelta(minutes=15)
AUTHORITY, OTHER_AUTHORITY = new_authority(NOW), new_authority(NOW)
CA_END = NOW + 3650 * DAY
X5C, LIBTRUST, RFC7638 = TokenHeader
NO_SECRETS = ()


def key(made: datetime, header: TokenHeader = X5C, authority: KeyPair = AUTHORITY) -> SigningKey:
    """Make a signing key at this time, as it is made for tokens with this header."""
    return SigningKey(f"signing-{made:%Y%m%d}", made, new_signing_pair(authority, made, Term.of(header).lifetime))


def imported(made: datetime = NOW) -> SigningKey:
    """Give an imported key that signs, or is published, since this time."""
    return SigningKey(f"imported-{made:%Y%m%d}", made, own_pair(), is_imported=True)


def ring(*made: datetime, header: TokenHeader = X5C) -> KeyRing:
    """Make a ring with keys of these times, the newest first."""
    return KeyRing(AUTHORITY, tuple(key(time, header) for time in made), NO_SECRETS)


@pytest.mark.parametrize("header", TokenHeader)
@pytest.mark.parametrize(
    ("after_start", "before_end", "signs"),
    [
        (-DAY - SECOND, None, False),
        (-DAY, None, True),
        (timedelta(0), None, True),
        (None, LIFETIME + 60 * SECOND, True),
        (None, LIFETIME + 59 * SECOND, False),
        (None, timedelta(0), False),
        (None, -DAY, False),
    ],
)
def test_key_signs_while_its_tokens_stay_good(
    header: TokenHeader, after_start: timedelta | None, before_end: timedelta | None, signs: bool
) -> None:
    """From the beginning of its certificate until a token's life and a minute before its end, whatever its tokens carry."""
    keys = ring(NOW, header=header)
    now = NOW + after_start if after_start is not None else keys.signing_keys[0].pair.not_after - (before_end or timedelta(0))
    assert (keys.signing_key(now, LIFETIME) is not None) is signs


def test_newest_key_that_can_sign_does() -> None:
    """A newer key takes over at once; one that is not valid yet leaves the older one at work; what is only published never signs."""
    keys = ring(NOW + 60 * DAY, NOW)
    assert keys.signing_key(NOW + 60 * DAY, LIFETIME) is keys.signing_keys[0]
    assert keys.signing_key(NOW, LIFETIME) is keys.signing_keys[1]
    staged = replace(ring(NOW), next_signing_key=key(NOW + 60 * DAY))
    assert staged.signing_key(NOW + 60 * DAY, LIFETIME) is staged.signing_keys[0]
    assert staged.signing_key(NOW + 90 * DAY, LIFETIME) is None


@pytest.mark.parametrize(
    ("header", "made", "now", "due"),
    [
        (X5C, [NOW], NOW, False),
        (X5C, [NOW], NOW + 60 * DAY - SECOND, False),
        (X5C, [NOW], NOW + 60 * DAY, True),
        (X5C, [NOW], NOW + 200 * DAY, True),
        (X5C, [NOW + 60 * DAY, NOW], NOW + 60 * DAY, False),
        (X5C, [NOW], NOW - 2 * DAY, True),
        (X5C, [CA_END - 40 * DAY], CA_END - 20 * DAY, False),
        (X5C, [CA_END - 100 * DAY], CA_END - 40 * DAY, True),
        (X5C, [CA_END - 100 * DAY], CA_END - 40 * DAY - SECOND, False),
        *((header, [NOW], NOW + 305 * DAY - SECOND, False) for header in (LIBTRUST, RFC7638)),
        *((header, [NOW], NOW + 305 * DAY, True) for header in (LIBTRUST, RFC7638)),
        (LIBTRUST, [NOW], NOW + 500 * DAY, True),
        (LIBTRUST, [NOW], NOW - 2 * DAY, True),
        (LIBTRUST, [CA_END - 200 * DAY], CA_END - 20 * DAY, False),
    ],
)
def test_renewal_is_due_before_the_end(header: TokenHeader, made: list[datetime], now: datetime, due: bool) -> None:
    """30 days before the end of 90, or 60 before that of 365; not when the CA itself ends and no key would live longer.

    It is due too when the clock was set back before every key.
    """
    assert ring(*made, header=header).renewal_due(now, header) is due


@pytest.mark.parametrize(
    ("header", "active", "following", "due"),
    [
        (X5C, key(NOW), None, True),
        (X5C, key(NOW), imported(), True),
        (X5C, imported(), None, False),
        (X5C, imported(), key(NOW), False),
        (LIBTRUST, key(NOW), None, True),
        (LIBTRUST, key(NOW), key(NOW), False),
        (LIBTRUST, key(NOW), imported(), False),
        (LIBTRUST, imported(), None, False),
        (RFC7638, imported(), None, False),
    ],
)
def test_imported_and_waiting_keys_are_not_passed_by(
    header: TokenHeader, active: SigningKey, following: SigningKey | None, due: bool
) -> None:
    """An imported key is never replaced, and one next key is enough; but where keys sign at once, one that waits holds nothing up."""
    keys = KeyRing(AUTHORITY, (active,), NO_SECRETS, next_signing_key=following)
    assert keys.renewal_due(NOW + 400 * DAY, header) is due


@pytest.mark.parametrize(("header", "due"), [(X5C, True), (LIBTRUST, False), (RFC7638, False)])
def test_key_of_a_former_ca_is_replaced_where_tokens_carry_it(header: TokenHeader, due: bool) -> None:
    """The registries that read the bundle of the day know the new CA alone; where they know each key, it may stay to its end."""
    keys = KeyRing(OTHER_AUTHORITY, (key(NOW),), NO_SECRETS, former_authorities=(AUTHORITY.certificate,))
    assert keys.renewal_due(NOW, header) is due


@pytest.mark.parametrize(
    ("header", "active", "is_staged"),
    [
        (X5C, key(NOW), False),
        (X5C, imported(), True),
        *((header, active, True) for header in (LIBTRUST, RFC7638) for active in (key(NOW), imported())),
    ],
)
def test_rotation_is_staged_where_registries_know_single_keys(header: TokenHeader, active: SigningKey, is_staged: bool) -> None:
    """Only a key of the CA whose certificate goes with each token can be replaced without them."""
    assert KeyRing(AUTHORITY, (active,), NO_SECRETS).is_staged(header) is is_staged


def test_replaced_keys_retire_when_their_tokens_are_dead() -> None:
    """A key goes a day and an hour after the next one began to sign; the newest never goes, and one that waits replaces nothing."""
    keys = replace(ring(NOW + 2 * DAY, NOW + DAY, NOW), next_signing_key=imported(NOW + 3 * DAY))
    replaced = NOW + DAY
    assert keys.retired(replaced + timedelta(hours=25) - SECOND) == ()
    assert keys.retired(replaced + timedelta(hours=25)) == keys.signing_keys[2:]
    assert keys.retired(CA_END) == keys.signing_keys[1:]


def test_former_ca_is_obsolete_when_it_certified_none_of_the_keys() -> None:
    """A key that signs, that may still have tokens, or that waits, keeps its CA in the bundle."""
    former = AUTHORITY.certificate
    for signing_keys, following, obsolete in [
        ((key(NOW, authority=OTHER_AUTHORITY), key(NOW)), None, ()),
        ((key(NOW, authority=OTHER_AUTHORITY),), key(NOW), ()),
        ((key(NOW, authority=OTHER_AUTHORITY),), None, (former,)),
        ((imported(),), None, (former,)),
    ]:
        keys = KeyRing(OTHER_AUTHORITY, signing_keys, NO_SECRETS, next_signing_key=following, former_authorities=(former,))
        assert keys.obsolete_authorities() == obsolete


def test_published_key_is_found_by_each_of_its_ids() -> None:
    """Every signing key is known by its whole ids, also one that no longer signs or waits; the CA's key and parts of ids are not."""
    short = SigningKey("imported", NOW, short_pair(), is_imported=True)
    keys = replace(ring(NOW + 60 * DAY, NOW), next_signing_key=short)
    for published in keys.published_keys:
        assert len(published.ids) == (3 if published is short else 2)
        assert all(keys.published_key(kid) is published for kid in published.ids)
    kid = keys.signing_keys[0].pair.kid
    assert kid == libtrust_kid(keys.public_keys()[1])
    for unknown in ("", kid[:-1], f"{kid} ", kid.lower(), keys.signing_keys[0].name, AUTHORITY.kid, key(NOW).pair.kid):
        assert keys.published_key(unknown) is None


OLD, NEW, NEWEST = (ServerSecret(name * 32, NOW + minutes * MINUTE) for name, minutes in ((b"o", 0), (b"n", 60), (b"m", 62)))


@pytest.mark.parametrize(
    ("secrets", "now", "in_use"),
    [
        ([OLD], NOW, [OLD]),
        ([OLD], NOW - DAY, [OLD]),
        ([NEW, OLD], NEW.created_at, [OLD, NEW]),
        ([NEW, OLD], NEW.created_at + 5 * MINUTE - SECOND, [OLD, NEW]),
        ([NEW, OLD], NEW.created_at + 5 * MINUTE, [NEW, OLD]),
        ([NEW, OLD], NOW - DAY, [OLD, NEW]),
        ([NEWEST, NEW, OLD], NEW.created_at + 5 * MINUTE, [NEW, NEWEST, OLD]),
        ([NEWEST, NEW, OLD], NEWEST.created_at + 5 * MINUTE, [NEWEST, NEW, OLD]),
    ],
)
def test_new_server_secret_makes_digests_after_five_minutes(secrets: list[ServerSecret], now: datetime, in_use: list[ServerSecret]) -> None:
    """Until every server has it, it only accepts; the only one there is makes digests at once."""
    assert replace(ring(NOW), server_secrets=tuple(secrets)).secrets_in_use(now) == tuple(in_use)
