"""Who may take something out of the record of changes."""

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model


class Tidying(Model):
    """A row of a transaction that tidies up, and is gone before its end.

    The record's triggers let a transaction through that sees one. So it sees its own, and nobody
    else's is ever seen.
    """

    __tablename__ = "tidying"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)


#: Opens the record to this transaction, and closes it.
OPEN, CLOSE = sa.insert(Tidying).values(), sa.delete(Tidying)
