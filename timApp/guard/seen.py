"""What requests write down of a session beside their own work: that it was seen, and its number."""

from collections.abc import Callable

import sqlalchemy as sa

from timApp.database.dialects.functions import LostInCrash, SecondOf
from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.read import QuickRead
from timApp.database.driver.write import QuickWrite
from timApp.guard.cookie import Claims
from timApp.guard.rules.token import Ruling, Tokens, judge_rewrite
from timApp.guard.tables.session import UserSession, stored_origin
from timApp.guard.tables.state import is_open
from timApp.guard.vocabulary import Place
from timApp.util.clock import at_second, current_second, now

#: Says where somebody asks from; asked only where that is written down.
Here = Callable[[], Place]

# Passes over a session that is being changed: the next request will do.
_is_seen = sa.and_(
    UserSession.user_id == sa.bindparam("of_user"),
    UserSession.session_id == sa.bindparam("of_session"),
)
_unlocked = (
    sa.select(UserSession.session_id)
    .where(_is_seen, LostInCrash())
    .with_for_update(skip_locked=True, key_share=True)
)
_here = sa.cast(sa.bindparam("here"), sa.Text())
_seen = (
    sa.update(UserSession)
    .where(_is_seen, UserSession.session_id.in_(_unlocked))
    .values(
        last_seen_at=sa.bindparam("moment"),
        seen_origin=sa.case(
            (_here.is_(None), UserSession.seen_origin),
            # Nobody can tell after it was cleared.
            (sa.or_(UserSession.origin == _here, UserSession.origin == ""), None),
            else_=_here,
        ),
    )
)
_write_seen = QuickWrite(_seen)
_write_tokens = QuickWrite(
    _seen.where(
        UserSession.token_issued == sa.bindparam("was_issued"),
        UserSession.token_used == sa.bindparam("was_used"),
    ).values(
        token_issued=sa.bindparam("is_issued"),
        token_used=sa.bindparam("is_used"),
        token_since=sa.bindparam("is_since", type_=UTCDateTime()),
    )
)
_tokens = QuickRead(
    sa.select(
        UserSession.token_issued,
        UserSession.token_used,
        SecondOf(UserSession.token_since).label("token_since"),
    ).where(
        UserSession.user_id == sa.bindparam("user_id"),
        UserSession.session_id == sa.bindparam("session_id"),
        is_open(),
    )
)
#: So often a number is tried to be given to an answer that sets the cookie anyway.
_TRIES = 3


def note_seen(engine: sa.Engine, claims: Claims, here: Here | None) -> None:
    """Write down that a session was seen, and where; where that cannot be, it is left out."""
    _write_seen.make_if_free(engine, _sighting(claims, here))


def note_tokens(
    engine: sa.Engine, claims: Claims, before: Tokens, after: Tokens, here: Here | None
) -> bool:
    """Write down the numbers of a session that was seen; tell whether they are.

    They are not where they are not as `before` any more, nor where that cannot be written now.
    """
    values = {
        "was_issued": before.issued,
        "was_used": before.used,
        "is_issued": after.issued,
        "is_used": after.used,
        "is_since": None if after.since is None else at_second(after.since),
    }
    return _write_tokens.make_if_free(engine, _sighting(claims, here) | values)


def rewritten_token(engine: sa.Engine, claims: Claims, renewal: float, here: Here) -> int:
    """Return the number that a cookie is to have which is set for another reason."""
    key = {"user_id": claims.user_id, "session_id": claims.session_id}
    for _ in range(_TRIES):
        row = _tokens.outside(engine).first(key)
        if row is None:
            break
        tokens = Tokens(*row)
        ruling: Ruling = judge_rewrite(claims.token, tokens, current_second(), renewal)
        if ruling.after is None or ruling.sent is None:
            break
        if note_tokens(engine, claims, tokens, ruling.after, here):
            return ruling.sent
    return claims.token


def _sighting(claims: Claims, here: Here | None) -> dict[str, object]:
    return {
        "of_user": claims.user_id,
        "of_session": claims.session_id,
        "moment": now(),
        "here": None if here is None else stored_origin(here().origin),
    }
