"""Which person a supervisor has before them is noted.

Revision ID: v1_0019
Revises: v1_0018
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0019"
down_revision = "v1_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, which is empty."""
    op.create_table(
        "look",
        sa.Column("supervisor_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["supervisor_id"], ["useraccount.id"], name=op.f("fk_look_supervisor_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["useraccount.id"], name=op.f("fk_look_user_id")),
        sa.PrimaryKeyConstraint("supervisor_id", "user_id", name=op.f("pk_look")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_look_user_id"), "look", ["user_id"])


def downgrade() -> None:
    """Drop it; who has whom open is not known then."""
    op.drop_table("look")
