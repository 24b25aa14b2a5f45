"""Sessions as the command line lists them."""

from collections.abc import Iterator

import sqlalchemy as sa

from timApp.auth.site import current_clocks, db
from timApp.cli.output import time_text
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.rules.seating import Seating
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import state_of
from timApp.guard.vocabulary import State
from timApp.user.user import User

#: How many rows are fetched at a time.
_ROWS_PER_BLOCK = 1000
_STATES = {State.ACTIVE: "active", State.EXPIRED: "expired", State.LOGGED_OUT: "logged out"}


def session_rows(which: SessionFilter) -> Iterator[tuple[str, ...]]:
    """Yield user, session, state, time of login, time of expiry, origin and seat of each."""
    clocks = current_clocks()
    query = (
        sa.select(UserSession, User.name)
        .join(User, User.id == UserSession.user_id)
        .where(*which.conditions())
        .order_by(User.name, UserSession.logged_in_at, UserSession.session_id)
    )
    for session, name in db.session.execute(
        query, execution_options={"yield_per": _ROWS_PER_BLOCK}
    ):
        state = _STATES[state_of(session, clocks)]
        yield (
            name,
            session.session_id,
            state,
            time_text(session.logged_in_at),
            time_text(session.expired_at),
            session.origin,
            _seat(session.seating),
        )


def _seat(seating: Seating) -> str:
    if seating.address_seat is None:
        return seating.seat or ""
    return f"{seating.seat} [{seating.address_seat or 'no seat'}]"
