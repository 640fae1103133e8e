"""The claim set of a token (Distribution, token implementation documentation; RFC 7519)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from registry_auth.values import Caller, CallerKind, CredentialId, ResourceActions

# `iat` and `nbf` lie back, for registries whose clock is behind and which (zot) allow no leeway. The end is counted from the true time.
BACKDATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ClaimSet:
    """What a token says. Instants are UTC; `token_id` is unique among all tokens.

    With `names_credential` the private claim `credential` says by ids which credential the token was issued for, so that who is shown
    the token can look up whether that still counts.
    """

    issuer: str
    audience: str
    caller: Caller
    access: Sequence[ResourceActions]
    issued_at: datetime
    lifetime: timedelta
    token_id: str
    names_credential: bool = False

    def as_claims(self) -> dict[str, object]:
        """Give the claims in the types that every registry line accepts: times are integers, `aud` is a string and no list."""
        issued = int(self.issued_at.timestamp())
        valid_from = issued - int(BACKDATE.total_seconds())
        claims = {
            "iss": self.issuer,
            "sub": self.caller.name,
            "aud": self.audience,
            "exp": issued + int(self.lifetime.total_seconds()),
            "nbf": valid_from,
            "iat": valid_from,
            "jti": self.token_id,
            "auth_type": str(self.caller.kind),
            "access": [{"type": entry.type, "name": entry.name, "actions": list(entry.actions)} for entry in self.access],
        }
        credential = self.caller.credential if self.names_credential else None
        return claims if credential is None else claims | {"credential": _credential_claim(credential)}


def read_credential(claims: Mapping[str, Any]) -> CredentialId | None:
    """Give what the claim `credential` of a verified token names; None for an anonymous caller's."""
    claim = claims.get("credential")
    return None if claim is None else CredentialId(CallerKind(claim["kind"]), claim["id"], claim.get("secret_id"))


def read_access(claims: Mapping[str, Any]) -> tuple[ResourceActions, ...]:
    """Give what a verified token grants."""
    return tuple(ResourceActions(entry["type"], entry["name"], tuple(entry["actions"])) for entry in claims["access"])


def _credential_claim(credential: CredentialId) -> dict[str, object]:
    claim: dict[str, object] = {"kind": str(credential.kind), "id": credential.id}
    return claim if credential.secret_id is None else claim | {"secret_id": credential.secret_id}
