"""What is known of who waits on each other host, in the table of peers, for all processes."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.waiting.codes import Waiting
from timApp.hosts.questions.wire import read_waiting, waiting_as_json
from timApp.net.call import DOES_NOT_SIGN
from timApp.net.network import Host
from timApp.net.peer import Contact, Peer, keep_answer, take_turns
from timApp.util.clock import CLOCK_LEEWAY

#: A host is asked again this long after it was asked, at the earliest.
INTERVAL = timedelta(seconds=2)
#: How long an answer is shown.
MAX_AGE = timedelta(seconds=10)


@dataclass(frozen=True)
class View:
    """What is known of a host at some moment."""

    host: Host
    #: None if it has not been asked yet.
    asked_at: datetime | None = None
    #: None if no asking has ended yet.
    settled_at: datetime | None = None
    #: None while it answers.
    failing_since: datetime | None = None
    error: str | None = None
    is_unsigned: bool = False
    #: Who waits there, as far as that is not too old to be true.
    waiting: Sequence[Waiting] = ()

    @property
    def answers(self) -> bool:
        """Whether it told who waits when it was last asked."""
        return self.settled_at is not None and self.error is None


@dataclass(frozen=True)
class WaitingAnswer:
    """What came of asking a host: who waits there, or an error."""

    waiting: Sequence[Waiting]
    error: str | None = None
    is_unsigned: bool = False
    #: Whether the host proved by a signature that it knows our secret.
    signs: bool = False


def is_due(view: View, moment: datetime, deadline: timedelta) -> bool:
    """Tell whether the host may be asked at that moment.

    It may, once in an `INTERVAL`, if nobody waits for its answer any more: that has come, or the
    deadline of the asking is over, as it is if the process that asked has died. A clock that was
    put back makes nobody wait for the time to come again.
    """
    if view.asked_at is None:
        return True
    age = moment - view.asked_at
    is_over = view.settled_at is not None and view.settled_at >= view.asked_at
    return age < -INTERVAL or (age >= INTERVAL and (is_over or age >= deadline))


def read_views(work: UnitOfWork, hosts: Iterable[Host], moment: datetime) -> list[View]:
    """Return what is known of each host at that moment, in the same order."""
    known = {host.url: host for host in hosts}
    columns = Peer.__table__.columns
    query = sa.select(*columns).where(Peer.host.in_(known))
    rows = {row.host: row for row in work.session.execute(query)}
    return [_view(host, rows.get(url), moment) for url, host in known.items()]


def claim(engine: sa.Engine, views: Iterable[View], moment: datetime) -> list[View]:
    """Return those of the hosts that the caller is to ask: those that nobody else has claimed.

    In a transaction of its own; see `timApp.net.peer.take_turns`.
    """
    views = list(views)
    taken = take_turns(engine, {view.host: view.asked_at for view in views}, moment)
    return [view for view in views if view.host in taken]


def store(connection: sa.Connection, host: Host, asked_at: datetime, answer: WaitingAnswer) -> None:
    """Keep what came of asking the host at `asked_at`; the caller commits.

    Nothing is kept if it has been asked again since.
    """
    keep_answer(
        connection,
        Contact(host, answer.error, answer.signs),
        asked_at,
        json.dumps(waiting_as_json(answer.waiting)),
        is_unsigned=answer.is_unsigned,
    )


def _view(host: Host, row: sa.Row[Any] | None, moment: datetime) -> View:
    if row is None:
        return View(host)
    # An answer from a time to come is that of a clock which was put back: nobody knows how old.
    is_current = (
        row.answered_at is not None and -CLOCK_LEEWAY <= moment - row.answered_at <= MAX_AGE
    )
    failure = DOES_NOT_SIGN if row.is_unsigned else row.last_failure
    return View(
        host=host,
        asked_at=row.asked_at,
        settled_at=row.settled_at,
        failing_since=row.failing_since,
        error=None if row.failing_since is None else failure,
        is_unsigned=row.is_unsigned,
        waiting=(read_waiting(json.loads(row.answer), moment) or []) if is_current else [],
    )
