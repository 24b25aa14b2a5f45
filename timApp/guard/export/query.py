"""Queries whose rows are those of an export, written down by the database.

SQLite keeps times as they are exported; on PostgreSQL they are mended afterwards, see
`timApp.guard.export.times`.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from timApp.guard.export.cells import escaped_cell
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.tables.session import UserSession
from timApp.user.user import User

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
    cells: list[Any] = [*map(escaped_cell, texts), logged_in_at, expired_at]
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
    """Return the columns; on PostgreSQL those of ordered rows."""
    if is_sqlite:
        return [*_TEXTS, *(sa.type_coerce(time, sa.Text()) for time in _TIMES)]
    columns: Iterator[sa.Label[Any]] = (
        cell.label(name) for name, cell in zip(COLUMNS, (*_TEXTS, *_TIMES), strict=True)
    )
    # PostgreSQL would carry what it orders by through all that is done with the cells, and that
    # takes longer than to do it outside. It leaves the rows in their order there: it reads them
    # one by one.
    return [*_in_order(sa.select(*columns), which).subquery("plain").c]


def _in_order(query: sa.Select[Any], which: SessionFilter) -> sa.Select[Any]:
    return (
        query.select_from(UserSession)
        .join(User, User.id == UserSession.user_id)
        .where(*which.conditions())
        # The order of an index, so that nothing is sorted.
        .order_by(UserSession.user_id, UserSession.logged_in_at, UserSession.session_id)
    )
