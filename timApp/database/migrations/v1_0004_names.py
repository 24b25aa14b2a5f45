"""Names of people are compared as RFC 8265 says, and people are searched for.

Revision ID: v1_0004
Revises: v1_0003
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.migrating.names import require_distinct_names

revision = "v1_0004"
down_revision = "v1_0003"
branch_labels = None
depends_on = None

_COLUMNS = ("name_key", "name_look", "search_text")


def upgrade() -> None:
    """Make the columns, unless there are names that are one by now."""
    require_distinct_names(op.get_bind())
    for column in _COLUMNS:
        op.add_column("useraccount", sa.Column(column, sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop them with what was made of the names, which stay."""
    for column in reversed(_COLUMNS):
        op.drop_column("useraccount", column)
