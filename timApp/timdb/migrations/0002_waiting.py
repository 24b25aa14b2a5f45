"""Waiting for verification: last seen, short codes; reasons in the record of changes.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from timApp.timdb.types import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("usersession", sa.Column("last_seen_at", UTCDateTime(), nullable=True))
    op.add_column("sessionchange", sa.Column("reason", sa.Text(), nullable=True))
    op.create_table(
        "waitingsession",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "session_id",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"],
            ["usersession.user_id", "usersession.session_id"],
            name=op.f("fk_waitingsession_user_id_session_id"),
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("pk_waitingsession")),
        sa.UniqueConstraint("code", name=op.f("uq_waitingsession_code")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("waitingsession")
    op.drop_column("sessionchange", "reason")
    op.drop_column("usersession", "last_seen_at")
