"""The switch of the dependency proxy, which is on in every group that there is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; its default fills the rows that are there."""
    op.add_column("namespaces", sa.Column("dependency_proxy_enabled", sa.Boolean, nullable=False, server_default=sa.true()))


def downgrade() -> None:
    """Take the column away again."""
    op.drop_column("namespaces", "dependency_proxy_enabled")
