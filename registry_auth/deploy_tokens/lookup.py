"""Finding a deploy token by a secret that a client sent: one statement, no ORM objects."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, select

from registry_auth.database import Database
from registry_auth.deploy_tokens.models import DeployToken, DeployTokenSecret
from registry_auth.namespaces.models import Namespace
from registry_auth.token_secrets import SecretDigester
from registry_auth.token_validity import why_dead
from registry_auth.values import Owner, TokenScope

_BY_DIGEST = (
    select(
        DeployToken.id,
        DeployToken.username,
        DeployToken.scopes,
        DeployToken.expires_at,
        DeployToken.revoked_at,
        DeployTokenSecret.expires_at.label("secret_expires_at"),
        Namespace.kind,
        Namespace.path,
    )
    .join_from(DeployTokenSecret, DeployToken, DeployTokenSecret.token_id == DeployToken.id)
    .join(Namespace, DeployToken.owner_id == Namespace.id)
    .where(DeployTokenSecret.digest == bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class FoundToken:
    """What a log-in has to know of a token, and of the secret by which it was found."""

    id: int
    username: str
    scopes: frozenset[TokenScope]
    owner: Owner
    expires_at: date | None
    revoked_at: datetime | None
    secret_expires_at: datetime | None

    def why_dead(self, now: datetime) -> str | None:
        """Give the sentence that tells the holder of the secret why it no longer works, or None when it works."""
        reason = why_dead("deploy token", self.revoked_at, self.expires_at, now)
        if reason is None and self.secret_expires_at is not None and self.secret_expires_at <= now:
            return f"This secret was replaced on {self.secret_expires_at:%Y-%m-%d}: the deploy token was rotated, use its newer secret."
        return reason


class DeployTokenLookup:
    """Finds deploy tokens by their secrets."""

    def __init__(self, database: Database, digester: SecretDigester) -> None:
        self._database = database
        self._digester = digester

    def find(self, secret: str) -> FoundToken | None:
        """Give the token that this is or was a secret of, dead or alive."""
        with self._database.reading() as connection:
            row = connection.execute(_BY_DIGEST, {"digest": self._digester.digest(secret)}).one_or_none()
        if row is None:
            return None
        return FoundToken(
            id=row.id,
            username=row.username,
            scopes=frozenset(row.scopes),
            owner=Owner(row.kind, row.path),
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            secret_expires_at=row.secret_expires_at,
        )
