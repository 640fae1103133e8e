"""What an operator can do with the keys: rotate, activate, import, and take server secrets out of use.

Each change is one file that is written or renamed, so that whoever is killed meanwhile leaves the keys of before or those of after. What
follows from it is made up for by the next who looks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from registry_auth.errors import ConflictError, NotFoundError
from registry_auth.signing.certificates import KeyPair, new_authority
from registry_auth.signing.key_directory import KeyDirectory
from registry_auth.signing.key_exports import write_exports
from registry_auth.signing.key_files import remove, rename, write_private
from registry_auth.signing.key_import import check_importable
from registry_auth.signing.key_ring import SERVER_SECRET_USED_AFTER, KeyRing, SigningKey
from registry_auth.signing.private_keys import dated, former_authority_name, signing_key_name
from registry_auth.token_secrets import ServerSecret

# Of rotations at the same moment one counts. It is also how long servers take to see a new key.
_SAME_ROTATION = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Rotation:
    """The newest signing key; whether it was made now; and whether it is only published, and signs when it is activated."""

    signing_key: SigningKey
    is_new: bool
    is_next: bool


@dataclass(frozen=True, slots=True)
class Activation:
    """What came into use: a signing key, which was published before, or a CA, or both."""

    signing_key: SigningKey | None
    authority: KeyPair | None


class KeyChanges:
    """Changes the keys in a directory. Every method raises ConfigurationError where nothing can be written, or a key file is unusable."""

    def __init__(self, directory: KeyDirectory) -> None:
        self._directory = directory
        self._private = directory.private

    def rotate(self, now: datetime, *, if_older_than: timedelta = timedelta(0)) -> Rotation:
        """Make a new signing key, unless the newest is younger than that, or rotation is staged and the next one is published already."""
        with self._directory.locked():
            ring = self._exported()
            is_next = ring.is_staged(self._directory.header)
            if is_next and ring.next_signing_key is not None:
                return Rotation(ring.next_signing_key, is_new=False, is_next=True)
            newest = ring.signing_keys[0]
            age = now - newest.created_at
            # It is below zero where a clock was ahead once. Whoever wants a new key without further ado gets it all the same.
            if (if_older_than and age < if_older_than) or (not is_next and abs(age) < _SAME_ROTATION):
                return Rotation(newest, is_new=False, is_next=False)
            self._directory.add_signing_key(ring.authority, now, is_next=is_next)
            ring = self._exported()
        return Rotation(ring.published_keys[0] if is_next else ring.signing_keys[0], is_new=True, is_next=is_next)

    def rotate_authority(self, now: datetime) -> bool:
        """Make the CA that is to follow, and publish it in the bundle. Give False when there is one already."""
        with self._directory.locked():
            if self._exported().next_authority is not None:
                return False
            write_private(self._private.next_authority, new_authority(now).private_pem())
            self._exported()
        return True

    def rotate_server_secret(self, now: datetime) -> bool:
        """Make a server secret, also where the only one was lost. Give False when one was made within the last minutes."""
        with self._directory.locked():
            ring = self._directory.read()
            if (
                ring is not None
                and abs(now - ring.server_secrets[0].created_at) < SERVER_SECRET_USED_AFTER
                and len(ring.server_secrets) > 1
            ):
                return False
            self._directory.add_server_secret(now)
        return True

    def activate(self, now: datetime) -> Activation:
        """Let what is published come into use. Raises ConflictError when there is nothing, or its certificate is not valid now."""
        with self._directory.locked():
            ring = self._directory.loaded()
            key, authority = ring.next_signing_key, ring.next_authority
            if key is not None:
                self._activate_signing_key(key, now)
            if authority is not None:
                self._activate_authority(ring.authority, now)
        # Under a new CA, tokens that carry their certificate are signed with a key that it certifies from now on.
        self._directory.ready(now)
        if key is None and authority is None:
            raise ConflictError("No key waits to be activated: `registry-auth keys rotate` and `keys import` publish one.")
        return Activation(key, authority)

    def import_key(self, pair: KeyPair, now: datetime) -> SigningKey:
        """Publish a key with a certificate of its own. Raises InvalidValueError for a certificate that does not fit, ConflictError."""
        check_importable(pair, now)
        with self._directory.locked():
            ring = self._exported()
            if ring.published_key(pair.kid) is not None:
                raise ConflictError("This key is among the signing keys already.")
            if ring.next_signing_key is not None:
                raise ConflictError(f"{ring.next_signing_key.name} waits to be activated: run `registry-auth keys activate`, or remove it.")
            self._directory.write_signing_key(pair, now, is_next=True, is_imported=True)
            return self._exported().published_keys[0]

    def delete_server_secret(self, secret_id: str, now: datetime) -> ServerSecret:
        """Take a former server secret out of use. Raises NotFoundError; ConflictError for one that makes digests, or is to follow."""
        with self._directory.locked():
            former = self.former_server_secret(secret_id, now)
            remove(self._private.server_secrets[self._directory.loaded().server_secrets.index(former)])
            return former

    def former_server_secret(self, secret_id: str, now: datetime) -> ServerSecret:
        """Give a server secret that can be taken out of use. Raises NotFoundError, ConflictError."""
        ring = self._directory.loaded()
        found = next((each for each in ring.server_secrets if each.id == secret_id), None)
        if found is None:
            raise NotFoundError(f"There is no server secret {secret_id}: `registry-auth keys list` shows them.")
        if found.created_at >= ring.secrets_in_use(now)[0].created_at:
            raise ConflictError(f"The server secret {secret_id} is no former one: digests are made with it, or will be in a few minutes.")
        return found

    def _activate_signing_key(self, key: SigningKey, now: datetime) -> None:
        first, last = key.pair.not_before, key.pair.not_after
        if not first <= now < last:
            raise ConflictError(
                f"The certificate of {key.name} is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}, so it cannot sign now: wait, or remove "
                "the file."
            )
        name = dated(signing_key_name(key.pair, is_imported=key.is_imported), self._private.time_of_newer_key(now))
        rename(self._private.directory / key.name, self._private.directory / name)

    def _activate_authority(self, former: KeyPair, now: datetime) -> None:
        # Its key is gone with this. Its certificate stays in the bundle as long as tokens of keys that it certified may live.
        path = self._private.directory / dated(former_authority_name(former), now)
        write_private(path, former.certificate.public_bytes(Encoding.PEM))
        rename(self._private.next_authority, self._private.authority)

    def _exported(self) -> KeyRing:
        """Give the key ring, after writing what registries need of it: also what somebody left undone who was interrupted."""
        ring = self._directory.loaded()
        write_exports(ring, self._directory.public)
        return ring
