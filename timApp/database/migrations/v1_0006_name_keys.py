"""What names are compared by, and what searches look into, is filled in for who is there.

Revision ID: v1_0006
Revises: v1_0005
"""

from alembic import op

from timApp.database.migrating.concurrently import each_by_itself
from timApp.database.migrating.names import fill_in_names, require_distinct_names

revision = "v1_0006"
down_revision = "v1_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fill in the columns; an older program may have added a name meanwhile that is another's."""
    with each_by_itself():
        fill_in_names(op.get_bind())
        require_distinct_names(op.get_bind())


def downgrade() -> None:
    """Leave them as they are: they go with the columns."""
