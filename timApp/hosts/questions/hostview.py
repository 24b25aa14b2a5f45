"""What is known of who waits on each other host; one table for all processes of this server."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model, conflict_insert
from timApp.database.work import UnitOfWork
from timApp.guard.waiting.codes import Waiting
from timApp.hosts.questions.wire import read_waiting, waiting_as_json
from timApp.net.network import Host

#: A host is asked again so long after it was asked, at the earliest.
INTERVAL = timedelta(seconds=2)
#: What a host told is shown for so long.
MAX_AGE = timedelta(seconds=10)


class HostView(Model):
    """A host that is asked who waits there, and what came of it."""

    __tablename__ = "hostview"

    #: Its base URL.
    host: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    #: When it was last asked.
    asked_at: orm.Mapped[datetime]
    #: When an asking last ended, with an answer or an error.
    settled_at: orm.Mapped[datetime | None]
    #: When it last told who waits.
    answered_at: orm.Mapped[datetime | None]
    #: When the first of the errors came that it has had since; None while it answers.
    failing_since: orm.Mapped[datetime | None]
    #: The latest of them, in one line.
    error: orm.Mapped[str | None]
    #: Whether that is because it does not know the question.
    is_unsigned: orm.Mapped[bool]
    #: When the host's state was last noted for everybody; see `timApp.net.peer`.
    noted_at: orm.Mapped[datetime | None]
    #: Who waited there, as JSON.
    waiting: orm.Mapped[str]


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
    noted_at: datetime | None = None
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
    error: str | None
    is_unsigned: bool = False


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
    columns = HostView.__table__.columns
    query = sa.select(*columns).where(HostView.host.in_(known))
    rows = {row.host: row for row in work.session.execute(query)}
    return [_view(host, rows.get(url), moment) for url, host in known.items()]


def claim(engine: sa.Engine, views: Iterable[View], moment: datetime) -> list[View]:
    """Return those of the hosts that the caller is to ask: those that nobody else has claimed.

    A host is claimed by changing the time at which it was asked, if that is still the one that was
    read. In a transaction of its own.
    """
    due = sorted(views, key=lambda view: view.host.url)
    if not due:
        return []
    with engine.begin() as connection:
        insert = conflict_insert(connection, HostView)
        read = [(view.host.url, view.asked_at) for view in due if view.asked_at is not None]
        claimed = connection.scalars(
            insert.values(
                [
                    {
                        "host": view.host.url,
                        "asked_at": moment,
                        "is_unsigned": False,
                        "waiting": "[]",
                    }
                    for view in due
                ]
            )
            .on_conflict_do_update(
                index_elements=[HostView.host],
                set_={"asked_at": insert.excluded.asked_at},
                where=sa.tuple_(HostView.host, HostView.asked_at).in_(read),
            )
            .returning(HostView.host)
        )
        urls = set(claimed)
    return [view for view in due if view.host.url in urls]


def store(
    connection: sa.Connection, host: Host, asked_at: datetime, told: WaitingAnswer, moment: datetime
) -> None:
    """Keep what came of asking the host at `asked_at`; the caller commits.

    Nothing is kept if it has been asked again since.
    """
    values: dict[str, object] = {
        "settled_at": moment,
        "error": told.error,
        "is_unsigned": told.is_unsigned,
    }
    if told.error is None:
        waiting = json.dumps(waiting_as_json(told.waiting))
        values |= {"answered_at": moment, "failing_since": None, "waiting": waiting}
    else:
        values["failing_since"] = sa.func.coalesce(HostView.failing_since, sa.literal(moment))
    connection.execute(
        sa.update(HostView)
        .where(HostView.host == host.url, HostView.asked_at == asked_at)
        .values(values)
    )


def mark_noted(connection: sa.Connection, host: Host, moment: datetime) -> None:
    """Remember that the host's state was noted for everybody; the caller commits."""
    connection.execute(sa.update(HostView).where(HostView.host == host.url).values(noted_at=moment))


def _view(host: Host, row: sa.Row[Any] | None, moment: datetime) -> View:
    if row is None:
        return View(host)
    is_current = row.answered_at is not None and moment - row.answered_at <= MAX_AGE
    return View(
        host=host,
        asked_at=row.asked_at,
        settled_at=row.settled_at,
        failing_since=row.failing_since,
        error=row.error,
        is_unsigned=row.is_unsigned,
        noted_at=row.noted_at,
        waiting=(read_waiting(json.loads(row.waiting), moment) or []) if is_current else [],
    )
