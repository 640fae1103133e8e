"""Tables of groups and projects."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, true
from sqlalchemy.orm import Mapped, mapped_column

from registry_auth.database import Base, UtcDateTime, bytewise_text, enum_text
from registry_auth.namespaces.paths import MAX_LENGTH
from registry_auth.values import NamespaceKind, Visibility


class Namespace(Base):
    """A group or a project. One table for both, so that a path can belong to one of them only."""

    __tablename__ = "namespaces"
    # A plain primary key of SQLite hands out the id of a deleted last row again.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[NamespaceKind] = mapped_column(enum_text(NamespaceKind, "kind"))
    path: Mapped[str] = mapped_column(bytewise_text(MAX_LENGTH), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("namespaces.id", ondelete="RESTRICT"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    visibility: Mapped[Visibility] = mapped_column(enum_text(Visibility, "visibility"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Of a group: what was switched there, whatever counts above it. A project keeps the default.
    dependency_proxy_enabled: Mapped[bool] = mapped_column(default=True, server_default=true())


class ReservedPath(Base):
    """The path of a deleted group or project. Its images are still in the registry: whoever took the path would inherit them."""

    __tablename__ = "reserved_paths"

    path: Mapped[str] = mapped_column(bytewise_text(MAX_LENGTH), primary_key=True)
    kind: Mapped[NamespaceKind] = mapped_column(enum_text(NamespaceKind, "kind"))
    deleted_at: Mapped[datetime] = mapped_column(UtcDateTime)
