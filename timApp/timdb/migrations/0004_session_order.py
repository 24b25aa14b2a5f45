"""The order of changes of sessions, which is the same on every host.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from timApp.timdb.types import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sessionorder",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("change_id", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_sessionorder_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessionorder")),
    )
    op.create_index("ix_sessionorder_user_id", "sessionorder", ["user_id", "at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("sessionorder")
