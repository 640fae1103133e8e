"""What can be done with deploy tokens."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from registry_auth.accounts.models import User
from registry_auth.database import Database, Page, Paging, select_page
from registry_auth.deploy_tokens.models import DeployToken, DeployTokenSecret
from registry_auth.errors import ConflictError, InvalidValueError, NotFoundError
from registry_auth.namespaces.find import find_namespace
from registry_auth.text_rules import check_name
from registry_auth.token_columns import check_scopes
from registry_auth.token_secrets import DEPLOY_TOKEN_PREFIX, SecretDigester, new_secret
from registry_auth.token_validity import TokenState, check_expiry
from registry_auth.values import DEPLOY_TOKEN_SCOPES, NamespaceKind, TokenScope

# GitLab docs, deploy tokens: a token of this name is for CI jobs, and these two scopes are implied.
CI_TOKEN_NAME = "gitlab-deploy-token"  # noqa: S105
CI_TOKEN_SCOPES = frozenset({TokenScope.READ_REGISTRY, TokenScope.WRITE_REGISTRY})

MAX_OVERLAP = timedelta(days=30)

_USERNAME = re.compile(r"[A-Za-z0-9.+_-]{1,255}")


@dataclass(frozen=True, slots=True)
class Issued:
    """A token together with a new secret of it, which cannot be shown again."""

    token: DeployToken
    secret: SecretStr


class DeployTokens:
    """The deploy tokens of all groups and projects."""

    def __init__(self, database: Database, digester: SecretDigester, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._digester = digester
        self._clock = clock

    def create(
        self,
        owner_kind: NamespaceKind,
        owner_path: str,
        *,
        name: str,
        scopes: Collection[TokenScope],
        username: str | None = None,
        expires_at: date | None = None,
        created_by: int | None = None,
    ) -> Issued:
        """Make a token for a group or project; `created_by` is the id of the user who makes it.

        Without a user name it gets GitLab's, `gitlab+deploy-token-{id}`. It is not valid from 00:00 UTC of `expires_at` on.
        Raises NotFoundError for an unknown owner, InvalidValueError for a value that breaks a rule.
        """
        check_name(name)
        _check_username(username)
        check_scopes("deploy token", scopes, DEPLOY_TOKEN_SCOPES)
        now = self._clock()
        check_expiry(expires_at, now)
        with self._database.transaction() as session:
            token = DeployToken(
                owner=find_namespace(session, owner_kind, owner_path),
                name=name,
                username=username or "",
                scopes=_effective_scopes(name, scopes),
                expires_at=expires_at,
                created_at=now,
                creator=None if created_by is None else session.get(User, created_by),
            )
            session.add(token)
            session.flush()
            token.username = username or f"gitlab+deploy-token-{token.id}"
            return Issued(token, self._add_secret(session, token, now))

    def get(self, token_id: int, *, owner_id: int | None = None) -> DeployToken:
        """Give the token of this id. Raises NotFoundError, also for a token of another owner where `owner_id` is given."""
        with self._database.reading_session() as session:
            return _get(session, token_id, owner_id)

    def list(self, owner: tuple[NamespaceKind, str] | None = None, *, active_only: bool = False) -> Sequence[DeployToken]:
        """Give the tokens of one group or project, or all; revoked and expired ones too unless `active_only`.

        Raises NotFoundError for an unknown owner.
        """
        with self._database.reading_session() as session:
            owner_id = None if owner is None else find_namespace(session, *owner).id
            return session.scalars(self._query(owner_id, active_only=active_only)).all()

    def page(self, paging: Paging, *, owner_id: int | None = None, active_only: bool = False) -> Page[DeployToken]:
        """Give one page of the tokens of an owner, or of all."""
        with self._database.reading_session() as session:
            return select_page(session, self._query(owner_id, active_only=active_only), paging)

    def rotate(self, token_id: int, *, overlap: timedelta = timedelta(0), owner_id: int | None = None) -> Issued:
        """Give the token a new secret; the older one works for `overlap` longer (none by default). All else stays, expiry too.

        Raises NotFoundError, InvalidValueError for an overlap out of bounds, and ConflictError for a token that is revoked or expired.
        """
        if not timedelta(0) <= overlap <= MAX_OVERLAP:
            raise InvalidValueError(f"The overlap must be between 0 and {MAX_OVERLAP // timedelta(seconds=1)} seconds.", field="overlap")
        now = self._clock()
        with self._database.transaction() as session:
            token = _get(session, token_id, owner_id)
            state = token.state(now)
            if state is TokenState.REVOKED:
                raise ConflictError(f"Deploy token {token_id} is revoked: make a new one.")
            if state is TokenState.EXPIRED:
                raise ConflictError(f"Deploy token {token_id} expired on {token.expires_at}: make a new one.")
            _end_secrets(session, token_id, now + overlap)
            return Issued(token, self._add_secret(session, token, now))

    def revoke(self, token_id: int) -> DeployToken:
        """Refuse the token from now on; the row stays. Revoking twice changes nothing. Raises NotFoundError."""
        with self._database.transaction() as session:
            token = _get(session, token_id)
            token.revoked_at = token.revoked_at or self._clock()
            return token

    def delete(self, token_id: int, *, owner_id: int | None = None) -> DeployToken:
        """Delete the token with its secrets: nobody who holds one is told any more that it was a token. Raises NotFoundError."""
        with self._database.transaction() as session:
            token = _get(session, token_id, owner_id)
            session.delete(token)
            return token

    def _query(self, owner_id: int | None, *, active_only: bool) -> Select[DeployToken]:
        query = select(DeployToken).order_by(DeployToken.id)
        if active_only:
            query = query.where(DeployToken.active_at(self._clock()))
        return query if owner_id is None else query.where(DeployToken.owner_id == owner_id)

    def _add_secret(self, session: Session, token: DeployToken, now: datetime) -> SecretStr:
        secret = new_secret(DEPLOY_TOKEN_PREFIX)
        digest = self._digester.digests(secret.get_secret_value())[0]
        session.add(DeployTokenSecret(token_id=token.id, digest=digest.value, digest_key_id=digest.key_id, created_at=now))
        return secret


def count_by_server_secret(database: Database, now: datetime) -> Mapping[str, int]:
    """Count the secrets that somebody could log in with, by the id of the server secret that made their digests."""
    unended = or_(DeployTokenSecret.expires_at.is_(None), DeployTokenSecret.expires_at > now)
    query = select(DeployTokenSecret.digest_key_id, func.count()).join(DeployToken, DeployToken.id == DeployTokenSecret.token_id)
    with database.reading_session() as session:
        counted = session.execute(query.where(DeployToken.active_at(now), unended).group_by(DeployTokenSecret.digest_key_id))
        return dict(counted.all())


def _check_username(username: str | None) -> None:
    if username is not None and _USERNAME.fullmatch(username) is None:
        raise InvalidValueError("A user name has 1 to 255 letters, digits and the characters '.', '+', '_' and '-'.", field="username")


def _effective_scopes(name: str, scopes: Collection[TokenScope]) -> tuple[TokenScope, ...]:
    implied = CI_TOKEN_SCOPES if name == CI_TOKEN_NAME else frozenset()
    return TokenScope.in_order({*scopes, *implied})


def _get(session: Session, token_id: int, owner_id: int | None = None) -> DeployToken:
    token = session.get(DeployToken, token_id)
    if token is None or (owner_id is not None and token.owner_id != owner_id):
        raise NotFoundError(f"There is no deploy token {token_id}.")
    return token


def _end_secrets(session: Session, token_id: int, end: datetime) -> None:
    """End the secrets that would work longer than `end`."""
    lives_longer = or_(DeployTokenSecret.expires_at.is_(None), DeployTokenSecret.expires_at > end)
    session.execute(update(DeployTokenSecret).where(DeployTokenSecret.token_id == token_id, lives_longer).values(expires_at=end))
