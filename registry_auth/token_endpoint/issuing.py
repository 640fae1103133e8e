"""The way from a caller and a token request to a signed token."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry_auth.authorization import grant, has_registry_ability
from registry_auth.errors import NoAbilityError, UnknownServiceError
from registry_auth.logs import caller_label, redact
from registry_auth.namespaces.ownership import ProjectLookup
from registry_auth.signing import Signer
from registry_auth.token_endpoint.claims import ClaimSet
from registry_auth.token_endpoint.scope_grammar import ParsedScopes
from registry_auth.token_endpoint.token_request import TokenRequest
from registry_auth.values import Caller, CallerKind, ResourceActions, Scope, TokenScope

_SHOWABLE_SERVICE = re.compile(r"[A-Za-z0-9._:/-]{1,100}")

_KINDS = {CallerKind.DEPLOY_TOKEN: "deploy token", CallerKind.PERSONAL_ACCESS_TOKEN: "personal access token"}

_MOST_LOGGED = 10  # denied scopes of one request: anybody may ask for hundreds

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed token, what it grants, and since when it lives (UTC)."""

    text: str
    access: tuple[ResourceActions, ...]
    issued_at: datetime
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Issues tokens in the name of `issuer` for the container registry that calls itself `service`."""

    issuer: str
    service: str
    lifetime: timedelta
    projects: ProjectLookup
    signer: Signer
    clock: Callable[[], datetime]
    new_token_id: Callable[[], str]

    def issue(self, caller: Caller, request: TokenRequest) -> IssuedToken:
        """Give a token with what the caller may do of what was asked; that may be nothing.

        Raises UnknownServiceError for a service that is not this server's, NoAbilityError for a credential that can do nothing there, and
        UnavailableError when the database or the keys cannot serve.
        """
        self._check_service(request.service)
        _check_ability(caller)
        access = self._access(caller, request.scopes)
        now = self.clock()
        claims = ClaimSet(self.issuer, self.service, caller, access, now, self.lifetime, self.new_token_id())
        return IssuedToken(self.signer.sign(claims.as_claims()), access, now, self.lifetime)

    def _access(self, caller: Caller, asked: ParsedScopes) -> tuple[ResourceActions, ...]:
        owners = self.projects.owners(scope.name for scope in asked.scopes if scope.type == "repository")
        decisions = [(scope, grant(caller, scope, owners.get(scope.name))) for scope in asked.scopes]
        _log_denials(caller, decisions, asked.dropped)
        return tuple(granted for _, granted in decisions if granted is not None)

    def _check_service(self, asked: str | None) -> None:
        if asked is None or asked == self.service:
            return
        named = f" '{asked}'" if _SHOWABLE_SERVICE.fullmatch(redact(asked)) else ""
        raise UnknownServiceError(f"This server issues no tokens for the service{named}. It knows: {self.service}.")


def _check_ability(caller: Caller) -> None:
    if has_registry_ability(caller):
        return
    held = TokenScope.in_order(caller.scopes)
    alternative = "" if caller.person is None else "; or api for all that its user may do"
    raise NoAbilityError(
        f"This {_KINDS[caller.kind]} has only the scope{'s' if len(held) > 1 else ''} {', '.join(held)}. "
        f"The container registry needs read_registry to pull, and write_registry with it to push{alternative}.",
        who=caller_label(caller.name, caller.credential_id),
    )


def _log_denials(caller: Caller, decisions: Iterable[tuple[Scope, ResourceActions | None]], dropped: Sequence[str]) -> None:
    # The client learns of a denial only by what its token lacks; the log tells the operator.
    who = caller_label(caller.name, caller.credential_id)
    denials = [
        f"asked={scope.type}:{scope.name}:{','.join(scope.actions)} granted={','.join(granted.actions) if granted else 'nothing'}"
        for scope, granted in decisions
        if granted is None or len(granted.actions) < len(scope.actions)
    ]
    if denials:
        more = f" (and {len(denials) - _MOST_LOGGED} more)" if len(denials) > _MOST_LOGGED else ""
        logger.info("denied: %s %s%s", who, "; ".join(denials[:_MOST_LOGGED]), more)
    if dropped:
        logger.info("not understood: %s scopes=%d first=%r", who, len(dropped), redact(dropped[0])[:200])
