"""On PostgreSQL: what tells all servers of a change, and the last uses of tokens. SQLite keeps those in a file of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# What servers remember rows of. Triggers hear of every change, also of one that somebody makes by hand.
TABLES = ("namespaces", "deploy_tokens", "deploy_token_secrets", "users", "memberships", "personal_access_tokens")


def upgrade() -> None:
    """Make function, triggers and table."""
    if op.get_bind().dialect.name != "postgresql":
        return
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
        sa.Column("credential_id", sa.Integer, nullable=False),
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
