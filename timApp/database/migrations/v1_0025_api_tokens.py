"""Programs show tokens in place of people's logins.

Revision ID: v1_0025
Revises: v1_0024
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0025"
down_revision = "v1_0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, which is empty."""
    op.create_table(
        "apitoken",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["useraccount.id"], name=op.f("fk_apitoken_user_id")),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_apitoken")),
    )
    op.create_index(op.f("ix_apitoken_user_id"), "apitoken", ["user_id"])


def downgrade() -> None:
    """Drop it; an older version knows no program."""
    op.drop_table("apitoken")
