"""A person's sessions in one browser are found by an index.

Revision ID: v1_0008
Revises: v1_0007
"""

import sqlalchemy as sa

from timApp.database.migrating.concurrently import create_index, drop_index

revision = "v1_0008"
down_revision = "v1_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index, of a column that is empty yet."""
    has_name = sa.text("device IS NOT NULL")
    create_index(
        "ix_usersession_device",
        "usersession",
        ["user_id", "device"],
        sqlite_where=has_name,
        postgresql_where=has_name,
    )


def downgrade() -> None:
    """Drop it."""
    drop_index("ix_usersession_device", "usersession")
