"""Why a registry refuses a token, as far as can be told from outside."""

from dataclasses import replace

from registry_auth.doctor.experiments import EXPERIMENTS
from registry_auth.doctor.findings import Finding, broken
from registry_auth.doctor.refusal import CHECK, Refusal, says_why
from registry_auth.settings import PREFIX

_DISTRIBUTION_3_JSON = "application/json"  # version 2 names a charset too


def why_refused(refusal: Refusal) -> Finding:
    """Say why the registry refused the token, and what mends it. Raises UnreachableError."""
    found = next((finding for experiment in EXPERIMENTS if (finding := experiment(refusal)) is not None), None)
    if found is not None:
        return found
    if refusal.token.audience == refusal.settings.dependency_proxy_service:
        return _other_settings_of_gate()
    return _wrong_key_or_issuer(refusal)


def _wrong_key_or_issuer(refusal: Refusal) -> Finding:
    """Tell apart what is left.

    Distribution 3 looks for the key first, and does not call a token with a wrong signature bad if it trusts the key. Version 2 looks at
    the issuer first, and calls all of them bad (tested with 2.8.2, 3.0.0 and 3.1.1).
    """
    if not says_why(refusal.show(replace(refusal.token, is_forged=True).text())):
        return _wrong_issuer(refusal, "though it trusts the key", "Its issuer is another one.")
    if refusal.answer.headers.get("Content-Type") == _DISTRIBUTION_3_JSON:
        return _wrong_bundle(refusal, "for it does not trust the key")
    if refusal.bundle_trusts_us is None:
        return _wrong_bundle_or_issuer(refusal)
    if refusal.bundle_trusts_us:
        meaning = "Its issuer is another one, or it was not restarted since it was given that bundle."
        return _wrong_issuer(refusal, "though its bundle is right", meaning)
    return _wrong_bundle(refusal, "for its bundle does not hold the certificate")


def _wrong_issuer(refusal: Refusal, known: str, meaning: str) -> Finding:
    issuer = refusal.settings.issuer
    return broken(
        CHECK,
        f"The registry refuses a token of the issuer {issuer}, {known}.",
        meaning,
        f"See that its `auth.token` has `issuer: {issuer}`, or set {PREFIX}ISSUER to what it has; then restart both.",
    )


def _wrong_bundle(refusal: Refusal, known: str) -> Finding:
    if refusal.bundle_trusts_us:
        return broken(
            CHECK,
            f"The registry refuses a token of this installation, {known}, though its bundle is right.",
            "It was not restarted since it was given that bundle, which it reads only at its start; or it has another one.",
            "Restart it, and see that `rootcertbundle` in its `auth.token` names that file.",
        )
    return broken(
        CHECK,
        f"The registry refuses a token of this installation, {known}.",
        "Its `rootcertbundle` is another file, or it was not restarted since it was given ours: it reads it only at its start.",
        f"Give it a copy of {refusal.bundle(refusal.token.header)} as `rootcertbundle` in `auth.token`, and restart it.",
    )


def _wrong_bundle_or_issuer(refusal: Refusal) -> Finding:
    bundle, issuer = refusal.bundle(refusal.token.header), refusal.settings.issuer
    return broken(
        CHECK,
        "The registry refuses a token of this installation, and does not tell why.",
        "Most likely its `rootcertbundle` is another file, or it was not restarted since it was given ours; else its `issuer` differs.",
        f"Give it a copy of {bundle} as `rootcertbundle` and `issuer: {issuer}` in `auth.token`, and restart it; `--bundle` with the file "
        "that it has tells more.",
    )


def _other_settings_of_gate() -> Finding:
    return broken(
        CHECK,
        "The dependency proxy refuses a token of this installation.",
        f"The server behind it works with other keys than those in {PREFIX}KEYS_DIR, or with another {PREFIX}ISSUER.",
        "Run the doctor with the settings of the server, or restart the server with these.",
    )
