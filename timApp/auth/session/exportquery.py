"""Queries whose rows are those of an export, written down by the database.

The transaction has the time zone UTC and the date style ISO on PostgreSQL. SQLite keeps times as
they are exported.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from timApp.auth.session.filter import SessionFilter
from timApp.auth.session.model import UserSession
from timApp.timdb.neutral import neutral_cell
from timApp.user.user import User

COLUMNS = ("user", "session_id", "origin", "logged_in_at", "expired_at")

_TEXTS: tuple[sa.SQLColumnExpression[str], ...] = (
    User.name,
    UserSession.session_id,
    UserSession.origin,
)
_TIMES: tuple[sa.SQLColumnExpression[Any], ...] = (UserSession.logged_in_at, UserSession.expired_at)


def csv_query(which: SessionFilter, *, is_sqlite: bool) -> sa.Select[Any]:
    """Return the query for the cells of `COLUMNS`, none of which is a formula."""
    as_text = _stored if is_sqlite else _iso_time
    return _select(which, *map(neutral_cell, _TEXTS), *map(as_text, _TIMES))


def json_query(which: SessionFilter, *, is_sqlite: bool) -> sa.Select[Any]:
    """Return the query for one text a session: a JSON object that is one line."""
    if is_sqlite:
        values = (*_TEXTS, *map(_stored, _TIMES))
        pairs = [part for pair in zip(COLUMNS, values, strict=True) for part in pair]
        return _select(which, sa.func.json_object(*pairs))
    members = [*map(_json, _TEXTS), *map(_json_time, _TIMES)]
    # Put together by hand, which takes less time than json_build_object.
    text: sa.ColumnElement[str] = sa.literal("", sa.Text())
    before = "{"
    for name, member in zip(COLUMNS, members, strict=True):
        text = text.concat(sa.literal(f'{before}"{name}": ', sa.Text())).concat(member)
        before = ", "
    return _select(which, text.concat(sa.literal("}", sa.Text())))


def _select(which: SessionFilter, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .select_from(UserSession)
        .join(User, User.id == UserSession.user_id)
        .where(*which.conditions())
        # The order of an index, so that nothing is sorted.
        .order_by(UserSession.user_id, UserSession.logged_in_at, UserSession.session_id)
    )


def _stored(time: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[Any]:
    return sa.type_coerce(time, sa.Text())


def _iso_time(time: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[Any]:
    as_text = sa.func.replace(sa.cast(time, sa.Text()), " ", "T").concat(":00")
    return sa.case((_has_six_decimals(time), as_text), else_=_spelled_out(time))


def _json_time(time: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[Any]:
    text = sa.case((_has_six_decimals(time), _json(time)), else_=_json(_spelled_out(time)))
    return sa.func.coalesce(text, "null")


def _json(value: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[str]:
    return sa.cast(sa.func.to_json(value), sa.Text())


def _has_six_decimals(time: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[bool]:
    """Tell whether PostgreSQL's own text of the time, which has no zeros at its end, is ours.

    It is nine times of ten, and takes less time than to spell the time out.
    """
    return sa.cast(time, postgresql.TIMESTAMP(timezone=True, precision=5)) != time


def _spelled_out(time: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[Any]:
    return sa.func.to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
