"""The file that a registry has as `rootcertbundle`: whether it is one, makes the registry trust our tokens, and nobody else's."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from registry_auth.doctor.bundle_file import BundleFile, described, listed, public_key_of, read_bundle
from registry_auth.doctor.bundle_key_ids import of_key_ids
from registry_auth.doctor.bundle_trust import BundleTrust
from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_ring import KeyRing
from registry_auth.values import TokenHeader

_CHECK = "registry bundle"
_REFUSES_ALL = "A registry with this file refuses all tokens."
_STOPS = "A registry with this file ends at its start."
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})


def examine_bundle(
    path: Path, keys: KeyDirectory, ring: KeyRing | None, now: datetime, token_lifetime: timedelta
) -> tuple[bool | None, list[Finding]]:
    """Look at a registry's bundle, at `now` (UTC). `ring` is None where the keys cannot be read: then only the file itself is judged.

    Gives whether a registry with it trusts the key that signs now, None when that cannot be told, and the findings.
    """
    try:
        file = read_bundle(path)
    except OSError as error:
        return None, [_unreadable(path, error)]
    if not file.certificates:
        return False, [_no_certificate(path, file, keys)]
    if ring is None:
        return None, list(_of_file(path, file, keys, None))
    key = ring.signing_key(now, token_lifetime) or ring.signing_keys[0]
    trust = BundleTrust(file.certificates, ring, key, keys.header, now)
    return bool(trust.valid), [*_of_trust(path, trust, keys), *_of_file(path, file, keys, trust)]


def _unreadable(path: Path, error: OSError) -> Finding:
    seen = f"{path} cannot be read ({error.strerror or error})."
    remedy = "Name the file that the registry's `rootcertbundle` names, or a copy of it, and let this user read it."
    return broken(_CHECK, seen, "What the registry trusts cannot be told.", remedy)


def _no_certificate(path: Path, file: BundleFile, keys: KeyDirectory) -> Finding:
    if file.broken_certificates:
        what = "a certificate that is damaged"
    elif file.has_private_key:
        what = "a private key, and no certificate"
    elif file.has_public_key:
        what = "a bare public key, and no certificate"
    elif file.is_binary:
        what = "no certificate in PEM form, but something binary"
    else:
        what = "no certificate"
    return broken(_CHECK, f"{path} holds {what}.", _STOPS, _replace(keys))


def _replace(keys: KeyDirectory) -> str:
    return f"Copy {keys.bundle.resolve()} to it and restart the registry, which reads it only at its start."


def _of_trust(path: Path, trust: BundleTrust, keys: KeyDirectory) -> Iterator[Finding]:
    if not trust.vouching:
        yield _untrusting(path, trust, keys)
        return
    if not trust.valid:
        yield _out_of_dates(path, trust, keys)
        return
    if trust.ends_with_renewal:
        seen = f"{path} holds the certificate of the key that signs now, and not the CA."
        meaning = "The server makes and uses another key by itself, every 60 days, and the registry refuses all tokens from then on."
        yield warning(_CHECK, seen, meaning, _replace(keys))
    else:
        end = trust.valid[0].not_valid_after_utc
        yield fine(_CHECK, f"{path} makes a registry trust our tokens, by {described(trust.valid[0])} (until {end:%Y-%m-%d}).")
    if trust.header is not TokenHeader.X5C:
        yield of_key_ids(_CHECK, trust.key, trust.header)
    yield from _of_next(path, trust, keys)
    yield from _of_foreign(path, trust, keys)


def _untrusting(path: Path, trust: BundleTrust, keys: KeyDirectory) -> Finding:
    seen = f"{path} holds {listed(trust.held)}: none that vouches for the key that signs now."
    return broken(_CHECK, seen, f"{trust.reason()} {_REFUSES_ALL}", _replace(keys))


def _out_of_dates(path: Path, trust: BundleTrust, keys: KeyDirectory) -> Finding:
    certificate = trust.vouching[0]
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if trust.now < first:
        remedy = "Look at the clock of this machine and of the registry's."
        return broken(_CHECK, f"{described(certificate)} in {path} begins on {first:%Y-%m-%d}.", _REFUSES_ALL, remedy)
    make = "Import another key with `registry-auth keys import`" if trust.key.is_imported else "Run `registry-auth keys rotate --ca`"
    remedy = f"{make}, copy {keys.bundle.resolve()} there, restart the registry, and run `registry-auth keys activate`."
    return broken(_CHECK, f"{described(certificate)} in {path} ended on {last:%Y-%m-%d}.", _REFUSES_ALL, remedy)


def _of_next(path: Path, trust: BundleTrust, keys: KeyDirectory) -> Iterator[Finding]:
    if trust.missing:
        seen = f"{path} lacks {listed(trust.missing)}, which does not sign yet."
        meaning = "After `registry-auth keys activate` a registry with this file refuses all tokens."
        yield warning(_CHECK, seen, meaning, _replace(keys))
    if trust.waiting:
        remedy = "once every registry was restarted with it, run `registry-auth keys activate`"
        yield fine(_CHECK, f"{path} holds {listed(trust.waiting)} too, which does not sign yet: {remedy}.")


def _of_foreign(path: Path, trust: BundleTrust, keys: KeyDirectory) -> Iterator[Finding]:
    if trust.foreign:
        seen = f"{path} holds {listed(trust.foreign)} too, not of this installation, or no longer."
        meaning = "Whoever has such a key, or a certificate from such a CA, can sign tokens that the registry accepts."
        yield warning(_CHECK, seen, meaning, f"{_replace(keys)} Only a second token server is a reason to hold more.")


def _of_file(path: Path, file: BundleFile, keys: KeyDirectory, trust: BundleTrust | None) -> Iterator[Finding]:
    if file.broken_certificates:
        yield broken(_CHECK, f"{path} holds a certificate that is damaged.", _STOPS, _replace(keys))
    unknown = [each for each in file.certificates if not _is_known_to_registry_2(public_key_of(each))]
    if unknown:
        seen = f"{path} holds {listed(unknown)}, with a key that is neither RSA nor P-256, P-384 or P-521."
        yield warning(_CHECK, seen, "Registry 2 ends at its start with such a file; registry 3 takes it.", _replace(keys))
    if file.has_private_key:
        yield _of_private_key(path, file, keys, trust)


def _of_private_key(path: Path, file: BundleFile, keys: KeyDirectory, trust: BundleTrust | None) -> Finding:
    ours = [public_key_of(each) for each in trust.ours] if trust is not None else []
    if not any(key in ours for key in file.private_keys):
        remedy = f"Give the registry {keys.bundle.resolve()} instead, and keep the key elsewhere."
        return warning(_CHECK, f"{path} holds a private key.", "A registry passes over it, but whoever reads the file has it.", remedy)
    meaning = "Whoever reads the file can sign tokens that every registry accepts."
    remedy = f"Give the registry {keys.bundle.resolve()} instead, and replace what others may have read: `registry-auth keys rotate --ca`."
    return warning(_CHECK, f"{path} holds a private key of this installation.", meaning, remedy)


def _is_known_to_registry_2(key: object) -> bool:
    """Say whether libtrust takes a key; Distribution 2 ends at its start with any other in its bundle."""
    return isinstance(key, rsa.RSAPublicKey) or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES)
