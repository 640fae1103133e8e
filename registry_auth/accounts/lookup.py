"""Finding the user behind a credential: in the cache, or with statements built once and no ORM objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, or_, select

from registry_auth.accounts.find import USERNAME, is_email
from registry_auth.accounts.models import Membership, PersonalAccessToken, User
from registry_auth.database import Database, RememberedRows
from registry_auth.namespaces.models import Namespace
from registry_auth.token_secrets import SecretDigester
from registry_auth.token_validity import why_dead
from registry_auth.values import Membership as RoleAtPath
from registry_auth.values import TokenScope

_PASSWORD_ID_BYTES = 6  # what JSON numbers hold exactly everywhere

_USER_COLUMNS = (User.id.label("user_id"), User.username, User.email, User.is_administrator, User.blocked_at)

_TOKENS = select(
    PersonalAccessToken.id,
    PersonalAccessToken.scopes,
    PersonalAccessToken.expires_at,
    PersonalAccessToken.revoked_at,
    *_USER_COLUMNS,
).join_from(PersonalAccessToken, User, PersonalAccessToken.user_id == User.id)
_TOKEN_BY_DIGEST = _TOKENS.where(PersonalAccessToken.digest == bindparam("digest"))
_TOKEN_BY_ID = _TOKENS.where(PersonalAccessToken.id == bindparam("id"))
_PASSWORDS = select(User.password_hash, *_USER_COLUMNS)
_PASSWORD_BY_ID = _PASSWORDS.where(User.id == bindparam("id"))
_PASSWORD_BY_LOGIN = _PASSWORDS.where(or_(User.username_key == bindparam("login"), User.email == bindparam("login")))
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
    """A user, and the hash of the user's password; None for a user without one. Another password has another `password_id`."""

    user: FoundUser
    password_hash: str | None
    password_id: int


class AccountLookup:
    """Finds users by what they log in with, or by the ids that a signed token carries."""

    def __init__(self, database: Database, digester: SecretDigester) -> None:
        self._database = database
        self._digester = digester
        self._tokens_by_digest: RememberedRows[bytes, FoundPersonalAccessToken] = RememberedRows(database.cache)
        self._tokens_by_id: RememberedRows[int, FoundPersonalAccessToken] = RememberedRows(database.cache)
        self._passwords_by_id: RememberedRows[int, FoundPassword] = RememberedRows(database.cache)
        self._memberships: RememberedRows[int, frozenset[RoleAtPath]] = RememberedRows(database.cache)

    def find_token(self, secret: str) -> FoundPersonalAccessToken | None:
        """Give the personal access token that this is the secret of, dead or alive."""
        digest = self._digester.digest(secret)
        return self._tokens_by_digest.read(digest, lambda: self._token(_TOKEN_BY_DIGEST, {"digest": digest}))

    def find_token_by_id(self, token_id: int) -> FoundPersonalAccessToken | None:
        """Give the personal access token of this id, dead or alive."""
        return self._tokens_by_id.read(token_id, lambda: self._token(_TOKEN_BY_ID, {"id": token_id}))

    def find_password_by_id(self, user_id: int) -> FoundPassword | None:
        """Give the user of this id."""
        return self._passwords_by_id.read(user_id, lambda: self._password(_PASSWORD_BY_ID, {"id": user_id}))

    def find_password(self, login: str) -> FoundPassword | None:
        """Give the user who logs in with this user name or e-mail address."""
        if USERNAME.fullmatch(login) is None and not is_email(login):
            return None  # drivers raise at text that is not Unicode
        return self._password(_PASSWORD_BY_LOGIN, {"login": login.lower()})

    def memberships(self, user_id: int) -> frozenset[RoleAtPath]:
        """Give the roles that the user was given."""
        roles = self._memberships.read(user_id, lambda: self._read_memberships(user_id))
        return frozenset() if roles is None else roles

    def _read_memberships(self, user_id: int) -> frozenset[RoleAtPath]:
        return frozenset(RoleAtPath(path, role) for path, role in self._database.rows(_MEMBERSHIPS, {"user_id": user_id}))

    def _token(self, statement: Select[*tuple[Any, ...]], parameters: Mapping[str, object]) -> FoundPersonalAccessToken | None:
        row = self._one(statement, parameters)
        if row is None:
            return None
        return FoundPersonalAccessToken(row.id, _user(row), frozenset(row.scopes), row.expires_at, row.revoked_at)

    def _password(self, statement: Select[*tuple[Any, ...]], parameters: Mapping[str, object]) -> FoundPassword | None:
        row = self._one(statement, parameters)
        return None if row is None else FoundPassword(_user(row), row.password_hash, self._password_id(row.password_hash))

    def _password_id(self, password_hash: str | None) -> int:
        """Give a number that tells a password from those before it, and nothing about it without the server secret."""
        return int.from_bytes(self._digester.digest(f"password id {password_hash}")[:_PASSWORD_ID_BYTES])

    def _one(self, statement: Select[*tuple[Any, ...]], parameters: Mapping[str, object]) -> Row[*tuple[Any, ...]] | None:
        rows = self._database.rows(statement, parameters)
        return rows[0] if rows else None


def _user(row: Row[*tuple[Any, ...]]) -> FoundUser:
    return FoundUser(row.user_id, row.username, row.email, row.is_administrator, row.blocked_at)
