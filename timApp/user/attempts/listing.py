"""Failed logins as administrators see them, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.user.attempts.failed import FailedLogin
from timApp.user.user import User

#: How many a page has.
PAGE_SIZE = 50


@dataclass(frozen=True)
class ShownFailure:
    """A failed login, and whose it was to be."""

    at: datetime
    #: Network address; None if it is not known.
    address: str | None
    #: None for a name that is nobody's.
    user_name: str | None
    real_name: str | None


@dataclass(frozen=True)
class FailurePage:
    """A page of failed logins, newest first."""

    entries: Sequence[ShownFailure]
    #: The number before which the next page begins; None on the last one.
    next_before: int | None


def failure_page(
    work: UnitOfWork,
    *,
    user_id: int | None = None,
    address: str | None = None,
    before: int | None = None,
    size: int = PAGE_SIZE,
) -> FailurePage:
    """Return a page of failed logins: of a person, from an address, below a number, if given."""
    conditions = [
        sa.true() if user_id is None else FailedLogin.user_id == user_id,
        sa.true() if address is None else FailedLogin.address == address,
        sa.true() if before is None else FailedLogin.id < before,
    ]
    query = (
        sa.select(FailedLogin.id, FailedLogin.at, FailedLogin.address, User.name, User.real_name)
        .outerjoin(User, User.id == FailedLogin.user_id)
        .where(*conditions)
        .order_by(FailedLogin.id.desc())
        .limit(size + 1)
    )
    found = work.session.execute(query).all()
    shown = found[:size]
    return FailurePage(
        [ShownFailure(row.at, row.address, row.name, row.real_name) for row in shown],
        shown[-1].id if len(found) > size else None,
    )
