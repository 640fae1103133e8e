"""The challenge of a registry: where it sends clients for a token (RFC 6750 section 3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from werkzeug.datastructures import WWWAuthenticate

_BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a header `WWW-Authenticate` says. `scheme` is in lower case; a parameter that is not there is None."""

    scheme: str
    realm: str | None = None
    service: str | None = None
    scope: str | None = None
    error: str | None = None

    @property
    def is_bearer(self) -> bool:
        """Whether it asks for a token."""
        return self.scheme == _BEARER


def read_challenge(headers: Iterable[str]) -> Challenge | None:
    """Read the values of the headers `WWW-Authenticate`: the challenge that asks for a token, else the first; None without any."""
    challenges = [_read(header) for header in headers if header.strip()]
    return next((each for each in challenges if each.is_bearer), challenges[0] if challenges else None)


def _read(header: str) -> Challenge:
    parsed = WWWAuthenticate.from_header(header.strip())
    if parsed is None:
        return Challenge("")
    return Challenge(parsed.type, *(parsed.parameters.get(name) for name in ("realm", "service", "scope", "error")))
