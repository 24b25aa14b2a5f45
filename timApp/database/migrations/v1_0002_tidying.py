"""The record of changes lets its old entries go, and nobody else's.

Revision ID: v1_0002
Revises: v1_0001
"""

import sqlalchemy as sa
from alembic import op

revision = "v1_0002"
down_revision = "v1_0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIDIES = "EXISTS (SELECT 1 FROM tidying)"


def upgrade() -> None:
    """Make the table of who tidies, and let the record's triggers look into it."""
    op.create_table(
        "tidying",
        sa.Column("id", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tidying")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _make_triggers(f"WHEN NOT {_TIDIES}")
    else:
        _make_function(f"IF TG_OP <> 'TRUNCATE' AND {_TIDIES} THEN RETURN NULL; END IF;")


def downgrade() -> None:
    """Let the record refuse everybody again."""
    if op.get_bind().dialect.name == "sqlite":
        _make_triggers("")
    else:
        _make_function("")
    op.drop_table("tidying")


def _make_triggers(condition: str) -> None:
    for event in ("update", "delete"):
        name = f"sessionchange_no_{event}"
        op.execute(f"DROP TRIGGER {name}")
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event.upper()} ON sessionchange {condition}"
            " BEGIN SELECT RAISE(ABORT, 'sessionchange is append-only'); END"
        )


def _make_function(exception: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION sessionchange_refuse() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN {exception} RAISE EXCEPTION 'sessionchange is append-only'; END $$"
    )
