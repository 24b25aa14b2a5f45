"""Who waits on other hosts, as they told last.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from timApp.timdb.types import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "hostview",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("failing_since", UTCDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("is_older_kind", sa.Boolean(), nullable=False),
        sa.Column("noted_at", UTCDateTime(), nullable=True),
        sa.Column("waiting", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_hostview")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("hostview")
