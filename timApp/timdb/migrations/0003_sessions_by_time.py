"""All sessions by time of login, for the administrators' list.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "ix_usersession_logged_in_at", "usersession", ["logged_in_at", "user_id", "session_id"]
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_usersession_logged_in_at", "usersession")
