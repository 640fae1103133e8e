"""What can be done with personal access tokens."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import SecretStr
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from registry_auth.accounts.find import find_user_by_id
from registry_auth.accounts.models import PersonalAccessToken, User
from registry_auth.database import Database, Page, Paging, matches_text, select_page
from registry_auth.errors import ConflictError, NotFoundError
from registry_auth.text_rules import check_name
from registry_auth.token_columns import check_scopes
from registry_auth.token_secrets import PERSONAL_ACCESS_TOKEN_PREFIX, SecretDigester, new_secret
from registry_auth.token_validity import TokenState, check_expiry
from registry_auth.values import PERSONAL_ACCESS_TOKEN_SCOPES, TokenScope


@dataclass(frozen=True, slots=True)
class IssuedPersonalAccessToken:
    """A token together with its secret, which cannot be shown again."""

    token: PersonalAccessToken
    secret: SecretStr


@dataclass(frozen=True, slots=True)
class PersonalAccessTokenFilter:
    """Which tokens are wanted: all of them unless something is said."""

    user_id: int | None = None
    search: str | None = None
    active: bool | None = None
    revoked: bool | None = None


class PersonalAccessTokens:
    """The personal access tokens of all users. Where `user_id` is given, tokens of others are not found."""

    def __init__(self, database: Database, digester: SecretDigester, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._digester = digester
        self._clock = clock

    def create(
        self, user_id: int, *, name: str, scopes: Collection[TokenScope], expires_at: date | None = None
    ) -> IssuedPersonalAccessToken:
        """Make a token for a user. It is not valid from 00:00 UTC of `expires_at` on.

        Raises NotFoundError for an unknown user, InvalidValueError for a value that breaks a rule.
        """
        check_name(name)
        check_scopes("personal access token", scopes, PERSONAL_ACCESS_TOKEN_SCOPES)
        check_expiry(expires_at, self._clock())
        with self._database.transaction() as session:
            return self._add(session, find_user_by_id(session, user_id), name, scopes, expires_at)

    def get(self, token_id: int, *, user_id: int | None = None) -> PersonalAccessToken:
        """Give the token of this id. Raises NotFoundError."""
        with self._database.reading_session() as session:
            return _get(session, token_id, user_id)

    def list(self, user_id: int | None = None) -> Sequence[PersonalAccessToken]:
        """Give the tokens of one user, or all; revoked and expired ones too."""
        with self._database.reading_session() as session:
            return session.scalars(self._query(PersonalAccessTokenFilter(user_id=user_id))).all()

    def page(self, paging: Paging, wanted: PersonalAccessTokenFilter) -> Page[PersonalAccessToken]:
        """Give one page of the tokens that are wanted."""
        with self._database.reading_session() as session:
            return select_page(session, self._query(wanted), paging)

    def rotate(self, token_id: int, *, expires_at: date | None = None, user_id: int | None = None) -> IssuedPersonalAccessToken:
        """Revoke the token and make another with the same user, name and scopes; the expiry date stays unless one is given.

        Raises NotFoundError, InvalidValueError for a date that has passed, and ConflictError for a token that is revoked or expired.
        """
        now = self._clock()
        check_expiry(expires_at, now)
        with self._database.transaction() as session:
            token = _get(session, token_id, user_id)
            state = token.state(now)
            if state is not TokenState.ACTIVE:
                raise ConflictError(f"Personal access token {token_id} is {state}: make a new one.")
            token.revoked_at = now
            return self._add(session, token.user, token.name, token.scopes, expires_at or token.expires_at)

    def revoke(self, token_id: int, *, user_id: int | None = None) -> PersonalAccessToken:
        """Refuse the token from now on; the row stays. Revoking twice changes nothing. Raises NotFoundError."""
        with self._database.transaction() as session:
            token = _get(session, token_id, user_id)
            token.revoked_at = token.revoked_at or self._clock()
            return token

    def _add(
        self, session: Session, user: User, name: str, scopes: Collection[TokenScope], expires_at: date | None
    ) -> IssuedPersonalAccessToken:
        secret = new_secret(PERSONAL_ACCESS_TOKEN_PREFIX)
        digest = self._digester.digests(secret.get_secret_value())[0]
        token = PersonalAccessToken(
            user=user,
            name=name,
            scopes=TokenScope.in_order(scopes),
            expires_at=expires_at,
            created_at=self._clock(),
            digest=digest.value,
            digest_key_id=digest.key_id,
        )
        session.add(token)
        session.flush()
        return IssuedPersonalAccessToken(token, secret)

    def _query(self, wanted: PersonalAccessTokenFilter) -> Select[PersonalAccessToken]:
        query = select(PersonalAccessToken).order_by(PersonalAccessToken.id)
        if wanted.user_id is not None:
            query = query.where(PersonalAccessToken.user_id == wanted.user_id)
        if wanted.search is not None:
            query = query.where(matches_text(PersonalAccessToken.name, wanted.search))
        if wanted.revoked is not None:
            is_revoked = PersonalAccessToken.revoked_at.is_not(None)
            query = query.where(is_revoked if wanted.revoked else ~is_revoked)
        if wanted.active is not None:
            is_active = PersonalAccessToken.active_at(self._clock())
            query = query.where(is_active if wanted.active else ~is_active)
        return query


def count_by_server_secret(database: Database, now: datetime) -> Mapping[str, int]:
    """Count the tokens that somebody could log in with, by the id of the server secret that made their digests."""
    query = select(PersonalAccessToken.digest_key_id, func.count()).where(PersonalAccessToken.active_at(now))
    with database.reading_session() as session:
        return dict(session.execute(query.group_by(PersonalAccessToken.digest_key_id)).all())


def _get(session: Session, token_id: int, user_id: int | None) -> PersonalAccessToken:
    token = session.get(PersonalAccessToken, token_id)
    if token is None or (user_id is not None and token.user_id != user_id):
        raise NotFoundError(f"There is no personal access token {token_id}.")
    return token
