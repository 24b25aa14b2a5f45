"""The record of changes is found by who did something, and decisions by what was done.

Revision ID: v1_0018
Revises: v1_0017
"""

import sqlalchemy as sa

from timApp.database.migrating.concurrently import create_index, drop_index

revision = "v1_0018"
down_revision = "v1_0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    is_rare = sa.text("action NOT IN ('login', 'blocked login', 'logout')")
    create_index("ix_sessionchange_actor", "sessionchange", ["actor", "id"])
    create_index(
        "ix_sessionchange_action",
        "sessionchange",
        ["action", "id"],
        sqlite_where=is_rare,
        postgresql_where=is_rare,
    )


def downgrade() -> None:
    """Drop them."""
    drop_index("ix_sessionchange_action", "sessionchange")
    drop_index("ix_sessionchange_actor", "sessionchange")
