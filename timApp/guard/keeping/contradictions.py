"""Sessions that cannot be as they are written down, for whoever looks a database over."""

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from timApp.database.dialects.functions import MinuteBefore
from timApp.guard.rules.clocks import NEVER
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, is_open
from timApp.user.user import User
from timApp.user.usergroup import UserGroup
from timApp.util.clock import now
from timApp.util.text import quoted

#: Clocks of servers that write to one database differ by less, as `MinuteBefore` has it.
_LEEWAY = timedelta(minutes=1)


def contradictions(connection: sa.Connection) -> Iterator[str]:
    """Yield a sentence for each kind of contradiction that there is, with an example."""
    began, expired = UserSession.logged_in_at, UserSession.expired_at
    ended, seen = UserSession.logged_out_at, UserSession.last_seen_at
    wrong = {
        "began in the future": began > now() + _LEEWAY,
        "expired before they began": expired < MinuteBefore(began),
        "ended before they began": ended < MinuteBefore(began),
        "were last seen before they began": seen < MinuteBefore(began),
        "ended before they expired": ended < MinuteBefore(expired),
        "are over, and active all the same": sa.and_(sa.not_(is_open()), is_active(NEVER)),
    }
    # All of them in one look at the table.
    counts = [sa.func.count().filter(is_wrong) for is_wrong in wrong.values()]
    found = connection.execute(sa.select(*counts).select_from(UserSession)).one()
    for number, (words, is_wrong) in zip(found, wrong.items(), strict=True):
        if number:
            noun = "session" if number == 1 else "sessions"
            yield f"usersession: {number} {noun} {words}{_example(connection, is_wrong)}."
    has_no_group = ~sa.exists().where(UserGroup.personal_user_id == User.id)
    is_kept = User.deleted_at.is_(None)
    query = sa.select(User.name).where(has_no_group, is_kept).order_by(User.name)
    for name in connection.scalars(query):
        yield f"useraccount: {quoted(name)} has no group of their own."


def _example(connection: sa.Connection, is_wrong: sa.ColumnElement[bool]) -> str:
    row = connection.execute(
        sa.select(User.name, UserSession.session_id)
        .select_from(UserSession)
        .join(User, User.id == UserSession.user_id, isouter=True)
        .where(is_wrong)
        .limit(1)
    ).one()
    return f", such as {quoted(row.session_id)} of {quoted(row.name or '')}"
