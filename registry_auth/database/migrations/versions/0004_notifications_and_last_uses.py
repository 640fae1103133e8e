"""On PostgreSQL: what tells all servers of a change, the last uses of tokens, and columns as SQLite has them.

SQLite keeps last uses in a file of their own. Its integers have 64 bits, and its text is sorted by characters.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# What servers remember rows of. Triggers hear of every change, also of one that somebody makes by hand.
TABLES = ("namespaces", "deploy_tokens", "deploy_token_secrets", "users", "memberships", "personal_access_tokens")

INTEGERS = {
    "namespaces": ("id", "parent_id"),
    "deploy_tokens": ("id", "owner_id", "created_by"),
    "deploy_token_secrets": ("id", "token_id"),
    "users": ("id",),
    "memberships": ("id", "user_id", "namespace_id"),
    "personal_access_tokens": ("id", "user_id"),
}


def upgrade() -> None:
    """Make function, triggers and table, and change the columns."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in INTEGERS.items():
        op.execute(f"ALTER TABLE {table} {', '.join(f'ALTER {column} TYPE bigint' for column in columns)}")
        op.execute(f"ALTER SEQUENCE {table}_id_seq AS bigint")
    for table in ("namespaces", "reserved_paths"):
        op.execute(f'ALTER TABLE {table} ALTER path TYPE varchar(255) COLLATE "C"')
    op.execute(
        "CREATE FUNCTION registry_auth_notify() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('registry_auth', 'changed'); RETURN NULL; END $$"
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER registry_auth_notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION registry_auth_notify()"
        )
    op.create_table(
        "last_uses",
        sa.Column("credential_kind", sa.String(32), nullable=False),
        sa.Column("credential_id", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("service", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("credential_kind", "credential_id", name="pk_last_uses"),
    )


def downgrade() -> None:
    """Take them away again."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_table("last_uses")
    op.execute("DROP FUNCTION registry_auth_notify() CASCADE")
    for table in ("namespaces", "reserved_paths"):
        op.execute(f'ALTER TABLE {table} ALTER path TYPE varchar(255) COLLATE "default"')
    for table, columns in INTEGERS.items():
        op.execute(f"ALTER SEQUENCE {table}_id_seq AS integer")
        op.execute(f"ALTER TABLE {table} {', '.join(f'ALTER {column} TYPE integer' for column in columns)}")
