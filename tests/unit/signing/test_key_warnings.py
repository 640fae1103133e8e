"""What ends soon among the keys: when it is said, and what to do about it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from registry_auth.signing.certificates import KeyPair, Term, new_authority, new_signing_pair
from registry_auth.signing.key_ring import KeyRing, SigningKey
from registry_auth.signing.key_warnings import key_warnings
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import own_pair

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
X5C, LIBTRUST, RFC7638 = TokenHeader
CA, NEXT_CA = new_authority(NOW), new_authority(NOW + 3400 * DAY)
CA_END = NOW + 3650 * DAY

ACTIVATE = "Restart the registries, so that they read the new bundle, then run `registry-auth keys activate`."
NOT_RENEWED = "The server has not renewed it: its log says why. `registry-auth keys rotate` makes the next one."
PUBLISH = "Publish the next one with `registry-auth keys rotate`."
IMPORT = "Import the next one with `registry-auth keys import`."
NEW_CA = "Run `registry-auth keys rotate --ca`."


def key(made: datetime = NOW, header: TokenHeader = X5C, authority: KeyPair = CA) -> SigningKey:
    """Make a signing key at this time, as it is made for tokens with this header."""
    return SigningKey(f"signing-{made:%Y%m%d}", made, new_signing_pair(authority, made, Term.of(header).lifetime))


OWN, YEARLY, IMPORTED = key(), key(header=LIBTRUST), SigningKey("imported", NOW, own_pair(), is_imported=True)
PLAIN, KID, OF_IMPORTED = (KeyRing(CA, (each,), ()) for each in (OWN, YEARLY, IMPORTED))
LATE = KeyRing(CA, (key(CA_END - 170 * DAY),), ())
LAST = KeyRing(CA, (key(CA_END - 60 * DAY),), ())


def of_key(date: str, remedy: str, verb: str = "ends") -> str:
    """Give the sentence on a signing certificate."""
    return f"The signing certificate {verb} on {date}. {remedy}"


def of_authority(remedy: str, verb: str = "ends") -> str:
    """Give the sentence on the CA."""
    return f"The CA {verb} on 2036-06-28. {remedy}"


@pytest.mark.parametrize(
    ("header", "ring", "now", "sentences"),
    [
        (X5C, PLAIN, NOW, ()),
        (X5C, PLAIN, NOW + 76 * DAY - SECOND, ()),
        (X5C, PLAIN, NOW + 76 * DAY, (of_key("2026-09-29", NOT_RENEWED),)),
        (X5C, PLAIN, NOW + 90 * DAY, (of_key("2026-09-29", NOT_RENEWED, "ended"),)),
        (X5C, replace(PLAIN, signing_keys=(key(NOW + 60 * DAY), OWN)), NOW + 80 * DAY, ()),
        *(
            each
            for header in (LIBTRUST, RFC7638)
            for each in (
                (header, KID, NOW + 305 * DAY - SECOND, ()),
                (header, KID, NOW + 305 * DAY, (of_key("2027-07-01", PUBLISH),)),
                (header, replace(KID, next_signing_key=OWN), NOW + 305 * DAY, (of_key("2027-07-01", ACTIVATE),)),
                (header, replace(KID, next_signing_key=OWN), NOW + 366 * DAY, (of_key("2027-07-01", ACTIVATE, "ended"),)),
            )
        ),
        (X5C, OF_IMPORTED, NOW + 305 * DAY - SECOND, ()),
        (X5C, OF_IMPORTED, NOW + 305 * DAY, (of_key("2027-07-01", IMPORT),)),
        (LIBTRUST, OF_IMPORTED, NOW + 305 * DAY, (of_key("2027-07-01", IMPORT),)),
        (X5C, replace(OF_IMPORTED, next_signing_key=OWN), NOW + 305 * DAY, (of_key("2027-07-01", ACTIVATE),)),
        (X5C, LATE, CA_END - 180 * DAY - SECOND, ()),
        (X5C, LATE, CA_END - 165 * DAY, (of_authority(NEW_CA),)),
        (X5C, replace(LATE, next_authority=NEXT_CA), CA_END - 165 * DAY, (of_authority(ACTIVATE),)),
        (X5C, LAST, CA_END - DAY, (of_authority(NEW_CA),)),
        (X5C, LAST, CA_END, (of_authority(NEW_CA, "ended"),)),
        (LIBTRUST, LAST, CA_END - DAY, (of_authority(NEW_CA),)),
        (X5C, LATE, CA_END - 82 * DAY, (of_authority(NEW_CA), of_key("2036-04-09", NOT_RENEWED))),
        (X5C, OF_IMPORTED, NOW + 3600 * DAY, (of_key("2027-07-01", IMPORT, "ended"),)),
    ],
)
def test_what_ends_soon_is_told_with_its_remedy(header: TokenHeader, ring: KeyRing, now: datetime, sentences: tuple[str, ...]) -> None:
    """The CA half a year before its end if keys of its are in use; a certificate once it is late, by what renews it; nothing before."""
    assert key_warnings(ring, now, header) == sentences
