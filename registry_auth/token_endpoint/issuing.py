"""The way from a caller and a token request to a signed token."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from registry_auth.authorization import grant
from registry_auth.errors import ServiceOffError, UnknownServiceError
from registry_auth.logs import caller_label, redact
from registry_auth.signing import Signer
from registry_auth.token_endpoint.abilities import check_ability
from registry_auth.token_endpoint.claims import ClaimSet
from registry_auth.token_endpoint.scope_grammar import ParsedScopes
from registry_auth.token_endpoint.token_request import TokenRequest
from registry_auth.values import Caller, Group, Project, ResourceActions, Scope, Service

_SHOWABLE_SERVICE = re.compile(r"[A-Za-z0-9._:/-]{1,100}")

_MOST_LOGGED = 10  # denied scopes of one request: anybody may ask for hundreds

logger = logging.getLogger(__name__)


class OwnerLookup(Protocol):
    """Finds what repositories belong to."""

    def owners(self, repositories: Iterable[str]) -> Mapping[str, Project | Group]:
        """Give each repository its project or group; one without is left out."""


@dataclass(frozen=True, slots=True)
class TokenService:
    """A service that tokens are issued for: its kind, what it calls itself (`aud`), and whom its repositories belong to."""

    kind: Service
    name: str
    owners: OwnerLookup
    is_on: bool = True


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed token, the service it is for, what it grants, and since when it lives (UTC)."""

    text: str
    service: Service
    access: tuple[ResourceActions, ...]
    issued_at: datetime
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Issues tokens in the name of `issuer` for its services, the first of which is meant when a request names none."""

    issuer: str
    services: tuple[TokenService, ...]
    lifetime: timedelta
    signer: Signer
    clock: Callable[[], datetime]
    new_token_id: Callable[[], str]

    def issue(self, caller: Caller, request: TokenRequest) -> IssuedToken:
        """Give a token with what the caller may do of what was asked; that may be nothing.

        Raises UnknownServiceError for a service that is not this server's, ServiceOffError for one that is switched off, NoAbilityError
        for a credential that can do nothing there, and UnavailableError when the database or the keys cannot serve.
        """
        service = self._service(request.service)
        check_ability(caller, service.kind)
        access = _access(caller, service, request.scopes)
        now = self.clock()
        # Only the dependency proxy asks back about a credential; a registry has no use for its ids.
        names_credential = service.kind is Service.DEPENDENCY_PROXY
        claims = ClaimSet(self.issuer, service.name, caller, access, now, self.lifetime, self.new_token_id(), names_credential)
        return IssuedToken(self.signer.sign(claims.as_claims()), service.kind, access, now, self.lifetime)

    def _service(self, asked: str | None) -> TokenService:
        for service in self.services:
            if asked in {None, service.name}:
                if not service.is_on:
                    raise ServiceOffError(f"The service {service.name} is switched off in this installation.")
                return service
        named = f" '{asked}'" if _SHOWABLE_SERVICE.fullmatch(redact(asked or "")) else ""
        known = ", ".join(service.name for service in self.services if service.is_on)
        raise UnknownServiceError(f"This server issues no tokens for the service{named}. It knows: {known}.")


def _access(caller: Caller, service: TokenService, asked: ParsedScopes) -> tuple[ResourceActions, ...]:
    owners = service.owners.owners(scope.name for scope in asked.scopes if scope.type == "repository")
    decisions = [(scope, grant(caller, service.kind, scope, owners.get(scope.name))) for scope in asked.scopes]
    _log_denials(caller, decisions, asked.dropped)
    return tuple(granted for _, granted in decisions if granted is not None)


def _log_denials(caller: Caller, decisions: Iterable[tuple[Scope, ResourceActions | None]], dropped: Sequence[str]) -> None:
    # The client learns of a denial only by what its token lacks; the log tells the operator.
    denials = [
        f"asked={scope.type}:{scope.name}:{','.join(scope.actions)} granted={','.join(granted.actions) if granted else 'nothing'}"
        for scope, granted in decisions
        if granted is None or len(granted.actions) < len(scope.actions)
    ]
    if not denials and not dropped:
        return
    who = caller_label(caller.name, caller.credential_id)
    if denials:
        more = f" (and {len(denials) - _MOST_LOGGED} more)" if len(denials) > _MOST_LOGGED else ""
        logger.info("denied: %s %s%s", who, "; ".join(denials[:_MOST_LOGGED]), more)
    if dropped:
        logger.info("not understood: %s scopes=%d first=%r", who, len(dropped), redact(dropped[0])[:200])
