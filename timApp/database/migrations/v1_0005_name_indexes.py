"""A name is found by what it is compared by, which nobody else has, and by its look.

Revision ID: v1_0005
Revises: v1_0004
"""

from timApp.database.migrating.concurrently import create_index, drop_index

revision = "v1_0005"
down_revision = "v1_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes, of columns that are empty yet."""
    create_index("ix_useraccount_name_key", "useraccount", ["name_key"], unique=True)
    create_index("ix_useraccount_name_look", "useraccount", ["name_look"])


def downgrade() -> None:
    """Drop them."""
    drop_index("ix_useraccount_name_look", "useraccount")
    drop_index("ix_useraccount_name_key", "useraccount")
