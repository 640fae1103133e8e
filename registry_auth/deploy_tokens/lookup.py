"""Finding the deploy token behind a credential: in the cache, or with one statement and no ORM objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, bindparam, select

from registry_auth.database import Database, RememberedRows
from registry_auth.deploy_tokens.models import DeployToken, DeployTokenSecret
from registry_auth.digest_upgrades import DigestSearch, DigestUpgrades, row_key
from registry_auth.namespaces.models import Namespace
from registry_auth.namespaces.ownership import ProjectLookup
from registry_auth.token_secrets import SecretDigester
from registry_auth.token_validity import why_dead
from registry_auth.values import NamespaceKind, Owner, TokenScope

# Many tokens have the same: with an object of its own for each, a remembered token took half as much memory again.
_scopes = lru_cache(256)(frozenset[TokenScope])
_owner = lru_cache(4_096)(Owner)

_TOKENS = (
    select(
        DeployToken.id,
        DeployToken.username,
        DeployToken.scopes,
        DeployToken.expires_at,
        DeployToken.revoked_at,
        DeployTokenSecret.id.label("secret_id"),
        DeployTokenSecret.expires_at.label("secret_expires_at"),
        Namespace.kind,
        Namespace.path,
        Namespace.visibility,
    )
    .join_from(DeployTokenSecret, DeployToken, DeployTokenSecret.token_id == DeployToken.id)
    .join(Namespace, DeployToken.owner_id == Namespace.id)
)
_BY_ID = _TOKENS.where(DeployToken.id == bindparam("id"), DeployTokenSecret.id == bindparam("secret_id"))


@dataclass(frozen=True, slots=True)
class FoundToken:
    """What a log-in has to know of a token, and of the secret by which it was found."""

    id: int
    username: str
    scopes: frozenset[TokenScope]
    owner: Owner
    expires_at: date | None
    revoked_at: datetime | None
    secret_id: int
    secret_expires_at: datetime | None

    def why_dead(self, now: datetime) -> str | None:
        """Give the sentence that tells the holder of the secret why it no longer works, or None when it works."""
        reason = why_dead("deploy token", self.revoked_at, self.expires_at, now)
        if reason is None and self.secret_expires_at is not None and self.secret_expires_at <= now:
            return f"This secret was replaced on {self.secret_expires_at:%Y-%m-%d}: the deploy token was rotated, use its newer secret."
        return reason


class DeployTokenLookup:
    """Finds deploy tokens by their secrets, or by the ids that a signed token carries.

    `projects` is told of the project that a token is for: most requests ask for an image of it next, which then costs no look-up.
    `upgrades` is told of digests that a former server secret made.
    """

    def __init__(self, database: Database, digester: SecretDigester, projects: ProjectLookup, upgrades: DigestUpgrades) -> None:
        self._database = database
        self._digester = digester
        self._projects = projects
        self._search = DigestSearch(database, upgrades, DeployTokenSecret, _TOKENS, "secret_id")
        self._by_digest: RememberedRows[bytes, FoundToken] = RememberedRows(database.cache)
        self._by_id: RememberedRows[tuple[int, int], FoundToken] = RememberedRows(database.cache)

    def find(self, secret: str) -> FoundToken | None:
        """Give the token that this is or was a secret of, dead or alive."""
        digests = self._digester.digests(secret)
        return self._by_digest.read(row_key(digests), lambda: self._one(lambda: self._search.rows(digests)))

    def find_by_id(self, token_id: int, secret_id: int) -> FoundToken | None:
        """Give the token of this id, found by the secret of that id, dead or alive."""
        ids = {"id": token_id, "secret_id": secret_id}
        return self._by_id.read((token_id, secret_id), lambda: self._one(lambda: self._database.rows(_BY_ID, ids)))

    def _one(self, read: Callable[[], Sequence[Row[*tuple[Any, ...]]]]) -> FoundToken | None:
        before = self._projects.moment()
        rows = read()
        if not rows:
            return None
        row = rows[0]
        if row.kind is NamespaceKind.PROJECT:
            before.put({row.path: row.visibility})
        return FoundToken(
            id=row.id,
            username=row.username,
            scopes=_scopes(row.scopes),
            owner=_owner(row.kind, row.path),
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            secret_id=row.secret_id,
            secret_expires_at=row.secret_expires_at,
        )
