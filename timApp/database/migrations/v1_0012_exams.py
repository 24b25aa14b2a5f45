"""Exams have a time, people, supervisors, documents, and policies of their own.

Revision ID: v1_0012
Revises: v1_0011
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0012"
down_revision = "v1_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, which are empty."""
    op.create_table(
        "exam",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_key", sa.Text(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=True),
        sa.Column("begun_by", sa.Text(), nullable=True),
        sa.Column("begun_by_kind", sa.String(20), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_by_kind", sa.String(20), nullable=True),
        sa.Column("over_limit", sa.String(20), nullable=False),
        sa.Column("after_end", sa.String(20), nullable=False),
        sa.Column("device", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exam")),
        sa.UniqueConstraint("title_key", name=op.f("uq_exam_title_key")),
    )
    op.create_index(op.f("ix_exam_ends_at"), "exam", ["ends_at"])
    for table in ("examgroup", "examsupervisors"):
        _add_pairs(table, "exam_id", "exam", "usergroup_id", "usergroup")
    _add_pairs("examdocument", "document_id", "document", "exam_id", "exam")
    op.add_column("sessionhold", sa.Column("exam_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop them; documents of exams are open to whoever has the right then."""
    op.drop_column("sessionhold", "exam_id")
    for table in ("examdocument", "examsupervisors", "examgroup"):
        op.drop_table(table)
    op.drop_table("exam")


def _add_pairs(table: str, first: str, of_first: str, second: str, of_second: str) -> None:
    op.create_table(
        table,
        sa.Column(first, sa.Integer(), nullable=False),
        sa.Column(second, sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint([first], [f"{of_first}.id"], name=op.f(f"fk_{table}_{first}")),
        sa.ForeignKeyConstraint([second], [f"{of_second}.id"], name=op.f(f"fk_{table}_{second}")),
        sa.PrimaryKeyConstraint(first, second, name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_{second}"), table, [second])
