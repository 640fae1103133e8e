"""Tokens that differ from a refused one in one thing each: what a registry takes shows why it refused that."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from registry_auth.doctor.clocks import AGREEMENT
from registry_auth.doctor.findings import Finding, broken
from registry_auth.doctor.probe_tokens import next_keys
from registry_auth.doctor.refusal import CHECK, Refusal, says_why
from registry_auth.settings import PREFIX
from registry_auth.values import TokenHeader

_HALF_A_DAY = timedelta(hours=12)
_NO_TOKEN = "doctor.doctor.doctor"  # noqa: S105 - looks like a JWT and is none

# What registries were told by those that issued their tokens before: GitLab's packages and its chart.
_USUAL_ISSUERS = frozenset({"registry-auth", "omnibus-gitlab-issuer", "gitlab-issuer"})

# The one that suits most registries first.
_HEADERS = (TokenHeader.X5C, TokenHeader.RFC7638_KID, TokenHeader.LIBTRUST_KID)

_WHY_NOT = {
    TokenHeader.X5C: "It looks for keys by their ids alone, as with `jwks`, or its bundle has the signing certificate and not the CA.",
    TokenHeader.LIBTRUST_KID: "It knows no key by that id, which Distribution 2 computes from the signing certificate in its bundle.",
    TokenHeader.RFC7638_KID: "It knows no key by that id, which Distribution 3.1 computes from the signing certificate in its bundle.",
}


def _no_token_at_all(refusal: Refusal) -> Finding | None:
    """See whether tokens arrive. A registry does not call each bad token bad, so it is shown one that certainly is."""
    if says_why(refusal.answer) or says_why(refusal.show(_NO_TOKEN)):
        return None
    return broken(
        CHECK,
        "The registry answers a request with a token as one without.",
        "The token does not reach it: a proxy before it takes the header `Authorization` away.",
        "Have that proxy pass on `Authorization`.",
    )


def _other_times(refusal: Refusal) -> Finding | None:
    """Move the token's times by what the clocks differ; where they seem to agree, the date may be a proxy's, and its times are widened."""
    skew, token = refusal.answer.clock_skew or timedelta(), refusal.token
    if abs(skew) > AGREEMENT:
        other = replace(token, issued_at=token.issued_at + skew)
        seen = "The registry refuses a token of now, and takes one of the time on its own clock."
    else:
        other = replace(token, issued_at=token.issued_at - _HALF_A_DAY, lifetime=2 * _HALF_A_DAY)
        seen = "The registry refuses a token that is valid now, and takes one that is valid for hours before and after."
    if not refusal.accepts(other):
        return None
    return broken(CHECK, seen, "It takes new tokens for expired, or for not yet valid.", "Set the clocks of both machines by NTP.")


def _other_header(refusal: Refusal) -> Finding | None:
    present = refusal.token.header
    for header in _HEADERS:
        if header is not present and refusal.accepts(replace(refusal.token, header=header)):
            seen = f"The registry refuses tokens with the header {present}, and takes them with {header}."
            return broken(CHECK, seen, _WHY_NOT[present], _set_header(refusal, header))
    return None


def _set_header(refusal: Refusal, header: TokenHeader) -> str:
    # With a bundle that has the signing certificate alone, `x5c` works until that is renewed.
    bundle = f", give the registry {refusal.bundle(header)} as `rootcertbundle`" if header is TokenHeader.X5C else ""
    return (
        f"Set {PREFIX}TOKEN_HEADER={header}{bundle}, and restart both; or keep {refusal.token.header}, give the registry "
        f"{refusal.bundle(refusal.token.header)} as `rootcertbundle`, and restart it."
    )


def _other_key(refusal: Refusal) -> Finding | None:
    """Try the keys of before, which an old bundle has, and those to come, which a new one has."""
    token = refusal.token
    if any(refusal.accepts(replace(token, key=key)) for key in refusal.ring.signing_keys if key is not token.key):
        return broken(
            CHECK,
            "The registry refuses tokens of the key that signs now, and takes those of an older one.",
            "It has an older bundle, or was not restarted since it was given the present one.",
            f"Give it {refusal.bundle(token.header)} as `rootcertbundle`, and restart it: it reads the file only at its start.",
        )
    for name, key in next_keys(refusal.ring, token.header, token.issued_at):
        if refusal.accepts(replace(token, key=key)):
            return broken(
                CHECK,
                f"The registry refuses tokens of the key that signs now, and takes those of the {name}.",
                "Its bundle holds what is to come, and no longer what is in use.",
                f"Give it the whole of {refusal.bundle(token.header)} and restart it; or, if all the others have that, "
                "run `registry-auth keys activate`.",
            )
    return None


def _other_issuer(refusal: Refusal) -> Finding | None:
    """Guess what the registry's issuer is."""
    settings = refusal.settings
    host = urlsplit(settings.external_url).hostname or settings.issuer
    for issuer in sorted({*_USUAL_ISSUERS, settings.external_url, settings.realm, host, settings.service} - {settings.issuer}):
        if refusal.accepts(replace(refusal.token, issuer=issuer)):
            return broken(
                CHECK,
                f"The registry's issuer is {issuer}, and {PREFIX}ISSUER is {settings.issuer}.",
                "It refuses tokens of every other issuer.",
                f"Set `issuer: {settings.issuer}` in its `auth.token`, or {PREFIX}ISSUER={issuer} here; then restart what was changed.",
            )
    return None


# Each takes a refusal and gives what it shows, or None; it raises UnreachableError. Later ones count on what earlier ones ruled out.
EXPERIMENTS: tuple[Callable[[Refusal], Finding | None], ...] = (_no_token_at_all, _other_times, _other_header, _other_key, _other_issuer)
