"""Forgets what hosts were told, and which calls there were, when that was long ago."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from threading import Event, Thread

import sqlalchemy as sa

from timApp.database.failure import is_unavailable, reason
from timApp.hosts.outbox.delivery import Delivery
from timApp.net.calllog import HostCall
from timApp.net.wrongsecret import WrongSecret
from timApp.util.clock import now

#: For how long all of that is kept.
KEPT_FOR = timedelta(days=30)
#: So many rows go in one transaction.
_BATCH = 1000
#: Seconds between two transactions, from the start of a process to its first look, and between two.
_STEP, _FIRST_PAUSE, _PAUSE = 0.05, 60.0, 6 * 60 * 60.0

_log = logging.getLogger(__name__)


def forget_settled(engine: sa.Engine, stop: Event | None = None) -> int:
    """Delete settled deliveries, calls and wrong secrets of before `KEPT_FOR`; return how many.

    Some at a time, and nothing that is still owed.
    """
    stop = stop or Event()
    before = now() - KEPT_FOR
    deleted = 0
    for model, query in _old(before):
        while not stop.is_set():
            with engine.connect() as connection:
                ids = connection.scalars(query).all()
            if not ids:
                break
            with engine.begin() as connection:
                key = model.__table__.c.id
                deleted += connection.execute(sa.delete(model).where(key.in_(ids))).rowcount
            stop.wait(_STEP)
    return deleted


def start_forgetting(engine: sa.Engine) -> None:
    """Forget now and then, in a thread of its own until the process ends."""
    arguments = (engine, Event())
    Thread(target=_forget_forever, args=arguments, daemon=True, name="forget calls").start()


def _old(
    before: object,
) -> Iterator[tuple[type[Delivery | HostCall | WrongSecret], sa.Select[int]]]:
    """Yield each table, and the query for some of its rows that go."""
    yield Delivery, sa.select(Delivery.id).where(Delivery.settled_at < before).limit(_BATCH)
    for log in (HostCall, WrongSecret):
        # The oldest have the lowest numbers, so no more than those need to be looked at.
        first = sa.select(log.id, log.at).order_by(log.id).limit(_BATCH).subquery()
        yield log, sa.select(first.c.id).where(first.c.at < before)


def _forget_forever(engine: sa.Engine, stop: Event) -> None:
    stop.wait(_FIRST_PAUSE)
    while not stop.is_set():
        try:
            forget_settled(engine, stop)
        except Exception as error:
            _log.error(
                "Old calls to other hosts could not be forgotten: %s",
                reason(error),
                exc_info=not is_unavailable(error),
            )
        stop.wait(_PAUSE)
