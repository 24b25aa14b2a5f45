"""All tables: people, items and rights, sessions and the record of their changes, other hosts.

Revision ID: v1_0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SESSION_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# The record of changes is append-only, whoever writes to the database.
_GUARDS = {
    "sqlite": (
        """
        CREATE TRIGGER sessionchange_no_update BEFORE UPDATE ON sessionchange
        BEGIN SELECT RAISE(ABORT, 'sessionchange is append-only'); END
        """,
        """
        CREATE TRIGGER sessionchange_no_delete BEFORE DELETE ON sessionchange
        BEGIN SELECT RAISE(ABORT, 'sessionchange is append-only'); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION sessionchange_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'sessionchange is append-only'; END $$
        """,
        """
        CREATE TRIGGER sessionchange_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON sessionchange
        FOR EACH STATEMENT EXECUTE FUNCTION sessionchange_refuse()
        """,
    ),
}

#: In an order in which each refers to earlier ones only.
_TABLES = (
    "useraccount",
    "usergroup",
    "usergroupmember",
    "block",
    "blockaccess",
    "document",
    "usersession",
    "sessionchange",
    "sessionorder",
    "waitingsession",
    "peer",
    "seennonce",
    "wrongsecret",
    "hostcall",
    "delivery",
)


def upgrade() -> None:
    """Make the tables."""
    _create_people()
    _create_items()
    _create_sessions()
    _create_hosts()
    for statement in _GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables and all that is in them."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION sessionchange_refuse()")


def _create_people() -> None:
    op.create_table(
        "useraccount",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("real_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_useraccount")),
        sa.UniqueConstraint("name", name=op.f("uq_useraccount_name")),
    )
    op.create_table(
        "usergroup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("personal_user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["personal_user_id"], ["useraccount.id"], name=op.f("fk_usergroup_personal_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usergroup")),
        sa.UniqueConstraint("name", name=op.f("uq_usergroup_name")),
        sa.UniqueConstraint("personal_user_id", name=op.f("uq_usergroup_personal_user_id")),
    )
    op.create_table(
        "usergroupmember",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("usergroup_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_usergroupmember_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["usergroup_id"], ["usergroup.id"], name=op.f("fk_usergroupmember_usergroup_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "usergroup_id", name=op.f("pk_usergroupmember")),
    )
    op.create_index(op.f("ix_usergroupmember_usergroup_id"), "usergroupmember", ["usergroup_id"])


def _create_items() -> None:
    op.create_table(
        "block",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block")),
    )
    op.create_table(
        "blockaccess",
        sa.Column("block_id", sa.Integer(), nullable=False),
        sa.Column("usergroup_id", sa.Integer(), nullable=False),
        sa.Column("access_type", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "access_type IN ('view', 'edit', 'manage')", name=op.f("ck_blockaccess_access_type")
        ),
        sa.ForeignKeyConstraint(["block_id"], ["block.id"], name=op.f("fk_blockaccess_block_id")),
        sa.ForeignKeyConstraint(
            ["usergroup_id"], ["usergroup.id"], name=op.f("fk_blockaccess_usergroup_id")
        ),
        sa.PrimaryKeyConstraint(
            "block_id", "usergroup_id", "access_type", name=op.f("pk_blockaccess")
        ),
    )
    op.create_index(op.f("ix_blockaccess_usergroup_id"), "blockaccess", ["usergroup_id"])
    op.create_table(
        "document",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("modified_at", UTCDateTime(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["block.id"], name=op.f("fk_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("path", name=op.f("uq_document_path")),
    )


def _create_sessions() -> None:
    op.create_table(
        "usersession",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("session_id", _SESSION_ID, nullable=False),
        sa.Column("logged_in_at", UTCDateTime(), nullable=False),
        sa.Column("expired_at", UTCDateTime(), nullable=True),
        sa.Column("logged_out_at", UTCDateTime(), nullable=True),
        sa.Column("last_seen_at", UTCDateTime(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "logged_out_at IS NULL OR expired_at IS NOT NULL",
            name=op.f("ck_usersession_logged_out_is_expired"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_usersession_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("pk_usersession")),
        postgresql_with={"fillfactor": 50},
        sqlite_with_rowid=False,
    )
    # Not on PostgreSQL, where an index on a column that changes undoes the fill factor's gain.
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(
            "ix_usersession_active",
            "usersession",
            ["logged_in_at", "user_id", "session_id"],
            sqlite_where=sa.text("expired_at IS NULL"),
        )
    op.create_index(
        "ix_usersession_latest", "usersession", ["user_id", "logged_in_at", "session_id"]
    )
    op.create_index(
        "ix_usersession_logged_in_at", "usersession", ["logged_in_at", "user_id", "session_id"]
    )
    op.create_table(
        "sessionchange",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("session_count", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_sessionchange_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessionchange")),
    )
    op.create_index(op.f("ix_sessionchange_at"), "sessionchange", ["at"])
    op.create_index("ix_sessionchange_user_id", "sessionchange", ["user_id", "id"])
    op.create_table(
        "sessionorder",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("change_id", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_sessionorder_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessionorder")),
    )
    op.create_index("ix_sessionorder_user_id", "sessionorder", ["user_id", "at"])
    op.create_table(
        "waitingsession",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("session_id", _SESSION_ID, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"],
            ["usersession.user_id", "usersession.session_id"],
            name=op.f("fk_waitingsession_user_id_session_id"),
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("pk_waitingsession")),
        sa.UniqueConstraint("code", name=op.f("uq_waitingsession_code")),
    )


def _create_hosts() -> None:
    op.create_table(
        "peer",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("signs", sa.Boolean(), nullable=False),
        sa.Column("last_success_at", UTCDateTime(), nullable=True),
        sa.Column("last_failure_at", UTCDateTime(), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.Column("asked_at", UTCDateTime(), nullable=True),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("failing_since", UTCDateTime(), nullable=True),
        sa.Column("is_unsigned", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
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
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrongsecret")),
    )
    op.create_index("ix_wrongsecret_address", "wrongsecret", ["address", "at"])
    op.create_table(
        "hostcall",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hostcall")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("change_id", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UTCDateTime(), nullable=False),
        sa.Column("leased_until", UTCDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["next_attempt_at"],
        postgresql_where=sa.text("settled_at IS NULL"),
        sqlite_where=sa.text("settled_at IS NULL"),
    )
    op.create_index("ix_delivery_settled_at", "delivery", ["settled_at"])
    op.create_index("ix_delivery_user_name", "delivery", ["user_name", "host"])
