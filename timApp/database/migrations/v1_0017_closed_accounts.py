"""Accounts can be closed.

Revision ID: v1_0017
Revises: v1_0016
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0017"
down_revision = "v1_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which is empty: all are open."""
    op.add_column("useraccount", sa.Column("disabled_at", UTCDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it; whoever's account was closed logs in again."""
    op.drop_column("useraccount", "disabled_at")
