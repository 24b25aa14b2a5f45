"""Whether a link has done what it was made for."""

from datetime import timedelta

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.tables.session import UserSession
from timApp.guard.waiting.link import LinkedSession
from timApp.user.user import User
from timApp.util.errors import BadInput

#: Links are dated to the second.
_A_SECOND = timedelta(seconds=1)


class SpentLink(BadInput):
    """A link to a session that was verified since the link was made."""


def require_unspent(work: UnitOfWork, linked: LinkedSession) -> None:
    """Check that the session was not verified after the link was made; `SpentLink` if it was.

    If it is blocked again, its page has a newer link. A session that is not here passes.
    """
    verified_at = work.session.scalar(
        sa.select(UserSession.verified_at)
        .join(User, User.id == UserSession.user_id)
        .where(User.name == linked.username, UserSession.session_id == linked.session_id)
    )
    signed_at = linked.signed_at
    if signed_at is None or verified_at is None:
        return
    if verified_at > signed_at + _A_SECOND:
        raise SpentLink(
            "This link is spent: the session that it leads to was verified with it or after it was"
            " made. If its page is blocked, scan the code that is on it now, or type the short code"
            " below it.",
            field="token",
        )
