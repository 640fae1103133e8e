"""The key directory: reads the key ring, makes what is missing and renews what is due.

    private/          see private_keys.py
    public/ca.crt     the CA's certificate, and imported ones: the registry's `rootcertbundle`
    public/signing.crt  the signing certificates themselves: its `rootcertbundle` where tokens carry a key id alone
    public/jwks.json  the public signing keys, for a registry configured with `jwks`

What is in `public` is made from what is in `private`, and holds nothing secret.
"""

import errno
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from registry_auth.errors import ConfigurationError
from registry_auth.signing.certificates import KeyPair, Term, new_authority, new_signing_pair
from registry_auth.signing.key_exports import AUTHORITY_BUNDLE, bundle_name, stale_exports, write_exports
from registry_auth.signing.key_files import give_to_owner_of, remove, remove_leftovers, write_private
from registry_auth.signing.key_ring import KeyRing
from registry_auth.signing.private_keys import SERVER_SECRET_BYTES, PrivateKeys, dated, read_pair, signing_key_name
from registry_auth.values import TokenHeader

_LOCK_TIMEOUT = 60  # seconds that a second process waits for the first one's new keys

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """The key ring as it was found, after what could be done; and a sentence on what was due and could not be done."""

    ring: KeyRing
    problem: str | None = None


