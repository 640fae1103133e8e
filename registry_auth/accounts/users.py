"""What can be done with users."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from registry_auth.accounts.find import USERNAME, find_user, find_user_by_id, is_email
from registry_auth.accounts.models import User
from registry_auth.accounts.passwords import hash_password
from registry_auth.database import Database, Page, Paging, matches_text, select_page
from registry_auth.errors import InvalidValueError, TakenError
from registry_auth.text_rules import check_name
from registry_auth.values import UserState


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users are wanted: all of them unless something is said."""

    search: str | None = None
    username: str | None = None
    state: UserState | None = None


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is changed of a user; None leaves it as it is."""

    name: str | None = None
    email: str | None = None
    password: SecretStr | None = None
    is_administrator: bool | None = None


class Users:
    """The people who can log in."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        username: str,
        *,
        name: str | None = None,
        email: str | None = None,
        password: SecretStr | None = None,
        is_administrator: bool = False,
    ) -> User:
        """Make a user. Without a password only personal access tokens log the user in.

        Raises InvalidValueError for a value that breaks a rule, TakenError for a user name or e-mail address that somebody has.
        """
        if USERNAME.fullmatch(username) is None:
            raise InvalidValueError(
                "A user name has 1 to 255 letters, digits and the characters '_', '.' and '-'; it begins with a letter, a digit or '_'.",
                field="username",
            )
        name = name or username
        _check(name, email)
        # The slow hash is made before the write lock is taken.
        password_hash = None if password is None else hash_password(password)
        with self._database.transaction() as session:
            _check_username_free(session, username)
            _check_email_free(session, email)
            user = User(
                username=username,
                username_key=username.lower(),
                name=name,
                email=_lower(email),
                password_hash=password_hash,
                is_administrator=is_administrator,
                created_at=self._clock(),
            )
            session.add(user)
            session.flush()
            return user

    def get(self, username: str) -> User:
        """Give the user of this name. Raises NotFoundError."""
        with self._database.reading_session() as session:
            return find_user(session, username)

    def get_by_id(self, user_id: int) -> User:
        """Give the user of this id. Raises NotFoundError."""
        with self._database.reading_session() as session:
            return find_user_by_id(session, user_id)

    def list(self) -> Sequence[User]:
        """Give all users, oldest first."""
        with self._database.reading_session() as session:
            return session.scalars(_query(UserFilter())).all()

    def page(self, paging: Paging, wanted: UserFilter) -> Page[User]:
        """Give one page of the users that are wanted, oldest first."""
        with self._database.reading_session() as session:
            return select_page(session, _query(wanted), paging)

    def update(self, user_id: int, change: UserChange) -> User:
        """Change a user. Raises NotFoundError, InvalidValueError and TakenError."""
        password_hash = None if change.password is None else hash_password(change.password)
        with self._database.transaction() as session:
            user = find_user_by_id(session, user_id)
            _check(change.name, change.email)
            _check_email_free(session, change.email, but=user)
            user.name = user.name if change.name is None else change.name
            user.email = user.email if change.email is None else _lower(change.email)
            user.password_hash = user.password_hash if password_hash is None else password_hash
            user.is_administrator = user.is_administrator if change.is_administrator is None else change.is_administrator
            return user

    def block(self, user_id: int) -> User:
        """Refuse all credentials of the user from now on. Blocking twice changes nothing. Raises NotFoundError."""
        with self._database.transaction() as session:
            user = find_user_by_id(session, user_id)
            user.blocked_at = user.blocked_at or self._clock()
            return user

    def unblock(self, user_id: int) -> User:
        """Accept the user's credentials again. Raises NotFoundError."""
        with self._database.transaction() as session:
            user = find_user_by_id(session, user_id)
            user.blocked_at = None
            return user

    def delete(self, user_id: int) -> User:
        """Delete a user with memberships and personal access tokens; deploy tokens that the user made stay. Raises NotFoundError."""
        with self._database.transaction() as session:
            user = find_user_by_id(session, user_id)
            session.delete(user)
            return user


def _query(wanted: UserFilter) -> Select[User]:
    query = select(User).order_by(User.id)
    if wanted.username is not None:
        query = query.where(User.username_key == wanted.username.lower())
    if wanted.search is not None:
        query = query.where(or_(*(matches_text(column, wanted.search) for column in (User.username, User.name))))
    if wanted.state is not None:
        is_active = User.blocked_at.is_(None)
        query = query.where(is_active if wanted.state is UserState.ACTIVE else ~is_active)
    return query


def _lower(email: str | None) -> str | None:
    return None if email is None else email.lower()


def _check(name: str | None, email: str | None) -> None:
    if name is not None:
        check_name(name)
    if email is not None and not is_email(email):
        raise InvalidValueError("An e-mail address has one '@' with something on both sides, and no spaces.", field="email")


def _check_username_free(session: Session, username: str) -> None:
    if session.scalar(select(User.id).where(User.username_key == username.lower())) is not None:
        raise TakenError(f"The user name '{username}' is taken.", field="username")


def _check_email_free(session: Session, email: str | None, *, but: User | None = None) -> None:
    if email is None:
        return
    holder = session.scalar(select(User).where(User.email == email.lower()))
    if holder is not None and holder is not but:
        raise TakenError("Another user has this e-mail address.", field="email")
