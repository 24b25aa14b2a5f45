"""Moments that SQLite was given in another spelling are as all the others.

Revision ID: v1_0003
Revises: v1_0002
"""

from alembic import op

revision = "v1_0003"
down_revision = "v1_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Spell when sessions expired in ISO 8601, where a logout or a change of all wrote otherwise.

    They were in UTC without saying so, and read as the server's local time.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "UPDATE usersession SET expired_at = replace(expired_at, ' ', 'T') || '+00:00'"
            " WHERE expired_at LIKE '____-__-__ %'"
        )


def downgrade() -> None:
    """Leave them as they are: the version before reads this spelling, too."""
