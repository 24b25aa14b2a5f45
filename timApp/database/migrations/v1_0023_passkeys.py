"""People have passkeys beside their passwords.

Revision ID: v1_0023
Revises: v1_0022
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0023"
down_revision = "v1_0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, which are empty."""
    op.create_table(
        "passkey",
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["useraccount.id"], name=op.f("fk_passkey_user_id")),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_passkey")),
    )
    op.create_index(op.f("ix_passkey_user_id"), "passkey", ["user_id"])
    op.create_table(
        "passkeychallenge",
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("bound_to", sa.Text(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_passkeychallenge_user_id")
        ),
        sa.PrimaryKeyConstraint("challenge", name=op.f("pk_passkeychallenge")),
    )
    op.create_index(op.f("ix_passkeychallenge_user_id"), "passkeychallenge", ["user_id"])
    op.create_index(op.f("ix_passkeychallenge_made_at"), "passkeychallenge", ["made_at"])


def downgrade() -> None:
    """Drop them; an older version asks nobody for a passkey."""
    op.drop_table("passkeychallenge")
    op.drop_table("passkey")
