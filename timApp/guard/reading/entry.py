"""Entries of the record of changes, with what there is to say of the sessions that they name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.reading.device import Device, device_of
from timApp.guard.rules.seating import NOWHERE, Seating
from timApp.guard.tables.change import OF_ACCOUNTS, OF_THINGS, SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action, SessionKey

# Session ids begin with the time, so those of one exam differ in their last characters.
_SHOWN_ID_LENGTH = 8


@dataclass(frozen=True)
class RecordedChange:
    """A change, and where the session is that it names, if that is known here."""

    change: SessionChange
    device: Device | None
    seating: Seating

    @property
    def may_concern_many(self) -> bool:
        """Whether the number of sessions that changed says anything."""
        is_login = self.change.action in {Action.LOGIN, Action.BLOCKED_LOGIN}
        is_logout = self.change.action is Action.LOGOUT and self.change.session_id is not None
        return not (is_login or is_logout or self.change.action in OF_ACCOUNTS | OF_THINGS)

    @property
    def is_of_thing(self) -> bool:
        """Whether it was done to a document, a group or a right, which its text names."""
        return self.change.action in OF_THINGS

    @property
    def short_id(self) -> str:
        """The end of the named session's id, with which a person can compare it."""
        return (self.change.session_id or "")[-_SHOWN_ID_LENGTH:]


@dataclass(frozen=True)
class RecordPage:
    """A page of the record, newest first."""

    entries: list[RecordedChange]
    #: The id before which the next page begins; None on the last one.
    next_before: int | None
    #: Whether the limit of the search was reached before the page was full.
    is_cut_short: bool = False


def entries_of(work: UnitOfWork, changes: Sequence[SessionChange]) -> list[RecordedChange]:
    """Return the changes with the sessions that they name; one more look for all of them."""
    places = _places(
        work,
        {
            (change.user_id, change.session_id)
            for change in changes
            if change.user_id is not None and change.session_id is not None
        },
    )
    unknown = None, NOWHERE
    return [
        RecordedChange(change, *places.get((change.user_id or 0, change.session_id or ""), unknown))
        for change in changes
    ]


def _places(
    work: UnitOfWork, keys: Iterable[SessionKey]
) -> dict[SessionKey, tuple[Device, Seating]]:
    query = sa.select(UserSession).where(
        sa.tuple_(UserSession.user_id, UserSession.session_id).in_(keys)
    )
    return {
        (session.user_id, session.session_id): (device_of(session.origin), session.seating)
        for session in work.session.scalars(query)
    }
