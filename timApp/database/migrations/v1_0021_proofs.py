"""It is kept when somebody has last proved in a session who they are.

Revision ID: v1_0021
Revises: v1_0020
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0021"
down_revision = "v1_0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, which is empty: whoever is logged in is asked when it matters."""
    op.create_table(
        "sessionproof",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("proved_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_sessionproof_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("pk_sessionproof")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it; an older version asks nobody."""
    op.drop_table("sessionproof")
