"""It is known who has handed in which exam.

Revision ID: v1_0013
Revises: v1_0012
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0013"
down_revision = "v1_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, which is empty."""
    op.create_table(
        "handin",
        sa.Column("exam_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("handed_in_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"], name=op.f("fk_handin_exam_id")),
        sa.ForeignKeyConstraint(["user_id"], ["useraccount.id"], name=op.f("fk_handin_user_id")),
        sa.PrimaryKeyConstraint("exam_id", "user_id", name=op.f("pk_handin")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_handin_user_id"), "handin", ["user_id"])


def downgrade() -> None:
    """Drop it; documents of exams are open again to whoever has handed them in."""
    op.drop_table("handin")
