"""Documents have attachments, and it is known to what they refer.

Revision ID: v1_0024
Revises: v1_0023
"""

import sqlalchemy as sa
from alembic import op

from timApp.database.dialects.types import UTCDateTime

revision = "v1_0024"
down_revision = "v1_0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, which are empty: references of older documents come as they are saved."""
    op.create_table(
        "attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("encoded", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("modified_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("path", name=op.f("uq_attachment_path")),
    )
    op.create_table(
        "documentreference",
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_documentreference_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", "path", name=op.f("pk_documentreference")),
    )
    op.create_index("ix_documentreference_path", "documentreference", ["path"])


def downgrade() -> None:
    """Drop them; attachments are lost, and can be imported again."""
    op.drop_index("ix_documentreference_path", "documentreference")
    op.drop_table("documentreference")
    op.drop_table("attachment")
