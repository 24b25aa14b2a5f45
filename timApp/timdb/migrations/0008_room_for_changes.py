"""Room on each page of sessions for their next state, and no index that a change has to write.

Pages that are full already get their room by ``VACUUM FULL usersession``, or as they are emptied.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Leave the room, and drop the index of active sessions; SQLite has no such pages."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE usersession SET (fillfactor = 50)")
        op.drop_index("ix_usersession_active", "usersession")


def downgrade() -> None:
    """Add the index again, and leave no room."""
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "ix_usersession_active",
            "usersession",
            ["logged_in_at", "user_id", "session_id"],
            postgresql_where=sa.text("expired_at IS NULL"),
        )
        op.execute("ALTER TABLE usersession RESET (fillfactor)")
