"""Whether somebody can log in, and what that is worth at the registry."""

from dataclasses import dataclass, field

from pydantic import SecretStr

from registry_auth.doctor.addresses import shown, shown_url
from registry_auth.doctor.findings import Finding, broken, fine, warning
from registry_auth.doctor.realm_answer import Granted, request_token
from registry_auth.doctor.registry_door import RegistryDoor, is_accepted
from registry_auth.settings import Settings

_CHECK = "log-in"
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Login:
    """What a client would log in with, and the repository that it would ask for; without one it only logs in."""

    username: str
    secret: SecretStr = field(repr=False)
    repository: str | None = None


def examine_login(login: Login, realm: str, service: str, settings: Settings, door: RegistryDoor) -> list[Finding]:
    """Log in at our own realm, and show the registry the token that comes of it. `realm` is the one that the registry names.

    The secret goes to no other address than the one in the settings, whatever the registry says. Raises UnreachableError.
    """
    findings = [] if realm == settings.realm else [_kept_back(realm, settings)]
    token = request_token(
        _CHECK, settings.realm, _parameters(login, service), door.clock, (login.username, login.secret.get_secret_value())
    )
    if isinstance(token, Finding):
        return [*findings, token]
    return [*findings, _of_grant(login, token), *_of_entry(login, token, door)]


def _kept_back(realm: str, settings: Settings) -> Finding:
    return warning(
        _CHECK,
        f"The registry sends clients to {shown_url(realm)}; the secret was sent to {settings.realm} alone.",
        "Who logs in to this registry hands the secret to that address.",
        "Mend the registry's realm; change the secret if that address is not yours.",
    )


def _parameters(login: Login, service: str) -> list[tuple[str, str]]:
    parameters = [("service", service), ("account", login.username)]
    return parameters if login.repository is None else [*parameters, ("scope", f"repository:{login.repository}:pull,push")]


def _of_grant(login: Login, token: Granted) -> Finding:
    if login.repository is None:
        return fine(_CHECK, f"{shown(login.username)} can log in.")
    actions = token.actions(login.repository)
    if actions:
        return fine(_CHECK, f"{shown(login.username)} can log in, and on {shown(login.repository)}: {shown(', '.join(actions))}.")
    return warning(
        _CHECK,
        f"{shown(login.username)} can log in, and has no rights on {shown(login.repository)}.",
        "Pulling from it and pushing to it are refused: no project is on that path, or the log-in is for another one.",
        "Compare the path with `registry-auth project list`, and the token with `registry-auth deploy-token list`.",
    )


def _of_entry(login: Login, token: Granted, door: RegistryDoor) -> list[Finding]:
    """Show the registry the token, for what it grants; without a right there is nothing but the entrance."""
    pulls = login.repository is not None and "pull" in token.actions(login.repository)
    response = door.list_tags(login.repository, token.text) if pulls and login.repository else door.enter(token.text)
    if is_accepted(response) or (pulls and response.status == _NOT_FOUND):  # there may be no image yet
        return []
    return [
        broken(
            _CHECK,
            f"The registry answers {response.status} to the token of {shown(login.username)}.",
            "The log-in is good, and the registry does not take what comes of it.",
            "See what is said of the registry's token; where nothing is, its log names the reason at the level `info`.",
        )
    ]
