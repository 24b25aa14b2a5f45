"""Queries whose rows are those of an export, written down by the database.

The transaction has the time zone UTC and the date style ISO on PostgreSQL. SQLite keeps times as
they are exported.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from timApp.auth.session.filter import SessionFilter
from timApp.auth.session.model import UserSession
from timApp.timdb.neutral import neutral_cell
from timApp.user.user import User

#: How long PostgreSQL's own text of a time is that has six decimals.
_SIX_DECIMALS = len("2026-11-24 09:00:00.123456+00")

COLUMNS = ("user", "session_id", "origin", "logged_in_at", "expired_at")

_TEXTS: tuple[sa.SQLColumnExpression[Any], ...] = (
    User.name,
    UserSession.session_id,
    UserSession.origin,
)
_TIMES: tuple[sa.SQLColumnExpression[Any], ...] = (UserSession.logged_in_at, UserSession.expired_at)


def csv_query(which: SessionFilter, *, is_sqlite: bool) -> sa.Select[Any]:
    """Return the query for the cells of `COLUMNS`, none of which is a formula."""
    *texts, logged_in_at, expired_at = _cells(which, is_sqlite=is_sqlite)
    cells: list[Any] = [*map(neutral_cell, texts), logged_in_at, expired_at]
    query = sa.select(*cells)
    return _in_order(query, which) if is_sqlite else query


def json_query(which: SessionFilter, *, is_sqlite: bool) -> sa.Select[Any]:
    """Return the query for one text a session: a JSON object that is one line."""
    cells = _cells(which, is_sqlite=is_sqlite)
    if is_sqlite:
        pairs = [part for pair in zip(COLUMNS, cells, strict=True) for part in pair]
        return _in_order(sa.select(sa.func.json_object(*pairs)), which)
    row = sa.select(*cells).subquery("row")
    return sa.select(sa.func.row_to_json(row.table_valued()))


def _cells(which: SessionFilter, *, is_sqlite: bool) -> list[sa.SQLColumnExpression[Any]]:
    """Return the columns, times as they are exported; on PostgreSQL those of ordered rows."""
    if is_sqlite:
        return [*_TEXTS, *(sa.type_coerce(time, sa.Text()) for time in _TIMES)]
    columns: Iterator[sa.Label[Any]] = (
        cell.label(name) for name, cell in zip(COLUMNS, (*_TEXTS, *_TIMES), strict=True)
    )
    # PostgreSQL would carry what it orders by through all that is done with the cells, and that
    # takes longer than to do it outside. It leaves the rows in their order there: it reads them
    # one by one.
    *texts, logged_in_at, expired_at = _in_order(sa.select(*columns), which).subquery("plain").c
    times = (sa.cast(time, sa.Text()).label(time.key) for time in (logged_in_at, expired_at))
    # The offset keeps PostgreSQL from making the text of a time anew wherever it is used.
    read = sa.select(*texts, *times).offset(sa.literal_column("0")).subquery("read")
    *texts, logged_in_at, expired_at = read.c
    return [*texts, *(_iso_time(time).label(time.key) for time in (logged_in_at, expired_at))]


def _in_order(query: sa.Select[Any], which: SessionFilter) -> sa.Select[Any]:
    return (
        query.select_from(UserSession)
        .join(User, User.id == UserSession.user_id)
        .where(*which.conditions())
        # The order of an index, so that nothing is sorted.
        .order_by(UserSession.user_id, UserSession.logged_in_at, UserSession.session_id)
    )


def _iso_time(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return PostgreSQL's own text of a time, which has no zeros at its end, as ISO 8601 has it.

    Nine of ten have six decimals; to mend their text takes less time than to spell the time out.
    """
    iso = sa.func.replace(text, " ", "T").concat(":00")
    time = sa.cast(text, sa.TIMESTAMP(timezone=True))
    spelled_out = sa.func.to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
    return sa.case((sa.func.octet_length(text) == _SIX_DECIMALS, iso), else_=spelled_out)
