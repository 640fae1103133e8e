"""Server secrets for tests: those that a test chooses, and those that are made and taken away while the servers of an installation run."""

from collections.abc import Sequence
from datetime import timedelta

from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_changes import KeyChanges
from registry_auth.signing.key_ring import SERVER_SECRET_USED_AFTER
from registry_auth.token_secrets import SecretDigester, ServerSecret
from tests.unit.installation import NOW, Installation

# What a running server needs to see a change of the key directory.
SEEN_AFTER = timedelta(seconds=5)


def digester_with(*values: bytes) -> SecretDigester:
    """Give a digester with these server secrets, of which the first one makes digests."""
    server_secrets = [ServerSecret(value, NOW) for value in values]
    return SecretDigester(lambda: server_secrets)


def known_secrets(installation: Installation) -> Sequence[ServerSecret]:
    """Give the server secrets that are in the key directory, the newest first."""
    return KeyDirectory(installation.keys_dir).loaded().server_secrets


def add_server_secret(installation: Installation) -> ServerSecret:
    """Make a server secret, and let the time pass in which every server sees it; it makes no digests yet."""
    assert KeyChanges(KeyDirectory(installation.keys_dir)).rotate_server_secret(installation.clock())
    installation.clock.now += SEEN_AFTER
    return known_secrets(installation)[0]


def replace_server_secret(installation: Installation) -> ServerSecret:
    """Make a server secret, and let the time pass after which it makes the digests."""
    new = add_server_secret(installation)
    installation.clock.now += SERVER_SECRET_USED_AFTER
    return new


def delete_server_secret(installation: Installation, secret_id: str) -> None:
    """Take a former server secret away, and let the time pass in which every server sees that."""
    KeyChanges(KeyDirectory(installation.keys_dir)).delete_server_secret(secret_id, installation.clock())
    installation.clock.now += SEEN_AFTER
