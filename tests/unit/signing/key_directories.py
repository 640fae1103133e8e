"""Key directories in each mode, and what is signed with the keys in them."""

from datetime import datetime, timedelta

from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader
from tests.unit.installation import NOW
from tests.unit.signing.own_keys import own_pair
from tests.unit.signing.registry import Registry

LIFETIME = timedelta(minutes=15)


def in_mode(directory: KeyDirectory, header: TokenHeader, *, imported: bool = False) -> KeyDirectory:
    """Give the same key directory for tokens with this header, signed with an imported key if one is asked for."""
    changed = KeyDirectory(directory.path, header)
    if imported:
        KeyChanges(changed).import_key(own_pair(), NOW)
        KeyChanges(changed).activate(NOW)
    return changed


def kids(ring: KeyRing) -> list[str]:
    """Give the ids of the keys that sign or have signed, newest first."""
    return [key.pair.kid for key in ring.signing_keys]


def signing_kid(directory: KeyDirectory, now: datetime) -> str:
    """Give the id of the key that signs."""
    key = directory.loaded().signing_key(now, LIFETIME)
    assert key is not None
    return key.pair.kid


def registry(directory: KeyDirectory) -> Registry:
    """Give a registry that starts now, with the bundle of the day."""
    return Registry(directory.bundle.read_bytes())


def token(directory: KeyDirectory, now: datetime) -> str:
    """Sign as the server does."""
    key = directory.loaded().signing_key(now, LIFETIME)
    assert key is not None
    return key.token({"sub": "robot"}, directory.header)
