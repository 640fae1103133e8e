"""What a registry says to somebody who brings nothing: the challenge that is wanted, or something else."""

from registry_auth.doctor.addresses import shown, shown_url
from registry_auth.doctor.challenge import Challenge
from registry_auth.doctor.findings import Finding, broken
from registry_auth.doctor.registry_door import challenge_of
from registry_auth.doctor.web import Response
from registry_auth.settings import Settings

CHECK = "registry"

_OK, _UNAUTHORIZED, _FIRST_REDIRECT, _FIRST_ERROR, _FIRST_FAULT = 200, 401, 300, 400, 500


def why_no_token_is_asked(response: Response, url: str, settings: Settings) -> Finding:
    """Say what is wrong with a registry whose first answer does not ask for a token."""
    challenge = challenge_of(response)
    if response.status == _OK:
        return _open(url, settings) if _is_of_a_registry(response) else _no_registry(response, url)
    if response.status == _UNAUTHORIZED:
        return _other_scheme(challenge, url, settings)
    if _FIRST_REDIRECT <= response.status < _FIRST_ERROR:
        return _redirect(response, url)
    return _fault(response, url) if response.status >= _FIRST_FAULT else _no_registry(response, url)


def _is_of_a_registry(response: Response) -> bool:
    return "Docker-Distribution-Api-Version" in response.headers or response.document == {}


def _open(url: str, settings: Settings) -> Finding:
    return broken(
        CHECK,
        f"{url}/v2/ answers without asking for a token.",
        "The registry is open: everybody who reaches it pulls, and pushes unless it is read-only.",
        _configure(settings),
    )


def _other_scheme(challenge: Challenge | None, url: str, settings: Settings) -> Finding:
    if challenge is None:
        return broken(
            CHECK,
            f"{url}/v2/ answers 401 without a challenge.",
            "Clients are not told where to get a token.",
            f"Have a proxy before the registry pass on the header `WWW-Authenticate`. {_configure(settings)}",
        )
    return broken(
        CHECK,
        f"{url}/v2/ asks for {shown(challenge.scheme).capitalize()} credentials instead of a token.",
        "The registry, or a proxy before it, checks user names and passwords itself, and never asks this server.",
        f"Remove that check (`auth.htpasswd` in a registry). {_configure(settings)}",
    )


def _redirect(response: Response, url: str) -> Finding:
    to = shown_url(response.headers.get("Location", "nowhere"))
    return broken(
        CHECK,
        f"{url}/v2/ answers {response.status} and leads to {to}.",
        "What clients make of that differs, and what they meet there was not examined.",
        "Give clients, and the doctor, the address that it leads to.",
    )


def _fault(response: Response, url: str) -> Finding:
    return broken(
        CHECK,
        f"{url}/v2/ answers {response.status}.",
        "The registry fails, or a proxy before it does not reach it.",
        "See in the log of the registry, and in the proxy's, why.",
    )


def _no_registry(response: Response, url: str) -> Finding:
    kind = shown(response.headers.get("Content-Type", "no type"))
    return broken(
        CHECK,
        f"{url}/v2/ answers {response.status} ({kind}), as no registry does.",
        "Something else listens there, or a proxy does not pass /v2/ on to the registry.",
        "Mend host and port, or the proxy.",
    )


def _configure(settings: Settings) -> str:
    lines = f"`realm: {settings.realm}`, `service: {settings.service}`, `issuer: {settings.issuer}` and `rootcertbundle`"
    return f"Set `auth.token` in its configuration, with {lines}, and restart it."
