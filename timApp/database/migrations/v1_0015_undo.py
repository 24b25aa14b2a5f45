"""What was before a decision is kept, so that it can be undone.

Revision ID: v1_0015
Revises: v1_0014
"""

import sqlalchemy as sa
from alembic import op

revision = "v1_0015"
down_revision = "v1_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, which is empty."""
    op.create_table(
        "sessionundo",
        sa.Column(
            "change_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_sessionundo_user_id")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_sessionundo")),
    )
    op.create_index(op.f("ix_sessionundo_user_id"), "sessionundo", ["user_id"])


def downgrade() -> None:
    """Drop it; no decision of before can be undone any more."""
    op.drop_table("sessionundo")
