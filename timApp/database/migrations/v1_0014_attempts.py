"""A session knows when another login of its person was blocked last.

Revision ID: v1_0014
Revises: v1_0013
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0014"
down_revision = "v1_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which is empty."""
    op.add_column("usersession", sa.Column("attempted_at", UTCDateTime(), nullable=True))


def downgrade() -> None:
    """Drop it; nobody is told of attempts any more."""
    op.drop_column("usersession", "attempted_at")
