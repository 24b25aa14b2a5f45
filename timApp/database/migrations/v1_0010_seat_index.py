"""The sessions at a seat are found by an index.

Revision ID: v1_0010
Revises: v1_0009
"""

import sqlalchemy as sa

from timApp.database.migrating.concurrently import create_index, drop_index

revision = "v1_0010"
down_revision = "v1_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index, of a column that is empty yet."""
    has_seat = sa.text("seat IS NOT NULL")
    create_index(
        "ix_usersession_seat",
        "usersession",
        ["seat", "logged_in_at"],
        sqlite_where=has_seat,
        postgresql_where=has_seat,
    )


def downgrade() -> None:
    """Drop it."""
    drop_index("ix_usersession_seat", "usersession")
