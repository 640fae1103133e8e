"""Users, memberships, personal access tokens, and who made a deploy token."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of accounts."""
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("username", sa.String(255), nullable=False),
        sa.Column("username_key", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("email", sa.String(255)),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("is_administrator", sa.Boolean, nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("username_key", name="uq_users_username_key"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("namespace_id", sa.Integer, nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_memberships"),
        sa.UniqueConstraint("user_id", "namespace_id", name="uq_memberships_user_id"),
        sa.CheckConstraint("role IN (10, 20, 30, 40, 50)", name="ck_memberships_role"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id_users", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["namespace_id"], ["namespaces.id"], name="fk_memberships_namespace_id_namespaces", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_memberships_namespace_id", "memberships", ["namespace_id"])
    op.create_table(
        "personal_access_tokens",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("expires_at", sa.Date),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("digest_key_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_personal_access_tokens"),
        sa.UniqueConstraint("digest", name="uq_personal_access_tokens_digest"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_personal_access_tokens_user_id_users", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_personal_access_tokens_user_id", "personal_access_tokens", ["user_id"])
    # SQLite adds no constraint to a table that exists, only a column with one; copying the table would delete the secrets that hang on it.
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    created_by = sa.ForeignKey("users.id", name="fk_deploy_tokens_created_by_users", ondelete="SET NULL")
    op.add_column("deploy_tokens", sa.Column("created_by", sa.Integer, created_by), inline_references=is_sqlite)
    op.create_index("ix_deploy_tokens_created_by", "deploy_tokens", ["created_by"])


def downgrade() -> None:
    """Take the tables away again."""
    op.drop_index("ix_deploy_tokens_created_by", "deploy_tokens")
    op.drop_column("deploy_tokens", "created_by")
    for table in ("personal_access_tokens", "memberships", "users"):
        op.drop_table(table)
