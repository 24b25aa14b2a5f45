"""When somebody has last proved who they are, in which of their sessions."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.driver.read import QuickRead
from timApp.database.engine import begin_write
from timApp.database.model import Model, conflict_insert
from timApp.database.work import UnitOfWork
from timApp.util.clock import CLOCK_LEEWAY, now


class SessionProof(Model):
    """The last proof that somebody has given in a session: at its login, or when they were asked.

    Kept for those alone who may be asked. It is of that one session: who has a copy of its cookie
    has it, and no session that begins otherwise than by a login does.
    """

    __tablename__ = "sessionproof"

    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), primary_key=True)
    #: Where sessions are not tracked there is none of that id in any other table.
    session_id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    proved_at: orm.Mapped[datetime]

    __table_args__ = ({"sqlite_with_rowid": False},)


_proof = QuickRead(
    sa.select(SessionProof.proved_at).where(
        SessionProof.user_id == sa.bindparam("user_id"),
        SessionProof.session_id == sa.bindparam("session_id"),
    )
)


def note_proof(work: UnitOfWork, user_id: int, session_id: str, lifetime: timedelta) -> None:
    """Note that the person has proved in that session, now, who they are.

    What they have proved in others longer ago than the lifetime is forgotten. Nothing is committed.
    """
    moment = now()
    begin_write(work.session.connection())
    is_old = SessionProof.proved_at < moment - lifetime - CLOCK_LEEWAY
    work.session.execute(sa.delete(SessionProof).where(SessionProof.user_id == user_id, is_old))
    row = {"user_id": user_id, "session_id": session_id, "proved_at": moment}
    insert = conflict_insert(work.session.connection(), SessionProof)
    work.session.execute(
        insert.values(row).on_conflict_do_update(
            index_elements=[SessionProof.user_id, SessionProof.session_id],
            set_={"proved_at": moment},
        )
    )


def has_proved(work: UnitOfWork, user_id: int, session_id: str, lifetime: timedelta) -> bool:
    """Tell whether the person has proved who they are in that session, within the lifetime.

    A proof of a moment that is still to come, by more than clocks may differ, is none.
    """
    row = _proof.first(work, {"user_id": user_id, "session_id": session_id})
    return row is not None and -CLOCK_LEEWAY <= now() - row.proved_at <= lifetime
