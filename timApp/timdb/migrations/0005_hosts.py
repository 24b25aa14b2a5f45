"""Other hosts: what is known of them, signed requests that were taken, wrong secrets.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from timApp.timdb.types import UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "peer",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("signs", sa.Boolean(), nullable=False),
        sa.Column("last_success_at", UTCDateTime(), nullable=True),
        sa.Column("last_failure_at", UTCDateTime(), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_peer")),
    )
    op.create_table(
        "seennonce",
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_seennonce")),
    )
    op.create_index(op.f("ix_seennonce_seen_at"), "seennonce", ["seen_at"])
    op.create_table(
        "wrongsecret",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrongsecret")),
    )
    op.create_index("ix_wrongsecret_address", "wrongsecret", ["address", "at"])


def downgrade() -> None:
    """Drop them."""
    for table in ("wrongsecret", "seennonce", "peer"):
        op.drop_table(table)
