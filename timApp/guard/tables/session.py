"""Database model of sessions."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.hybrid import hybrid_property

from timApp.database.model import ONLY_ON, Model, enum_column
from timApp.guard.rules.exambrowser import KeyState
from timApp.guard.rules.seating import Seating
from timApp.guard.vocabulary import ORIGIN_MAX_LENGTH, Cause
from timApp.user.user import User
from timApp.util.clock import now
from timApp.util.text import storable

# Session ids break ties between logins, so their order must not depend on a database's language.
SessionIdText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def stored_origin(origin: str) -> str:
    """Return what is kept of where a session comes from; browsers choose what they say of it."""
    return storable(origin)[:ORIGIN_MAX_LENGTH]


class UserSession(Model):
    """One login of one user: where from, since when, and whether it is still good.

    Recorded only when `timApp.defaultconfig.SESSIONS_ENABLE` is set. A session is *active* while
    `expired_at` is None and no clock has ended it (`timApp.guard.tables.state`); it is over for
    good once `logged_out_at` is set.
    """

    __tablename__ = "usersession"

    #: User ID of the user who owns the session.
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), primary_key=True)
    #: Unique session ID. It names a session and is no credential.
    session_id: orm.Mapped[str] = orm.mapped_column(SessionIdText, primary_key=True)
    #: The time when the user logged in and the session was created.
    logged_in_at: orm.Mapped[datetime] = orm.mapped_column(default=now)
    #: The time when the session was expired; None while it is active.
    expired_at: orm.Mapped[datetime | None]
    #: The time when the user logged out; such a session is never made active again.
    logged_out_at: orm.Mapped[datetime | None]
    #: The time of a recent request of the session, to within a minute, or within ten seconds while
    #: it waits for verification; None before the first.
    last_seen_at: orm.Mapped[datetime | None]
    #: Free text on where the session came from: ``[address] user agent``.
    origin: orm.Mapped[str] = orm.mapped_column(default="")

    #: The time when it was last verified; None if it never was.
    verified_at: orm.Mapped[datetime | None]
    #: Why it is expired or over; None while it is active.
    cause: orm.Mapped[Cause | None] = orm.mapped_column(enum_column(Cause))
    #: What the browser is known by that it began in; None if that has no name.
    device: orm.Mapped[str | None]
    #: See `timApp.guard.rules.seating.Seating`.
    seat: orm.Mapped[str | None]
    address_seat: orm.Mapped[str | None]
    #: Where it was last seen, as `origin` says it; None while that is where it began, or if whoever
    #: asked did not say.
    seen_origin: orm.Mapped[str | None]
    #: When another login of the person was blocked last, while this one was active.
    attempted_at: orm.Mapped[datetime | None]
    #: The numbers of its cookie, see `timApp.guard.rules.token.Tokens`.
    token_issued: orm.Mapped[int] = orm.mapped_column(server_default=sa.text("0"))
    token_used: orm.Mapped[int] = orm.mapped_column(server_default=sa.text("0"))
    token_since: orm.Mapped[datetime | None]
    #: What its browser has shown of the settings of an exam that asks for Safe Exam Browser, and
    #: since when; None if nobody has looked.
    key_state: orm.Mapped[KeyState | None] = orm.mapped_column(enum_column(KeyState))
    key_state_since: orm.Mapped[datetime | None]

    #: User that owns the session. Relationship to `user_id`.
    user: orm.Mapped[User] = orm.relationship(back_populates="sessions")

    __table_args__ = (
        # A user's latest session, by (logged_in_at, session_id).
        sa.Index("ix_usersession_latest", "user_id", "logged_in_at", "session_id"),
        # A user's sessions in one browser.
        sa.Index(
            "ix_usersession_device",
            "user_id",
            "device",
            sqlite_where=sa.text("device IS NOT NULL"),
            postgresql_where=sa.text("device IS NOT NULL"),
        ),
        # The sessions at a seat, newest last.
        sa.Index(
            "ix_usersession_seat",
            "seat",
            "logged_in_at",
            sqlite_where=sa.text("seat IS NOT NULL"),
            postgresql_where=sa.text("seat IS NOT NULL"),
        ),
        # All sessions, newest first or last.
        sa.Index("ix_usersession_logged_in_at", "logged_in_at", "user_id", "session_id"),
        # All active sessions, newest first or last. Not on PostgreSQL: an index that has to do with
        # a column which changes would undo what the fill factor is for.
        sa.Index(
            "ix_usersession_active",
            "logged_in_at",
            "user_id",
            "session_id",
            sqlite_where=sa.text("expired_at IS NULL"),
            info={ONLY_ON: "sqlite"},
        ),
        sa.CheckConstraint(
            "logged_out_at IS NULL OR expired_at IS NOT NULL", name="logged_out_is_expired"
        ),
        {
            # Found by its key only, so the row may as well live in the key's index.
            "sqlite_with_rowid": False,
            # Each page has room for a second version of its rows: a change of state or of when a
            # session was seen stays on the page, and no index is written.
            "postgresql_with": {"fillfactor": 50},
        },
    )

    @hybrid_property
    def expired(self) -> bool:
        """Whether somebody or another login has ended it; can be used in queries too."""
        return self.expired_at is not None

    @expired.inplace.expression
    @classmethod
    def _expired_expression(cls) -> sa.ColumnElement[bool]:
        return cls.expired_at.is_not(None)

    @property
    def seating(self) -> Seating:
        """Where it began, as far as that was known then."""
        return Seating(self.seat, self.address_seat)

    def expire(self) -> None:
        """Expire the session now; one that is expired keeps the time when that happened."""
        if self.expired_at is None:
            self.expired_at = now()
            self.cause = Cause.INVALIDATED
