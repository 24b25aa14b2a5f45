"""Accounts can be deleted: what is recorded stays, and the row has a name for it.

Revision ID: v1_0022
Revises: v1_0021
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0022"
down_revision = "v1_0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which is empty: nobody's account was deleted."""
    op.add_column("useraccount", sa.Column("deleted_at", UTCDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it; a deleted account is a closed one then, to which no password opens."""
    op.drop_column("useraccount", "deleted_at")
