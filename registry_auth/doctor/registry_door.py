"""The way into a registry: what it answers with a token and without."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from registry_auth.doctor.challenge import Challenge, read_challenge
from registry_auth.doctor.web import Response, fetch

_OK, _UNAUTHORIZED = 200, 401


@dataclass(frozen=True, slots=True)
class RegistryDoor:
    """A registry at a URL without a slash at its end."""

    url: str
    clock: Callable[[], datetime]

    def enter(self, token: str | None = None) -> Response:
        """Ask for `/v2/`, which any valid token opens. Raises UnreachableError."""
        return self._ask("/v2/", token)

    def list_tags(self, repository: str, token: str) -> Response:
        """Ask for something that needs the right to pull. Raises UnreachableError."""
        return self._ask(f"/v2/{quote(repository)}/tags/list", token)

    def _ask(self, path: str, token: str | None) -> Response:
        return fetch(self.url + path, self.clock, {} if token is None else {"Authorization": f"Bearer {token}"})


def challenge_of(response: Response) -> Challenge | None:
    """Give the challenge of an answer 401; None for any other answer."""
    return read_challenge(response.headers.getlist("WWW-Authenticate")) if response.status == _UNAUTHORIZED else None


def is_accepted(response: Response) -> bool:
    """Say whether the registry took the token that it was shown, even though that may not grant what was asked."""
    challenge = challenge_of(response)
    return response.status == _OK or (challenge is not None and challenge.error == "insufficient_scope")