class KeyDirectory:
    """Where the keys of an installation are kept. Several processes may share it.

    Tokens carry `header`, which decides how signing keys are renewed and which bundle registries need.
    """

    def __init__(self, path: Path, header: TokenHeader = TokenHeader.X5C) -> None:
        self.path = path
        self.header = header
        self.private = PrivateKeys(path / "private")
        self.public = path / "public"

    @property
    def bundle(self) -> Path:
        """The file that is the registry's `rootcertbundle`."""
        return self.public / bundle_name(self.header)

    def ready(self, now: datetime) -> KeyRing:
        """Give the key ring, after making what is missing and renewing what is due at `now` (UTC).

        A complete directory may be read-only; what cannot be renewed is logged. Raises ConfigurationError with what is wrong and how to
        mend it.
        """
        ring = self.read()
        if ring is None:
            with self.locked():
                self._make_missing(now)
                ring = self.loaded()
        look = self._up_to_date(ring, now)
        if look.problem is not None:
            logger.warning(look.problem)
        return look.ring

    def renewed(self, now: datetime) -> Look:
        """Give the key ring, after renewing what is due. Raises ConfigurationError, also when there is none.

        A server that runs uses this: were the directory gone (a lost mount), a new CA would not be trusted by any registry.
        """
        ring = self.read()
        if ring is None:
            raise ConfigurationError(f"There are no complete keys in {self.path}.")
        return self._up_to_date(ring, now)

    def read(self) -> KeyRing | None:
        """Give the key ring as it is, or None while it is not complete. Raises ConfigurationError for a file that is not usable."""
        try:
            return self._loaded_between_changes()
        except FileNotFoundError:
            return None  # another process retired a key just now
        except OSError as error:
            raise ConfigurationError(
                f"The key directory {self.path} cannot be read ({error.strerror}): "
                "give it to this user. REGISTRY_AUTH_KEYS_DIR names another one."
            ) from error

    def _loaded_between_changes(self) -> KeyRing | None:
        try:
            return self.private.load()
        except ConfigurationError:
            # Files that do not go together may be half of before and half of after a change: then a second look finds those of after.
            return self.private.load()

    def loaded(self) -> KeyRing:
        """Give the key ring, which has to be there. Raises ConfigurationError."""
        ring = self.read()
        if ring is None:
            raise ConfigurationError(f"There are no complete keys in {self.path}: run `registry-auth keys init`.")
        return ring

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing keys. Raises ConfigurationError where nothing can be written."""
        try:
            self.private.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.public.mkdir(exist_ok=True)
            lock = self.private.directory / ".lock"
            with FileLock(lock, timeout=_LOCK_TIMEOUT):
                give_to_owner_of(self.private.directory, lock)
                remove_leftovers(self.private.directory)
                yield
        except OSError as error:
            raise ConfigurationError(self._why_not_writable(error)) from error

    def add_signing_key(self, authority: KeyPair, now: datetime, *, is_next: bool = False) -> None:
        """Make a signing key. Raises ConfigurationError when the CA has ended; OSError."""
        if now >= authority.not_after:
            raise ConfigurationError(
                f"The CA in {self.private.authority} ended on {authority.not_after:%Y-%m-%d}: run `registry-auth keys rotate --ca`, "
                "restart the registries, and run `registry-auth keys activate`."
            )
        self.write_signing_key(new_signing_pair(authority, now, Term.of(self.header).lifetime), now, is_next=is_next, is_imported=False)

    def write_signing_key(self, pair: KeyPair, now: datetime, *, is_next: bool, is_imported: bool) -> None:
        """Write a signing key under the name that says what it is. Raises OSError."""
        name = dated(signing_key_name(pair, is_next=is_next, is_imported=is_imported), self.private.time_of_newer_key(now))
        write_private(self.private.directory / name, pair.private_pem())

    def add_server_secret(self, now: datetime) -> None:
        """Make a server secret. Raises OSError."""
        name = dated(f"server-secret-TIME-{secrets.token_hex(4)}.key", self.private.time_of_newer_secret(now))
        write_private(self.private.directory / name, secrets.token_hex(SERVER_SECRET_BYTES).encode() + b"\n")

    def _up_to_date(self, ring: KeyRing, now: datetime) -> Look:
        """Do what is due. What cannot be done keeps nobody from signing with the keys that are there."""
        is_due = ring.renewal_due(now, self.header)
        try:
            if is_due or ring.retired(now) or ring.obsolete_authorities():
                ring = self._renew(now)
        except ConfigurationError as error:
            if is_due:  # what is only to be removed may stay; so it does in a secret mount
                return Look(ring, str(error))
        try:
            if stale_exports(ring, self.public):
                ring = self._export(ring)
        except OSError as error:
            return Look(
                ring, f"The files for registries in {self.public} are not up to date and cannot be written ({error.strerror or error})."
            )
        return Look(ring)

    def _export(self, ring: KeyRing) -> KeyRing:
        """Write the public files from the keys as they are by now: an older ring than that of another process would undo its work."""
        try:
            with self.locked():
                ring = self.loaded()
                write_exports(ring, self.public)
        except ConfigurationError:
            write_exports(ring, self.public)  # in a secret mount, nobody changes keys from here
        return ring

    def _renew(self, now: datetime) -> KeyRing:
        with self.locked():
            ring = self.loaded()
            for key in ring.retired(now):
                remove(self.private.directory / key.name)
            if ring.renewal_due(now, self.header):
                self.add_signing_key(ring.authority, now, is_next=ring.is_staged(self.header))
            self._forget_obsolete_authorities(self.loaded())
            return self.loaded()

    def _forget_obsolete_authorities(self, ring: KeyRing) -> None:
        obsolete = ring.obsolete_authorities()
        for path, certificate in zip(self.private.former_authorities, ring.former_authorities, strict=True):
            if certificate in obsolete:
                remove(path)

    def _make_missing(self, now: datetime) -> None:
        """Make the server secret, then the CA, then a signing key: what an interrupted start lacks is the later part of that."""
        self._check_nothing_lost()
        if not self.private.server_secrets:
            self.add_server_secret(now)
        if not self.private.authority.exists():
            write_private(self.private.authority, new_authority(now).private_pem())
        if not self.private.signing:
            self.add_signing_key(read_pair(self.private.authority), now)

    def _check_nothing_lost(self) -> None:
        """Refuse to make a new CA or server secret where others depend on the one that is gone."""
        authority, directory, bundle = self.private.authority, self.private.directory, self.public / AUTHORITY_BUNDLE
        if not authority.exists() and (self.private.signing or bundle.exists()):
            raise ConfigurationError(
                f"{authority} is missing: bring it back. For a new CA, which every registry has to be given, "
                f"remove {directory}/*.pem and {bundle} too."
            )
        if not self.private.server_secrets and authority.exists():
            raise ConfigurationError(
                f"{directory}/server-secret-*.key is missing: bring it back, or no token works any more. "
                "To begin anew without it, run `registry-auth keys rotate --server-secret`."
            )

    def _why_not_writable(self, error: OSError) -> str:
        if error.errno == errno.EROFS:
            return (
                f"The key directory {self.path} is mounted read-only, so keys can only be changed where the mount is made: run the command "
                "there, on the files that it comes from. Running servers take up what they find."
            )
        return (
            f"The key directory {self.path} cannot be used ({error.strerror or error}): "
            "it has to be a directory that this user can write. REGISTRY_AUTH_KEYS_DIR names another one."
        )
