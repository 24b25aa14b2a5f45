"""What was before somebody's decision, so that it can be undone."""

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model


class Undoable(Model):
    """The person's sessions and holds as they were before an entry of the record."""

    __tablename__ = "sessionundo"

    #: The entry's number. Names no row that has to be there: the record is let go on its own.
    change_id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True, autoincrement=False)
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), index=True)
    #: JSON, see `timApp.guard.changes.undo`.
    before: orm.Mapped[str]
