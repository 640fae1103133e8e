"""Tables of deploy tokens and their secrets."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry_auth.accounts.models import User
from registry_auth.database import Base, UtcDateTime
from registry_auth.namespaces.models import Namespace
from registry_auth.token_columns import DigestColumns, TokenColumns


class DeployToken(TokenColumns, Base):
    """A deploy token. Deleting its group or project deletes it; it outlives its creator, who is None for the command line."""

    __tablename__ = "deploy_tokens"
    __table_args__ = ({"sqlite_autoincrement": True},)

    owner_id: Mapped[int] = mapped_column(ForeignKey("namespaces.id", ondelete="CASCADE"), index=True)
    username: Mapped[str] = mapped_column(String(255))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)

    owner: Mapped[Namespace] = relationship(lazy="joined", innerjoin=True)
    creator: Mapped[User | None] = relationship(lazy="joined")


class DeployTokenSecret(DigestColumns, Base):
    """One secret of a token. Rotation adds a row and ends the older one, which stays so that its holder can be told."""

    __tablename__ = "deploy_token_secrets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    token_id: Mapped[int] = mapped_column(ForeignKey("deploy_tokens.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
