"""First tables: users, groups, rights, documents, sessions and the record of their changes.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from timApp.timdb.types import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

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


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "block",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block")),
    )
    _create_users()
    _create_sessions()
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
    op.create_table(
        "blockaccess",
        sa.Column("block_id", sa.Integer(), nullable=False),
        sa.Column("usergroup_id", sa.Integer(), nullable=False),
        sa.Column("access_type", sa.String(length=6), nullable=False),
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


def _create_users() -> None:
    op.create_table(
        "useraccount",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("real_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
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
            ["personal_user_id"],
            ["useraccount.id"],
            name=op.f("fk_usergroup_personal_user_id"),
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


def _create_sessions() -> None:
    op.create_table(
        "usersession",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "session_id",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("logged_in_at", UTCDateTime(), nullable=False),
        sa.Column("expired_at", UTCDateTime(), nullable=True),
        sa.Column("logged_out_at", UTCDateTime(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "logged_out_at IS NULL OR expired_at IS NOT NULL",
            name=op.f("ck_usersession_logged_out_is_expired"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_usersession_user_id")
        ),
        sa.PrimaryKeyConstraint("user_id", "session_id", name=op.f("pk_usersession")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_usersession_active",
        "usersession",
        ["logged_in_at", "user_id", "session_id"],
        postgresql_where=sa.text("expired_at IS NULL"),
        sqlite_where=sa.text("expired_at IS NULL"),
    )
    op.create_index(
        "ix_usersession_latest", "usersession", ["user_id", "logged_in_at", "session_id"]
    )
    op.create_table(
        "sessionchange",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("session_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["useraccount.id"], name=op.f("fk_sessionchange_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessionchange")),
    )
    op.create_index(op.f("ix_sessionchange_at"), "sessionchange", ["at"])
    op.create_index("ix_sessionchange_user_id", "sessionchange", ["user_id", "id"])
    for statement in _GUARDS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables and all that is in them."""
    for table in (
        "blockaccess",
        "document",
        "sessionchange",
        "usersession",
        "usergroupmember",
        "usergroup",
        "useraccount",
        "block",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION sessionchange_refuse()")
