"""Sessions know the numbers of their cookies and where they were last seen; copied ones are noted.

Revision ID: v1_0011
Revises: v1_0010
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0011"
down_revision = "v1_0010"
branch_labels = None
depends_on = None

_SESSION_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add columns and a table; the cookies that there are have no number, which is 0."""
    op.add_column("usersession", sa.Column("seen_origin", sa.Text(), nullable=True))
    for name in ("token_issued", "token_used"):
        column = sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0"))
        op.add_column("usersession", column)
    op.add_column("usersession", sa.Column("token_since", UTCDateTime(), nullable=True))
    op.create_table(
        "copiedsession",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("session_id", _SESSION_ID, nullable=False),
        sa.Column("older_until", sa.Integer(), nullable=False),
        sa.Column("older_session_id", _SESSION_ID, nullable=False),
        sa.Column("newer_session_id", _SESSION_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_copiedsession_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("pk_copiedsession")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them; whose login was copied logs in again."""
    op.drop_table("copiedsession")
    for column in ("token_since", "token_used", "token_issued", "seen_origin"):
        op.drop_column("usersession", column)
