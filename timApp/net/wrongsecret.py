"""The record of wrong secrets, and how long an address has to wait that has shown some.

By hand: the library for it (limits) counts within windows, so that a wait that grows would be ours
all the same. It counts in memory or in a server such as Redis; here all workers share the count, as
it is in the database.
"""

from datetime import datetime, timedelta
from math import ceil

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model
from timApp.database.work import UnitOfWork
from timApp.util.clock import now

#: This number of wrong secrets is free: somebody is setting a host up.
_FREE = 20
#: Longest wait, in seconds.
_WAIT_MAX = 60
#: What is older does not count any more.
_PERIOD = timedelta(minutes=10)


class WrongSecret(Model):
    """One entry of a log: somebody showed a wrong secret, or signed with one."""

    __tablename__ = "wrongsecret"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)
    at: orm.Mapped[datetime]
    #: Network address that the request came from.
    address: orm.Mapped[str]
    #: What was asked for.
    path: orm.Mapped[str]

    __table_args__ = (sa.Index("ix_wrongsecret_address", "address", "at"),)


def wait_after(count: int) -> int:
    """Return the seconds to wait after that number of wrong secrets: none at first, then more."""
    over = min(count - _FREE, 10)
    return min(2**over, _WAIT_MAX) if over >= 0 else 0


def seconds_to_wait(work: UnitOfWork, address: str) -> int:
    """Return for how many seconds nothing wrong is looked at from the address; 0 for no wait."""
    moment = now()
    query = (
        sa.select(WrongSecret.at)
        .where(WrongSecret.address == address, WrongSecret.at > moment - _PERIOD)
        .order_by(WrongSecret.at.desc())
    )
    times = work.session.scalars(query).all()
    if not times:
        return 0
    # A time that is still to come is of a clock that is ahead, or was set back: nobody waits longer
    # for that.
    age = max(0.0, (moment - times[0]).total_seconds())
    return max(0, ceil(wait_after(len(times)) - age))


def record_wrong_secret(engine: sa.Engine, address: str, path: str) -> None:
    """Record a wrong secret, in a transaction of its own: the request that shows it fails."""
    entry = {"at": now(), "address": address, "path": path}
    with engine.begin() as connection:
        connection.execute(sa.insert(WrongSecret).values(entry))


def recent_wrong_secrets(engine: sa.Engine, since: datetime) -> list[tuple[str, int, datetime]]:
    """Return the addresses that have shown wrong secrets: how many, and when last; newest first."""
    last = sa.func.max(WrongSecret.at)
    query = (
        sa.select(WrongSecret.address, sa.func.count(), last)
        .where(WrongSecret.at > since)
        .group_by(WrongSecret.address)
        .order_by(last.desc())
    )
    with engine.connect() as connection:
        return [(address, count, at) for address, count, at in connection.execute(query)]
