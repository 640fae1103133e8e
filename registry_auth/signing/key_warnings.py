"""What ends soon among the keys, and what to do about it."""

from datetime import datetime, timedelta

from registry_auth.signing.certificates import Term
from registry_auth.signing.key_ring import KeyRing, is_issued_by
from registry_auth.values import TokenHeader

_BEFORE_END_OF_CA = timedelta(days=180)
_BEFORE_END_OF_RENEWED = timedelta(days=14)  # the server should have renewed it by itself half a month before
_ACTIVATE = "Restart the registries, so that they read the new bundle, then run `registry-auth keys activate`."


def key_warnings(ring: KeyRing, now: datetime, header: TokenHeader) -> tuple[str, ...]:
    """Give a sentence or two on each thing that will stop tokens from being signed or accepted one day, unless somebody acts."""
    return tuple(warning for warning in (_of_authority(ring, now), _of_signing_key(ring, now, header)) if warning is not None)


def _of_authority(ring: KeyRing, now: datetime) -> str | None:
    end = ring.authority.not_after
    # The date first, for readiness asks this each time, and the rest is to verify signatures.
    if now < end - _BEFORE_END_OF_CA or not any(is_issued_by(key.pair, ring.authority.certificate) for key in ring.signing_keys):
        return None
    remedy = "Run `registry-auth keys rotate --ca`." if ring.next_authority is None else _ACTIVATE
    return f"The CA {_ends(end, now)}. {remedy}"


def _of_signing_key(ring: KeyRing, now: datetime, header: TokenHeader) -> str | None:
    end = max(key.pair.not_after for key in ring.signing_keys)
    is_staged = ring.is_staged(header)
    if end >= ring.authority.not_after and not ring.signing_keys[0].is_imported:
        return None  # it ends with the CA, and so would the next one
    if now < end - (Term.of(TokenHeader.LIBTRUST_KID).renew_before_end if is_staged else _BEFORE_END_OF_RENEWED):
        return None
    return f"The signing certificate {_ends(end, now)}. {_remedy(ring, is_staged=is_staged)}"


def _remedy(ring: KeyRing, *, is_staged: bool) -> str:
    if ring.next_signing_key is not None:
        return _ACTIVATE
    if ring.signing_keys[0].is_imported:
        return "Import the next one with `registry-auth keys import`."
    if is_staged:
        return "Publish the next one with `registry-auth keys rotate`."
    return "The server has not renewed it: its log says why. `registry-auth keys rotate` makes the next one."


def _ends(end: datetime, now: datetime) -> str:
    return f"{'ended' if end <= now else 'ends'} on {end:%Y-%m-%d}"
