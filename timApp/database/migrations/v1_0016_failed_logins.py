"""Wrong passwords are recorded, and counted by person and place.

Revision ID: v1_0016
Revises: v1_0015
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0016"
down_revision = "v1_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, which are empty."""
    op.create_table(
        "passwordfailures",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "place", name=op.f("pk_passwordfailures")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_passwordfailures_last_at"), "passwordfailures", ["last_at"])
    op.create_table(
        "failedlogin",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_failedlogin_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failedlogin")),
    )
    op.create_index("ix_failedlogin_at", "failedlogin", ["at", "id"])
    op.create_index("ix_failedlogin_user_id", "failedlogin", ["user_id", "id"])
    op.create_index("ix_failedlogin_address", "failedlogin", ["address", "id"])


def downgrade() -> None:
    """Drop them; whoever has to wait waits no more."""
    op.drop_table("failedlogin")
    op.drop_table("passwordfailures")
