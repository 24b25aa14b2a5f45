"""Addresses have seats, and sessions know at which one they began.

Revision ID: v1_0009
Revises: v1_0008
"""

import sqlalchemy as sa
from alembic import op

revision = "v1_0009"
down_revision = "v1_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table, and columns that are empty for what there is."""
    key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "seat",
        sa.Column("key", key, nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_seat")),
        sqlite_with_rowid=False,
    )
    op.add_column("usersession", sa.Column("seat", sa.Text(), nullable=True))
    op.add_column("usersession", sa.Column("address_seat", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    for column in ("address_seat", "seat"):
        op.drop_column("usersession", column)
    op.drop_table("seat")
