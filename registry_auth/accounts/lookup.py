"""Finding the user behind a credential: in the cache, or with statements built once and no ORM objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, or_, select

from registry_auth.accounts.find import USERNAME, is_email
from registry_auth.accounts.models import Membership, PersonalAccessToken, User
from registry_auth.database import Database, RememberedRows
from registry_auth.digest_upgrades import DigestSearch, DigestUpgrades, row_key
from registry_auth.namespaces.models import Namespace
from registry_auth.token_secrets import SecretDigester
from registry_auth.token_validity import why_dead
from registry_auth.values import Membership as RoleAtPath
from registry_auth.values import TokenScope

Rows = Sequence[Row[*tuple[Any, ...]]]

_PASSWORD_ID_BYTES = 6  # what JSON numbers hold exactly everywhere

_USER_COLUMNS = (User.id.label("user_id"), User.username, User.email, User.is_administrator, User.blocked_at)

_TOKENS = select(
    PersonalAccessToken.id,
    PersonalAccessToken.scopes,
    PersonalAccessToken.expires_at,
    PersonalAccessToken.revoked_at,
    *_USER_COLUMNS,
).join_from(PersonalAccessToken, User, PersonalAccessToken.user_id == User.id)
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
    """A user, and the hash of the user's password; None for a user without one."""

    user: FoundUser
    password_hash: str | None


class AccountLookup:
    """Finds users by what they log in with, or by the ids that a signed token carries.

    `upgrades` is told of digests that a former server secret made.
    """

    def __init__(self, database: Database, digester: SecretDigester, upgrades: DigestUpgrades) -> None:
        self._database = database
        self._digester = digester
        self._search = DigestSearch(database, upgrades, PersonalAccessToken, _TOKENS, "id")
        self._tokens_by_digest: RememberedRows[bytes, FoundPersonalAccessToken] = RememberedRows(database.cache)
        self._tokens_by_id: RememberedRows[int, FoundPersonalAccessToken] = RememberedRows(database.cache)
        self._passwords_by_id: RememberedRows[int, FoundPassword] = RememberedRows(database.cache)
        self._memberships: RememberedRows[int, frozenset[RoleAtPath]] = RememberedRows(database.cache)

    def find_token(self, secret: str) -> FoundPersonalAccessToken | None:
        """Give the personal access token that this is the secret of, dead or alive."""
        digests = self._digester.digests(secret)
        return self._tokens_by_digest.read(row_key(digests), lambda: _token(self._search.rows(digests)))

    def find_token_by_id(self, token_id: int) -> FoundPersonalAccessToken | None:
        """Give the personal access token of this id, dead or alive."""
        return self._tokens_by_id.read(token_id, lambda: _token(self._database.rows(_TOKEN_BY_ID, {"id": token_id})))

    def find_password_by_id(self, user_id: int) -> FoundPassword | None:
        """Give the user of this id."""
        return self._passwords_by_id.read(user_id, lambda: _password(self._database.rows(_PASSWORD_BY_ID, {"id": user_id})))

    def find_password(self, login: str) -> FoundPassword | None:
        """Give the user who logs in with this user name or e-mail address."""
        if USERNAME.fullmatch(login) is None and not is_email(login):
            return None  # drivers raise at text that is not Unicode
        return _password(self._database.rows(_PASSWORD_BY_LOGIN, {"login": login.lower()}))

    def memberships(self, user_id: int) -> frozenset[RoleAtPath]:
        """Give the roles that the user was given."""
        roles = self._memberships.read(user_id, lambda: self._read_memberships(user_id))
        return frozenset() if roles is None else roles

    def _read_memberships(self, user_id: int) -> frozenset[RoleAtPath]:
        return frozenset(RoleAtPath(path, role) for path, role in self._database.rows(_MEMBERSHIPS, {"user_id": user_id}))

    def password_id(self, password: FoundPassword) -> int:
        """Give a number that tells a password from those before it, and nothing about it without the server secret."""
        return _number(self._digester.digest(_password_text(password)))

    def is_password_id(self, number: int | None, password: FoundPassword) -> bool:
        """Say whether a number was given for this password, by whichever of the server secrets."""
        return number in {_number(digest) for digest in self._digester.all_digests(_password_text(password))}


def _token(rows: Rows) -> FoundPersonalAccessToken | None:
    if not rows:
        return None
    row = rows[0]
    return FoundPersonalAccessToken(row.id, _user(row), frozenset(row.scopes), row.expires_at, row.revoked_at)


def _password(rows: Rows) -> FoundPassword | None:
    return FoundPassword(_user(rows[0]), rows[0].password_hash) if rows else None


def _password_text(password: FoundPassword) -> str:
    return f"password id {password.password_hash}"


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:_PASSWORD_ID_BYTES])


def _user(row: Row[*tuple[Any, ...]]) -> FoundUser:
    return FoundUser(row.user_id, row.username, row.email, row.is_administrator, row.blocked_at)
