"""Finding the user behind a credential, with statements built once and no ORM objects."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, or_, select

from registry_auth.accounts.find import USERNAME, is_email
from registry_auth.accounts.models import Membership, PersonalAccessToken, User
from registry_auth.database import Database
from registry_auth.namespaces.models import Namespace
from registry_auth.token_secrets import SecretDigester
from registry_auth.token_validity import why_dead
from registry_auth.values import Membership as RoleAtPath
from registry_auth.values import TokenScope

_USER_COLUMNS = (User.id.label("user_id"), User.username, User.email, User.is_administrator, User.blocked_at)

_BY_DIGEST = (
    select(
        PersonalAccessToken.id,
        PersonalAccessToken.scopes,
        PersonalAccessToken.expires_at,
        PersonalAccessToken.revoked_at,
        *_USER_COLUMNS,
    )
    .join_from(PersonalAccessToken, User, PersonalAccessToken.user_id == User.id)
    .where(PersonalAccessToken.digest == bindparam("digest"))
)
_BY_LOGIN = select(User.password_hash, *_USER_COLUMNS).where(or_(User.username_key == bindparam("login"), User.email == bindparam("login")))
_MEMBERSHIPS = (
    select(Namespace.path, Membership.role)
    .join_from(Membership, Namespace, Membership.namespace_id == Namespace.id)
    .where(Membership.user_id == bindparam("user_id"))
)


@dataclass(frozen=True, slots=True)
class FoundUser:
    """What a log-in has to know of a user."""

    id: int
    username: str
    email: str | None
    is_administrator: bool
    blocked_at: datetime | None

    def is_called(self, login: str) -> bool:
        """Say whether a user logs in with this name: the user name or the e-mail address, whatever the case."""
        return login.lower() in {self.username.lower(), self.email}


@dataclass(frozen=True, slots=True)
class FoundPersonalAccessToken:
    """What a log-in has to know of a personal access token."""

    id: int
    user: FoundUser
    scopes: frozenset[TokenScope]
    expires_at: date | None
    revoked_at: datetime | None

    def why_dead(self, now: datetime) -> str | None:
        """Give the sentence that tells the holder of the secret why it no longer works, or None when it works."""
        return why_dead("personal access token", self.revoked_at, self.expires_at, now)


@dataclass(frozen=True, slots=True)
class FoundPassword:
    """The user of a name, and the hash of the user's password; None for a user without one."""

    user: FoundUser
    password_hash: str | None


class AccountLookup:
    """Finds users by what they log in with."""

    def __init__(self, database: Database, digester: SecretDigester) -> None:
        self._database = database
        self._digester = digester

    def find_token(self, secret: str) -> FoundPersonalAccessToken | None:
        """Give the personal access token that this is the secret of, dead or alive."""
        with self._database.reading() as connection:
            row = connection.execute(_BY_DIGEST, {"digest": self._digester.digest(secret)}).one_or_none()
        if row is None:
            return None
        return FoundPersonalAccessToken(row.id, _user(row), frozenset(row.scopes), row.expires_at, row.revoked_at)

    def find_password(self, login: str) -> FoundPassword | None:
        """Give the user who logs in with this user name or e-mail address."""
        if USERNAME.fullmatch(login) is None and not is_email(login):
            return None  # drivers raise at text that is not Unicode
        with self._database.reading() as connection:
            row = connection.execute(_BY_LOGIN, {"login": login.lower()}).one_or_none()
        return None if row is None else FoundPassword(_user(row), row.password_hash)

    def memberships(self, user_id: int) -> frozenset[RoleAtPath]:
        """Give the roles that the user was given."""
        with self._database.reading() as connection:
            return frozenset(RoleAtPath(path, role) for path, role in connection.execute(_MEMBERSHIPS, {"user_id": user_id}))


def _user(row: Row[*tuple[Any, ...]]) -> FoundUser:
    return FoundUser(row.user_id, row.username, row.email, row.is_administrator, row.blocked_at)
