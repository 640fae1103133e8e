"""The claim set of a token (Distribution, token implementation documentation; RFC 7519)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry_auth.values import Caller, ResourceActions

# `iat` and `nbf` lie back, for registries whose clock is behind and which (zot) allow no leeway. The end is counted from the true time.
BACKDATE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ClaimSet:
    """What a token says. Instants are UTC; `token_id` is unique among all tokens."""

    issuer: str
    audience: str
    caller: Caller
    access: Sequence[ResourceActions]
    issued_at: datetime
    lifetime: timedelta
    token_id: str

    def as_claims(self) -> dict[str, object]:
        """Give the claims in the types that every registry line accepts: times are integers, `aud` is a string and no list."""
        issued = int(self.issued_at.timestamp())
        valid_from = issued - int(BACKDATE.total_seconds())
        return {
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
