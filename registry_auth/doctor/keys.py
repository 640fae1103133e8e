"""Whether the key directory can be used, and what its keys are good for and how long. Nothing is made or renewed."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.doctor.key_files import examine_files, examine_writing
from registry_auth.errors import ConfigurationError
from registry_auth.settings import PREFIX
from registry_auth.signing import KeyDirectory
from registry_auth.signing.key_exports import stale_exports
from registry_auth.signing.key_ids import distribution_3_1_kid, libtrust_kid
from registry_auth.signing.key_ring import KeyRing, SigningKey
from registry_auth.signing.key_warnings import key_warnings

_NO_START = "The server does not start with it; one that runs goes on with the keys it has read."


def examine_keys(keys: KeyDirectory, now: datetime, token_lifetime: timedelta) -> tuple[KeyRing | None, list[Finding]]:
    """Look at the key directory, at `now` (UTC). Gives the key ring, or None when it cannot be used, and the findings."""
    if not keys.path.is_dir():
        return None, [_missing(keys, "no such directory")]
    of_files = examine_files(keys.private)
    try:
        ring = keys.read()
    except ConfigurationError as error:
        return None, of_files or [_unusable(error)]
    if ring is None:
        return None, [*of_files, _missing(keys, _what_is_missing(keys))]
    return ring, [*of_files, *_of_ring(keys, ring, now, token_lifetime)]


def _unusable(error: ConfigurationError) -> Finding:
    remedy = "Do as it says, or bring the file back from a backup; `registry-auth keys list` shows the keys when all is well."
    return broken("key files", str(error), _NO_START, remedy)


def _missing(keys: KeyDirectory, what: str) -> Finding:
    seen = f"There are no complete keys in {keys.path.resolve()}: {what}."
    meaning = "Either the server has not been started yet, or it has another directory, or files were lost."
    remedy = (
        f"Run this with the server's settings ({PREFIX}KEYS_DIR); or `registry-auth keys init`, which makes them or names what is lost."
    )
    return broken("key directory", seen, meaning, remedy)


def _what_is_missing(keys: KeyDirectory) -> str:
    files = keys.private
    parts = {"ca.pem": files.authority.exists(), "signing-*.pem": bool(files.signing), "server-secret-*.key": bool(files.server_secrets)}
    return f"private/{' and '.join(name for name, is_there in parts.items() if not is_there)} missing"


def _of_ring(keys: KeyDirectory, ring: KeyRing, now: datetime, token_lifetime: timedelta) -> Iterator[Finding]:
    key = ring.signing_key(now, token_lifetime)
    yield _no_key_signs(ring, now, token_lifetime) if key is None else _signing(key, ring)
    yield from _of_dates(keys, ring, now)
    yield from _of_what_is_next(keys, ring)
    yield from examine_writing(keys, ring, now)
    yield from _of_public_files(keys, ring)
    yield _of_server_secrets(ring, now)


def _signing(key: SigningKey, ring: KeyRing) -> Finding:
    ids = f"Registry 2 knows it as {libtrust_kid(key.public_key)}, registry 3.1 as {distribution_3_1_kid(key.public_key)}"
    term = f"since {key.created_at:%Y-%m-%d} and until {key.pair.not_after:%Y-%m-%d}"
    authority = f"the CA lives until {ring.authority.not_after:%Y-%m-%d}"
    return fine("signing key", f"{key.name} signs ({key.algorithm}) {term}; {authority}. {ids}.")


def _no_key_signs(ring: KeyRing, now: datetime, token_lifetime: timedelta) -> Finding:
    pair = ring.signing_keys[0].pair
    validity = f"is valid from {pair.not_before:%Y-%m-%d %H:%M} to {pair.not_after:%Y-%m-%d %H:%M}"
    lifetime = f"a token that lives {token_lifetime // timedelta(seconds=1)} seconds"
    seen = f"It is {now:%Y-%m-%d %H:%M} UTC, and the newest signing certificate {validity}: it cannot sign {lifetime}."
    return broken("signing key", seen, "The server answers 503 to everybody who asks for a token.", _next_step(ring, now))


def _next_step(ring: KeyRing, now: datetime) -> str:
    if now < ring.signing_keys[0].pair.not_before:
        return "Set the clock of this machine."
    if ring.next_signing_key is not None:
        return "Run `registry-auth keys activate`: the next key is there."
    if ring.signing_keys[0].is_imported:
        return "Run `registry-auth keys import` with another key, restart the registries with the new bundle, and run `keys activate`."
    return "Run `registry-auth keys rotate`, and look into the server's log for why it has not done so itself."


def _of_dates(keys: KeyDirectory, ring: KeyRing, now: datetime) -> Iterator[Finding]:
    for sentences in key_warnings(ring, now, keys.header):
        seen, _, remedy = sentences.partition(". ")
        yield warning("key dates", f"{seen}.", "From then on no registry accepts what it vouches for.", remedy)


def _of_what_is_next(keys: KeyDirectory, ring: KeyRing) -> Iterator[Finding]:
    waiting = [name for name, each in (("signing key", ring.next_signing_key), ("CA", ring.next_authority)) if each is not None]
    if waiting:
        what = f"The next {' and the next '.join(waiting)} {'is' if len(waiting) == 1 else 'are'} published in {keys.bundle.resolve()}"
        yield fine("next keys", f"{what}: once every registry was restarted with it, run `registry-auth keys activate`.")


def _of_public_files(keys: KeyDirectory, ring: KeyRing) -> Iterator[Finding]:
    try:
        stale = [path.name for path in stale_exports(ring, keys.public)]
    except OSError as error:
        seen = f"{keys.public} cannot be read ({error.strerror or error})."
        yield warning("public files", seen, "Whether registries are given the right keys cannot be told.", "Give it to this user.")
        return
    if stale:
        seen = f"{_listed(stale)} in {keys.public.resolve()} {'is' if len(stale) == 1 else 'are'} missing, or not made from these keys."
        meaning = "A registry that is given it will refuse tokens, now or after the next change of keys."
        yield warning("public files", seen, meaning, "Run `registry-auth keys init`, which writes it again, and give it to the registries.")
    else:
        yield fine("public files", f"Registries need {keys.bundle.resolve()} as rootcertbundle; it is up to date.")


def _of_server_secrets(ring: KeyRing, now: datetime) -> Finding:
    current = ring.secrets_in_use(now)[0]
    older = len(ring.server_secrets) - 1
    others = f"; {older} more {'is' if older == 1 else 'are'} accepted" if older else ""
    return fine("server secret", f"The one of {current.created_at:%Y-%m-%d} makes the digests of token secrets{others}.")


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
