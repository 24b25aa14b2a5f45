"""Numbers of signed requests that have been carried out, so that none is carried out twice."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model, conflict_insert
from timApp.database.work import UnitOfWork
from timApp.net.signature import MAX_AGE
from timApp.util.clock import CLOCK_LEEWAY, now


class SeenNonce(Model):
    """The number of a signed request that has been taken."""

    __tablename__ = "seennonce"

    nonce: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    seen_at: orm.Mapped[datetime] = orm.mapped_column(index=True)


def take_nonce(work: UnitOfWork, nonce: str, until: datetime | None = None) -> bool:
    """Note the number, and return whether it was new; no commit.

    It is known as long as a signature counts that is made now, and `until` then, if that is later.

    Of two requests with the same number that come at once, one waits for the other's end.
    Numbers whose signatures count no more are dropped.
    """
    moment = now()
    work.session.execute(
        # A signature may be ahead of our clock by MAX_AGE and counts as long again. A server that
        # shares our database may have seen it by a clock that is behind ours.
        sa.delete(SeenNonce).where(SeenNonce.seen_at < moment - 2 * MAX_AGE - CLOCK_LEEWAY),
        execution_options={"synchronize_session": False},
    )
    taken = work.session.scalar(
        conflict_insert(work.session.connection(), SeenNonce)
        .values(nonce=nonce, seen_at=max(moment, until or moment))
        .on_conflict_do_nothing()
        .returning(SeenNonce.nonce)
    )
    return taken is not None
