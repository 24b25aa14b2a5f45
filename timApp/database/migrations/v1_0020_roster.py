"""Class lists that are looked at before they are carried out have a table.

Revision ID: v1_0020
Revises: v1_0019
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0020"
down_revision = "v1_0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, which is empty."""
    op.create_table(
        "rosterdraft",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("encoded", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sent_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_rosterdraft_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_rosterdraft")),
    )


def downgrade() -> None:
    """Drop it; whoever looks at a list has to send it again."""
    op.drop_table("rosterdraft")
