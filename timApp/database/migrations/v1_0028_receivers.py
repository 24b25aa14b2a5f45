"""Receivers are told of changes of sessions, which the database itself notes for them.

Revision ID: v1_0028
Revises: v1_0027
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0028"
down_revision = "v1_0027"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: An entry of sessions, other than a plain login; nobody is told of those.
_IS_TOLD = "NEW.session_count > 0 AND NEW.action <> 'login'"
#: That anybody is told at all, and that no backup is being restored.
_IS_WANTED = (
    "EXISTS (SELECT 1 FROM receiver WHERE ended_at IS NULL) AND NOT EXISTS (SELECT 1 FROM tidying)"
)
_NOTE = "INSERT INTO untoldchange (change_id) VALUES (NEW.id)"
_SQLITE = (
    "CREATE TRIGGER sessionchange_note AFTER INSERT ON sessionchange"
    f" WHEN {_IS_TOLD} AND {_IS_WANTED} BEGIN {_NOTE}; END"
)
_POSTGRESQL = (
    "CREATE FUNCTION sessionchange_note() RETURNS trigger LANGUAGE plpgsql AS $$"
    f" BEGIN IF {_IS_WANTED} THEN {_NOTE}; END IF; RETURN NULL; END $$",
    "CREATE TRIGGER sessionchange_note AFTER INSERT ON sessionchange"
    f" FOR EACH ROW WHEN ({_IS_TOLD}) EXECUTE FUNCTION sessionchange_note()",
)


def upgrade() -> None:
    """Add the tables, which are empty, and let the record note what is added to it."""
    op.create_table(
        "receiver",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("token_digest", sa.Text(), nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UTCDateTime(), nullable=False),
        sa.Column("leased_until", UTCDateTime(), nullable=True),
        sa.Column("last_success_at", UTCDateTime(), nullable=True),
        sa.Column("last_failure_at", UTCDateTime(), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.Column("failing_since", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receiver")),
        sa.UniqueConstraint("name", name=op.f("uq_receiver_name")),
    )
    op.create_table(
        "signingkey",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("jwk", sa.Text(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signingkey")),
    )
    op.create_table(
        "untoldchange",
        sa.Column("change_id", _NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_untoldchange")),
    )
    op.create_table(
        "notice",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("receiver_id", _NUMBER, nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("cause", sa.String(length=20), nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UTCDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["receiver.id"], name=op.f("fk_notice_receiver_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["useraccount.id"], name=op.f("fk_notice_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("message_id", name=op.f("uq_notice_message_id")),
    )
    op.create_index(
        "ix_notice_owed",
        "notice",
        ["receiver_id", "id"],
        postgresql_where=sa.text("settled_at IS NULL"),
        sqlite_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("ix_notice_made_at", "notice", ["made_at"])
    op.create_index(op.f("ix_notice_user_id"), "notice", ["user_id"])
    statements = [_SQLITE] if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    """Drop them; an older version tells nobody."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER sessionchange_note")
    else:
        op.execute("DROP TRIGGER sessionchange_note ON sessionchange")
        op.execute("DROP FUNCTION sessionchange_note()")
    for table in ("notice", "untoldchange", "signingkey", "receiver"):
        op.drop_table(table)
