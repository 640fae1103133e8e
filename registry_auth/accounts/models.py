"""Tables of users, memberships and personal access tokens."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Dialect, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from registry_auth.database import Base, UtcDateTime
from registry_auth.namespaces.models import Namespace
from registry_auth.token_columns import DigestColumns, TokenColumns
from registry_auth.values import Role, UserState


class RoleNumber(TypeDecorator[Role]):
    """A role as GitLab's number; an unknown number is an error, never a right."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Role | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Write the number."""
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Role | None:  # noqa: ARG002
        """Read the role back."""
        return None if value is None else Role(value)


class User(Base):
    """A person. `username_key` is the user name in lower case: no two users differ in case alone. E-mail addresses are lower case."""

    __tablename__ = "users"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(255))
    username_key: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_administrator: Mapped[bool]
    blocked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def state(self) -> UserState:
        """Whether the user may log in."""
        return UserState.ACTIVE if self.blocked_at is None else UserState.BLOCKED


class Membership(Base):
    """The role of a user in one group or project. Deleting either deletes it."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("user_id", "namespace_id"),
        CheckConstraint("role IN (10, 20, 30, 40, 50)", name="role"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespaces.id", ondelete="CASCADE"), index=True)
    role: Mapped[Role] = mapped_column(RoleNumber)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    namespace: Mapped[Namespace] = relationship(lazy="joined", innerjoin=True)


class PersonalAccessToken(TokenColumns, DigestColumns, Base):
    """A token with which a user logs in, with some of the user's rights. Rotation makes another token, as in GitLab."""

    __tablename__ = "personal_access_tokens"
    __table_args__ = ({"sqlite_autoincrement": True},)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
