"""Sessions know why they are not active and in which browser they began; ends and blocks are noted.

Revision ID: v1_0007
Revises: v1_0006
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0007"
down_revision = "v1_0006"
branch_labels = None
depends_on = None

_SESSION_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add columns, which are empty for what there is, and a table."""
    op.add_column("usersession", sa.Column("verified_at", UTCDateTime(), nullable=True))
    op.add_column("usersession", sa.Column("cause", sa.String(20), nullable=True))
    op.add_column("usersession", sa.Column("device", sa.Text(), nullable=True))
    op.add_column("sessionchange", sa.Column("cause", sa.String(20), nullable=True))
    op.create_table(
        "sessionhold",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("session_id", _SESSION_ID, nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_sessionhold_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("pk_sessionhold")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them; what is held is free then."""
    op.drop_table("sessionhold")
    op.drop_column("sessionchange", "cause")
    for column in ("device", "cause", "verified_at"):
        op.drop_column("usersession", column)
