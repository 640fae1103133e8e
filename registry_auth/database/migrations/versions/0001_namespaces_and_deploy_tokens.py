"""Groups, projects, reserved paths, deploy tokens and their secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KINDS = ("group", "project")
VISIBILITIES = ("private", "internal", "public")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "namespaces",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.Enum(*KINDS, name="kind", native_enum=False), nullable=False),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("parent_id", sa.Integer),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("visibility", sa.Enum(*VISIBILITIES, name="visibility", native_enum=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_namespaces"),
        sa.UniqueConstraint("path", name="uq_namespaces_path"),
        sa.ForeignKeyConstraint(["parent_id"], ["namespaces.id"], name="fk_namespaces_parent_id_namespaces", ondelete="RESTRICT"),
        sa.CheckConstraint(sa.column("kind").in_(KINDS), name="ck_namespaces_kind"),
        sa.CheckConstraint(sa.column("visibility").in_(VISIBILITIES), name="ck_namespaces_visibility"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_namespaces_parent_id", "namespaces", ["parent_id"])
    op.create_table(
        "reserved_paths",
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("kind", sa.Enum(*KINDS, name="kind", native_enum=False), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_reserved_paths"),
        sa.CheckConstraint(sa.column("kind").in_(KINDS), name="ck_reserved_paths_kind"),
    )
    op.create_table(
        "deploy_tokens",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("owner_id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("username", sa.String(255), nullable=False),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("expires_at", sa.Date),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deploy_tokens"),
        sa.ForeignKeyConstraint(["owner_id"], ["namespaces.id"], name="fk_deploy_tokens_owner_id_namespaces", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deploy_tokens_owner_id", "deploy_tokens", ["owner_id"])
    op.create_table(
        "deploy_token_secrets",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("token_id", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("digest_key_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_deploy_token_secrets"),
        sa.UniqueConstraint("digest", name="uq_deploy_token_secrets_digest"),
        sa.ForeignKeyConstraint(
            ["token_id"],
            ["deploy_tokens.id"],
            name="fk_deploy_token_secrets_token_id_deploy_tokens",
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deploy_token_secrets_token_id", "deploy_token_secrets", ["token_id"])


def downgrade() -> None:
    """Take the tables away again."""
    for table in ("deploy_token_secrets", "deploy_tokens", "reserved_paths", "namespaces"):
        op.drop_table(table)
