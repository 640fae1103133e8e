"""Tables of deploy tokens and their secrets."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import Date, Dialect, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from registry_auth.database import Base, UtcDateTime
from registry_auth.deploy_tokens.validity import TokenState, has_expired
from registry_auth.namespaces.models import Namespace
from registry_auth.values import TokenScope


class TokenScopes(TypeDecorator[tuple[TokenScope, ...]]):
    """The scopes of a token, in GitLab's order, as words separated by spaces (as OAuth2 writes them)."""

    impl = String(255)
    cache_ok = True

    def process_bind_param(self, value: Iterable[TokenScope] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write the scopes in the one order that they are always shown in."""
        return None if value is None else " ".join(TokenScope.in_order(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[TokenScope, ...] | None:  # noqa: ARG002
        """Read them back; an unknown word is an error, never a right."""
        return None if value is None else tuple(TokenScope(word) for word in value.split())


class DeployToken(Base):
    """A deploy token. Deleting its group or project deletes it."""

    __tablename__ = "deploy_tokens"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("namespaces.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    username: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[tuple[TokenScope, ...]] = mapped_column(TokenScopes)
    expires_at: Mapped[date | None] = mapped_column(Date)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    owner: Mapped[Namespace] = relationship(lazy="joined", innerjoin=True)

    def state(self, now: datetime) -> TokenState:
        """Say whether the token can be used at `now` (UTC), and if not why; revoked counts before expired."""
        if self.revoked_at is not None:
            return TokenState.REVOKED
        return TokenState.EXPIRED if has_expired(self.expires_at, now) else TokenState.ACTIVE


class DeployTokenSecret(Base):
    """One secret of a token. Rotation adds a row and ends the older one, which stays so that its holder can be told."""

    __tablename__ = "deploy_token_secrets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("deploy_tokens.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    digest_key_id: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
