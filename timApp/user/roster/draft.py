"""Class lists that somebody has sent, and has not carried out yet."""

from base64 import b64decode, b64encode
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model
from timApp.database.work import UnitOfWork
from timApp.util.clock import now
from timApp.util.errors import NotFound

#: For so long a list is kept.
DRAFT_LIFETIME = timedelta(hours=1)


class RosterDraft(Model):
    """The last list that somebody has sent, as it was."""

    __tablename__ = "rosterdraft"

    #: Who has sent it.
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), primary_key=True)
    #: Of the file, in base64: a backup holds texts.
    encoded: orm.Mapped[str]
    file_name: orm.Mapped[str]
    sent_at: orm.Mapped[datetime]

    @property
    def content(self) -> bytes:
        """The file as it was sent."""
        return b64decode(self.encoded)


def keep_draft(work: UnitOfWork, user_id: int, content: bytes, file_name: str) -> None:
    """Keep a list in the place of the one before; lists that are too old go. Nothing is committed.

    A list has passwords in it, perhaps, so it is not kept for longer than it takes to look at it.
    """
    is_to_go = sa.or_(RosterDraft.user_id == user_id, RosterDraft.sent_at <= now() - DRAFT_LIFETIME)
    work.session.execute(sa.delete(RosterDraft).where(is_to_go))
    work.session.add(
        RosterDraft(
            user_id=user_id,
            encoded=b64encode(content).decode(),
            file_name=file_name,
            sent_at=now(),
        )
    )
    work.session.flush()


def find_draft(work: UnitOfWork, user_id: int) -> RosterDraft:
    """Return the list that the person has sent; `NotFound` if there is none, or it is too old."""
    is_theirs = RosterDraft.user_id == user_id
    is_young = RosterDraft.sent_at > now() - DRAFT_LIFETIME
    draft = work.session.scalar(sa.select(RosterDraft).where(is_theirs, is_young))
    if draft is None:
        raise NotFound(
            "There is no list of yours, or it is more than an hour old. Send it again.",
            field="file",
        )
    return draft


def drop_draft(work: UnitOfWork, user_id: int) -> None:
    """Let go of the list that the person has sent. Nothing is committed."""
    work.session.execute(sa.delete(RosterDraft).where(RosterDraft.user_id == user_id))
