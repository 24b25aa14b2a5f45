"""Exams may ask for Safe Exam Browser, and sessions know what they have shown of it.

Revision ID: v1_0027
Revises: v1_0026
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0027"
down_revision = "v1_0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns: no exam asks for it."""
    op.add_column("exam", sa.Column("browser", sa.String(20), server_default="no", nullable=False))
    op.add_column("exam", sa.Column("config_key", sa.Text(), nullable=True))
    op.add_column(
        "exam", sa.Column("browser_keys", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.add_column("exam", sa.Column("seb_file", sa.Text(), nullable=True))
    op.add_column("exam", sa.Column("seb_key", sa.Text(), nullable=True))
    op.add_column("exam", sa.Column("quit_address", sa.Text(), nullable=True))
    op.add_column("usersession", sa.Column("key_state", sa.String(20), nullable=True))
    op.add_column("usersession", sa.Column("key_state_since", UTCDateTime(), nullable=True))


def downgrade() -> None:
    """Drop them; the exams ask for nothing then."""
    for column in ("key_state_since", "key_state"):
        op.drop_column("usersession", column)
    for column in (
        "quit_address",
        "seb_key",
        "seb_file",
        "browser_keys",
        "config_key",
        "browser",
    ):
        op.drop_column("exam", column)
