"""The key directory: reads the key ring, makes what is missing and renews what is due.

    private/ca.pem                  the CA's key and certificate
    private/signing-TIME-ID.pem     signing keys with their certificates
    private/server-secret-TIME.key  the key of the token digests
    public/ca.crt                   the CA's certificate: the registry's `rootcertbundle`
    public/jwks.json                the public signing keys, for a registry configured with `jwks`

What is in `public` is made from what is in `private`, and holds nothing secret.
"""

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from filelock import FileLock

from registry_auth.errors import ConfigurationError
from registry_auth.signing.certificates import KeyPair, new_authority, new_signing_pair
from registry_auth.signing.jwks import key_set
from registry_auth.signing.key_files import read_private, write_file
from registry_auth.signing.key_ring import KeyRing, ServerSecret, SigningKey

_PRIVATE_MODE = 0o600
_PUBLIC_MODE = 0o644
_TIME = "%Y%m%dT%H%M%SZ"
_SECRET_BYTES = 32
_LOCK_TIMEOUT = 60  # seconds that a second process waits for the first one's new keys


class KeyDirectory:
    """Where the keys of an installation are kept. Several processes may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._private = path / "private"
        self._public = path / "public"
        self.bundle = self._public / "ca.crt"
        self._authority_file = self._private / "ca.pem"

    def ready(self, now: datetime) -> KeyRing:
        """Give the key ring, after making what is missing and renewing what is due at `now` (UTC).

        A complete and fresh directory may be read-only. Raises ConfigurationError with what is wrong and how to mend it.
        """
        return self._up_to_date(self.read(), now)

    def renewed(self, now: datetime) -> KeyRing:
        """Give the key ring, after renewing what is due. Raises ConfigurationError, also when there is none.

        A server that runs uses this: were the directory gone (a lost mount), a new CA would not be trusted by any registry.
        """
        ring = self.read()
        if ring is None:
            raise ConfigurationError(f"There are no complete keys in {self.path}.")
        return self._up_to_date(ring, now)

    def _up_to_date(self, ring: KeyRing | None, now: datetime) -> KeyRing:
        try:
            if ring is not None and not self._work_due(ring, now):
                return ring
            return self._update(now)
        except OSError as error:
            raise ConfigurationError(
                f"The key directory {self.path} cannot be used ({error.strerror or error}): "
                "it has to be a directory that this user can write. REGISTRY_AUTH_KEYS_DIR names another one."
            ) from error

    def read(self) -> KeyRing | None:
        """Give the key ring as it is, or None while it is not complete. Raises ConfigurationError for a file that is not usable."""
        try:
            return self._load()
        except FileNotFoundError:
            return None  # another process retired a key just now
        except OSError as error:
            raise ConfigurationError(
                f"The key directory {self.path} cannot be read ({error.strerror}): "
                "give it to this user. REGISTRY_AUTH_KEYS_DIR names another one."
            ) from error

    def _update(self, now: datetime) -> KeyRing:
        self._private.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._public.mkdir(exist_ok=True)
        with FileLock(self._private / ".lock", timeout=_LOCK_TIMEOUT):
            self._make_missing(now)
            ring = self._loaded()
            for key in ring.retired(now):
                (self._private / key.name).unlink(missing_ok=True)
            if ring.renewal_due(now):
                self._write_signing_key(ring.authority, now)
            ring = self._loaded()
            for path, content in self._stale_exports(ring).items():
                write_file(path, content, _PUBLIC_MODE)
            return ring

    def _work_due(self, ring: KeyRing, now: datetime) -> bool:
        return ring.renewal_due(now) or bool(ring.retired(now) or self._stale_exports(ring))

    def _make_missing(self, now: datetime) -> None:
        """Make the server secret, then the CA, then a signing key: what an interrupted start lacks is the later part of that."""
        self._check_nothing_lost()
        if not self._secret_files():
            secret = secrets.token_hex(_SECRET_BYTES).encode() + b"\n"
            write_file(self._private / f"server-secret-{now:{_TIME}}.key", secret, _PRIVATE_MODE)
        if not self._authority_file.exists():
            write_file(self._authority_file, new_authority(now).private_pem(), _PRIVATE_MODE)
        if not self._signing_files():
            self._write_signing_key(_read_pair(self._authority_file), now)

    def _check_nothing_lost(self) -> None:
        """Refuse to make a new CA or server secret where others depend on the one that is gone."""
        if not self._authority_file.exists() and (self._signing_files() or self.bundle.exists()):
            raise ConfigurationError(
                f"{self._authority_file} is missing: bring it back. For a new CA, which every registry has to be given, "
                f"remove {self._private}/signing-*.pem and {self.bundle} too."
            )
        if not self._secret_files() and self._authority_file.exists():
            raise ConfigurationError(
                f"{self._private}/server-secret-*.key is missing: bring it back, or no deploy token works any more. "
                f"To begin anew without it, move {self.path} away."
            )

    def _write_signing_key(self, authority: KeyPair, now: datetime) -> None:
        if now >= authority.not_after:
            raise ConfigurationError(
                f"The CA in {self._authority_file} ended on {authority.not_after:%Y-%m-%d}: move it, the signing keys and "
                f"{self.bundle} away, start again, and restart the registry with the new bundle."
            )
        pair = new_signing_pair(authority, now)
        name = f"signing-{now:{_TIME}}-{pair.kid[:9].replace(':', '').lower()}.pem"
        write_file(self._private / name, pair.private_pem(), _PRIVATE_MODE)

    def _stale_exports(self, ring: KeyRing) -> dict[Path, bytes]:
        """Give the public files that are missing or differ from the key ring, with what belongs into them."""
        exports = {
            self.bundle: ring.authority.certificate.public_bytes(Encoding.PEM),
            self._public / "jwks.json": key_set(ring.public_keys()),
        }
        return {path: content for path, content in exports.items() if not path.exists() or path.read_bytes() != content}

    def _loaded(self) -> KeyRing:
        ring = self._load()
        if ring is None:
            raise ConfigurationError(f"The key directory {self.path} lost files while it was read: start again.")
        return ring

    def _load(self) -> KeyRing | None:
        signing_files, secret_files = self._signing_files(), self._secret_files()
        if not self._authority_file.exists() or not signing_files or not secret_files:
            return None
        authority = _read_pair(self._authority_file)
        signing_keys = tuple(self._read_signing_key(path, authority) for path in signing_files)
        return KeyRing(authority, signing_keys, _read_secret(secret_files[0]))

    def _read_signing_key(self, path: Path, authority: KeyPair) -> SigningKey:
        pair = _read_pair(path)
        try:
            pair.certificate.verify_directly_issued_by(authority.certificate)
        except Exception as error:
            raise ConfigurationError(f"{path} was not signed by the CA in {self._authority_file}: move it away.") from error
        try:
            created_at = datetime.strptime(path.name.split("-")[1], _TIME).replace(tzinfo=UTC)
        except ValueError as error:
            raise ConfigurationError(f"{path} is not named as this server names signing keys: move it away.") from error
        return SigningKey(path.name, created_at, pair)

    def _signing_files(self) -> list[Path]:
        return _newest_first(self._private, "signing-*.pem")

    def _secret_files(self) -> list[Path]:
        return _newest_first(self._private, "server-secret-*.key")


def _newest_first(directory: Path, pattern: str) -> list[Path]:
    return sorted(directory.glob(pattern), reverse=True)


def _read_pair(path: Path) -> KeyPair:
    content = read_private(path)
    try:
        key = load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: the key is encrypted
        raise ConfigurationError(f"{path} does not hold a private key and its certificate in PEM form.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigurationError(f"The key in {path} is not a P-256 key.")
    if key.public_key() != certificate.public_key():
        raise ConfigurationError(f"The key and the certificate in {path} do not belong together.")
    return KeyPair(key, certificate)


def _read_secret(path: Path) -> ServerSecret:
    text = read_private(path).decode(errors="replace").strip()
    if re.fullmatch(f"[0-9a-f]{{{2 * _SECRET_BYTES}}}", text) is None:
        raise ConfigurationError(f"{path} does not hold a server secret ({2 * _SECRET_BYTES} hexadecimal digits).")
    return ServerSecret(bytes.fromhex(text))
