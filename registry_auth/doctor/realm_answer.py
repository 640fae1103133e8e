"""What is answered to a client that asks a realm for a token."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import jwt

from registry_auth.doctor.addresses import shown, shown_url
from registry_auth.doctor.findings import Finding, broken, fine
from registry_auth.doctor.unreachable import UnreachableError
from registry_auth.doctor.web import Response, fetch
from registry_auth.settings import PREFIX, Settings
from registry_auth.signing.key_ring import KeyRing

_CHECK = "token request"
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 200, 401, 403, 404, 429
_FIRST_REDIRECT, _FIRST_ERROR, _FIRST_FAULT = 300, 400, 500


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that was answered, with what it says; nothing of it is verified."""

    text: str = field(repr=False)
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    def actions(self, repository: str) -> tuple[str, ...]:
        """Give what it grants on a repository."""
        match self.claims.get("access"):
            case [*entries]:
                return tuple(action for entry in entries for action in _actions(entry, repository))
        return ()


def examine_realm_answer(realm: str, service: str, settings: Settings, ring: KeyRing | None, clock: Callable[[], datetime]) -> Finding:
    """Ask a realm for a token as a client does that has not logged in; judge what comes, and whose it is."""
    answer = request_token(_CHECK, realm, [("service", service)], clock)
    if isinstance(answer, Finding):
        return answer
    return _foreign_key(realm, answer, ring) or _other_issuer(realm, answer, settings) or fine(_CHECK, f"{shown_url(realm)} issues tokens.")


def request_token(
    check: str,
    realm: str,
    parameters: Sequence[tuple[str, str]],
    clock: Callable[[], datetime],
    credentials: tuple[str, str] | None = None,
) -> Granted | Finding:
    """Ask a realm for a token, by GET and Basic where there are credentials. Gives what is wrong with the answer if it holds none."""
    url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(parameters)}"
    try:
        response = fetch(url, clock, {} if credentials is None else _basic(*credentials))
    except UnreachableError as error:
        return broken(check, str(error), "Clients that come from here get no token.", error.remedy)
    return _granted(response) or _refused(check, realm, response, "" if credentials is None else credentials[1])


def _basic(username: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{username}:{secret}'.encode()).decode()}"}


def _granted(response: Response) -> Granted | None:
    document = response.document if response.status == _OK else None
    match document:
        case {"token": str(token)} | {"access_token": str(token)}:
            return _read(token)
    return None


def _read(token: str) -> Granted | None:
    try:
        read = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    return Granted(token, read["header"], read["payload"])


def _actions(entry: object, repository: str) -> Iterable[str]:
    match entry:
        case {"name": name, "actions": [*actions]} if name == repository:
            return map(str, actions)
    return ()


def _refused(check: str, realm: str, response: Response, secret: str) -> Finding:
    """Say what the answer means. Servers may repeat what they were sent, so the secret is struck out of what they say."""
    message = shown(_without(secret, _message(response)))
    seen = f"{shown_url(realm)} answers {response.status}" + (f": {message}" if message else ".")
    target = shown_url(_without(secret, response.headers.get("Location", "nowhere")))
    meaning, remedy = _MEANINGS.get(response.status) or _of_other_status(response, target)
    return broken(check, seen, meaning, remedy)


def _without(secret: str, text: str) -> str:
    return text.replace(secret, "(secret)") if secret else text


def _of_other_status(response: Response, target: str) -> tuple[str, str]:
    if response.status == _OK:
        return (
            "There is no token in the answer, so it is not this token server that answers there.",
            "Mend the realm, or the proxy behind it.",
        )
    if _FIRST_REDIRECT <= response.status < _FIRST_ERROR:
        return f"It leads to {target}, and clients do not take their log-in along.", "Take the address that it leads to as realm."
    if response.status >= _FIRST_FAULT:
        return "No client gets a token now.", "See in the log of this server, and in that of a proxy before it, why."
    return "It is not this token server that answers there, or a proxy before it refuses.", "Mend the realm, or the proxy."


_MEANINGS: Mapping[int, tuple[str, str]] = {
    _UNAUTHORIZED: (
        "The log-in is refused, so clients get no token.",
        "Compare the user name; rotate or renew a token whose secret is lost.",
    ),
    _FORBIDDEN: ("The log-in is good and counts for nothing here.", "Make a token with the scopes that the message asks for."),
    _NOT_FOUND: ("There is no token endpoint at that address, or none for that service.", "Mend the realm, the service, or the proxy."),
    _TOO_MANY: ("Too many wrong secrets came from one address.", f"Wait; behind a proxy, set {PREFIX}TRUSTED_PROXIES."),
}


def _message(response: Response) -> str:
    """Give the sentence of a registry's refusal (Distribution specification, Errors)."""
    match response.document:
        case {"errors": [{"message": str(message)}, *_]}:
            return message
    return ""


def _foreign_key(realm: str, token: Granted, ring: KeyRing | None) -> Finding | None:
    kid = token.header.get("kid")
    if ring is None or (isinstance(kid, str) and ring.published_key(kid) is not None):
        return None
    return broken(
        _CHECK,
        f"{shown_url(realm)} issues tokens with the key {shown(str(kid))}.",
        f"That is none of the keys in {PREFIX}KEYS_DIR: another installation answers there, or the server has not read these keys.",
        "Mend the realm; or run the doctor with the server's settings, or restart the server.",
    )


def _other_issuer(realm: str, token: Granted, settings: Settings) -> Finding | None:
    issuer = token.claims.get("iss")
    if issuer == settings.issuer:
        return None
    return broken(
        _CHECK,
        f"{shown_url(realm)} issues tokens as {shown(str(issuer))}, and {PREFIX}ISSUER is {settings.issuer}.",
        "The server that answers there runs with other settings than this command.",
        "Run the doctor with the settings of the server, or restart the server with these.",
    )
