"""Key rings for the doctor's tests, made without files."""

from datetime import timedelta

from registry_auth.signing.certificates import new_authority, new_signing_pair
from registry_auth.signing.key_ring import KeyRing, SigningKey
from tests.unit.installation import NOW

AUTHORITY = new_authority(NOW)


def signing_key(days_ago: int = 0) -> SigningKey:
    """Make a signing key of that age."""
    made = NOW - timedelta(days=days_ago)
    return SigningKey(f"signing-{days_ago}", made, new_signing_pair(AUTHORITY, made))


KEY, OLD_KEY, NEXT_KEY, FOREIGN_KEY = signing_key(), signing_key(30), signing_key(), signing_key()
RING = KeyRing(AUTHORITY, (KEY, OLD_KEY), (), next_authority=new_authority(NOW), next_signing_key=NEXT_KEY)
