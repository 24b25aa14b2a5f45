"""Identity providers vouch for people, and may end the logins that began by their word.

Revision ID: v1_0026
Revises: v1_0025
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0026"
down_revision = "v1_0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, which are empty."""
    op.create_table(
        "federatedidentity",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("linked_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_federatedidentity_user_id")
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_federatedidentity")),
    )
    op.create_index(op.f("ix_federatedidentity_user_id"), "federatedidentity", ["user_id"])
    op.create_table(
        "federatedlogin",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("provider_session", sa.Text(), nullable=True),
        sa.Column("began_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_federatedlogin_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("pk_federatedlogin")),
    )
    op.create_index("ix_federatedlogin_subject", "federatedlogin", ["issuer", "subject"])


def downgrade() -> None:
    """Drop them; an older version knows no provider."""
    op.drop_table("federatedlogin")
    op.drop_table("federatedidentity")
