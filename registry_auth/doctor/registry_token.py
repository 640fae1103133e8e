"""Whether a registry takes the tokens of this installation: those of now, those after a renewal, and large ones."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from registry_auth.doctor.diagnosis import why_refused
from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.doctor.probe_tokens import ProbeToken, next_keys, renewed_key
from registry_auth.doctor.refusal import CHECK, Refusal
from registry_auth.doctor.registry_door import RegistryDoor, is_accepted
from registry_auth.doctor.unreachable import UnreachableError
from registry_auth.services import key_directory
from registry_auth.settings import Settings
from registry_auth.signing.certificates import Term
from registry_auth.signing.key_ring import KeyRing

_UNAUTHORIZED = 401

# Bytes of padding in a token of 16 KiB: tokens for many repositories come to that, and web servers allow 4 to 64 KiB for headers.
_PADDING = 12_288


def examine_token(
    door: RegistryDoor, audience: str, settings: Settings, ring: KeyRing, now: datetime, *, bundle_trusts_us: bool | None
) -> Iterator[Finding]:
    """Show the registry a token that grants nothing, as it would be signed now (UTC), and others when it takes that.

    Gives nothing while no key can sign. Raises UnreachableError.
    """
    key = ring.signing_key(now, timedelta(seconds=settings.token_lifetime))
    if key is None:
        return
    token = ProbeToken(key, settings.token_header, settings.issuer, audience, now)
    answer = door.enter(token.text())
    if not is_accepted(answer):
        yield _refused(Refusal(token, answer, door.enter, ring, settings, bundle_trusts_us))
        return
    yield fine(CHECK, f"It takes tokens of this installation ({token.header}).")
    if audience != settings.dependency_proxy_service:  # which knows our keys without being told
        yield from _after_renewal(door, token, ring, settings)
        yield from _of_next_keys(door, token, ring, settings)
    yield _of_size(door, token)


def _refused(refusal: Refusal) -> Finding:
    if refusal.answer.status == _UNAUTHORIZED:
        return why_refused(refusal)
    return broken(
        CHECK,
        f"A request with a token is answered {refusal.answer.status}.",
        "A registry answers 401 to a token that it does not take; so it fails, or a proxy before it refuses the request.",
        "See in the log of the registry, and in the proxy's, why.",
    )


def _after_renewal(door: RegistryDoor, token: ProbeToken, ring: KeyRing, settings: Settings) -> Iterator[Finding]:
    """See whether a signing certificate that is renewed without the registry's knowledge will be taken."""
    if ring.is_staged(token.header) or is_accepted(door.enter(replace(token, key=renewed_key(ring, token.issued_at)).text())):
        return
    renewal = token.key.pair.not_after - Term.of(token.header).renew_before_end
    yield warning(
        CHECK,
        "It takes the present signing certificate, and none that the CA issues after it.",
        f"Its `rootcertbundle` has that certificate, not the CA's: after the renewal, about {renewal:%Y-%m-%d}, it refuses all tokens.",
        f"Give it {_bundle(settings)} as `rootcertbundle`, and restart it.",
    )


def _of_next_keys(door: RegistryDoor, token: ProbeToken, ring: KeyRing, settings: Settings) -> Iterator[Finding]:
    for name, key in next_keys(ring, token.header, token.issued_at):
        if is_accepted(door.enter(replace(token, key=key).text())):
            yield fine(name, f"It takes tokens of the {name} already: once all registries do, run `registry-auth keys activate`.")
        else:
            yield warning(
                name,
                f"It does not take tokens of the {name} yet.",
                f"Once the {name} is activated, it refuses all tokens.",
                f"Give it {_bundle(settings)} as `rootcertbundle` and restart it, then run `registry-auth keys activate`.",
            )


def _of_size(door: RegistryDoor, token: ProbeToken) -> Finding:
    text = replace(token, padding=_PADDING).text()
    size = f"A token of {len(text) // 1024} KiB"
    try:
        answer = door.enter(text)
        if is_accepted(answer):
            return fine("header size", f"{size} arrives.")
        seen = f"{size} is answered {answer.status}."
    except UnreachableError:
        seen = f"{size} is answered by the end of the connection."
    return warning(
        "header size",
        seen,
        "A proxy before the registry takes no headers of that size, so tokens for many repositories do not arrive.",
        "Allow 64 KiB there; for nginx that is `large_client_header_buffers 4 64k;`.",
    )


def _bundle(settings: Settings) -> str:
    return str(key_directory(settings).bundle.resolve())
