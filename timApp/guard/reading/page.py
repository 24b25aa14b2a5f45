"""All sessions page by page: any page costs the same, however many sessions there are.

A page begins after a position, which an index finds at once. What no index answers (text in the
origin, say) is looked for among a limited number of sessions at a time, taken in order; the
answer says where the search has stopped.

The pages are not one snapshot: what changes between two of them is seen as it is by then.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.work import UnitOfWork
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.reading.sorting import Order, Position, Sort, order_of
from timApp.guard.tables.session import UserSession
from timApp.user.user import User
from timApp.util.errors import BadInput


@dataclass(frozen=True)
class ListedSession:
    """A session, and whose it is."""

    session: UserSession
    user_name: str
    real_name: str


@dataclass(frozen=True)
class SessionPage:
    """Some sessions in order, and where to go on."""

    sessions: list[ListedSession]
    #: None at the end of the list.
    next_position: Position | None
    #: Whether the limit of the search was reached before the page was full.
    is_cut_short: bool


def session_page(
    work: UnitOfWork,
    which: SessionFilter,
    sort: Sort,
    after: Position | None,
    *,
    size: int,
    scan_limit: int,
) -> SessionPage:
    """Return at most `size` sessions of the filter, after the position `after` (None: the first).

    At most `scan_limit` sessions are looked at; in an order by name, a user who has none counts
    as one. `BadInput` (field ``after``) if `after` is a position in an order of another kind.
    """
    order = order_of(which, sort, is_sqlite=work.engine.dialect.name == "sqlite")
    if after is not None and not isinstance(after, order.position_type):
        raise BadInput("This place is in a list of another order.", field="after")
    rows = work.session.execute(page_query(order, after, size + 1, scan_limit))
    found = [ListedSession(*row) for row in rows]
    if len(found) > size:
        last = found[size - 1]
        position = order.position(last.session, last.user_name)
        return SessionPage(found[:size], position, is_cut_short=False)
    last_key = None
    if order.residual(UserSession):
        last_key = work.session.execute(edge_query(order, after, scan_limit)).first()
    edge = None if last_key is None else order.position_type(*last_key)
    return SessionPage(found, edge, is_cut_short=edge is not None)


@dataclass(frozen=True)
class Found:
    """How many sessions a filter means."""

    number: int
    #: False if there may be more.
    is_all: bool


def count_found(work: UnitOfWork, which: SessionFilter, *, most: int, scan_limit: int) -> Found:
    """Count the sessions of the filter as far as `most`.

    At most `scan_limit` sessions are looked at, the newest.
    """
    order = order_of(which, Sort.NEWEST, is_sqlite=work.engine.dialect.name == "sqlite")
    has_residual = bool(order.residual(UserSession))
    limit = scan_limit if has_residual else most + 1
    looked_at = orm.aliased(
        UserSession, order.candidates(None, order.columns).limit(limit).subquery("looked_at")
    )
    meets = sa.and_(sa.true(), *order.residual(looked_at))
    total, found = work.session.execute(
        sa.select(sa.func.count(), sa.func.count().filter(meets)).select_from(looked_at)
    ).one()
    return Found(min(found, most), is_all=total < limit and found <= most)


def count_matching(work: UnitOfWork, which: SessionFilter, most: int) -> tuple[int, int]:
    """Return how many sessions the filter means, and of how many people; all are looked at.

    Those above `most` + 1 are not counted.
    """
    some = sa.select(UserSession.user_id).where(*which.conditions()).limit(most + 1).subquery()
    sessions, people = work.session.execute(
        sa.select(sa.func.count(), sa.func.count(some.c.user_id.distinct()))
    ).one()
    return sessions, people


def page_query(
    order: Order, after: Position | None, limit: int, scan_limit: int
) -> sa.Select[UserSession, str, str]:
    """Return the query for the first sessions after a position, each with its user's names."""
    found = order.candidates(after, order.columns)
    if order.residual(UserSession):
        window = found.limit(scan_limit).subquery("looked_at")
        looked_at = orm.aliased(UserSession, window)
        found = (
            sa.select(window)
            .where(*order.residual(looked_at))
            .order_by(*order.terms(looked_at, window.c.get("name")))
        )
    session = orm.aliased(UserSession, found.limit(limit).subquery("found"))
    return (
        sa.select(session, User.name, User.real_name)
        .join(User, User.id == session.user_id)
        .order_by(*order.terms(session, User.name))
    )


def edge_query(order: Order, after: Position | None, scan_limit: int) -> sa.Select[Any]:
    """Return the query for the last candidate that is looked at; none if there are fewer."""
    return order.candidates(after, order.key).offset(scan_limit - 1).limit(1)
