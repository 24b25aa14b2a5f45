"""What the database says at one moment: people, sessions, who waits, and the record of changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.engine import open_engine
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.waiting import WaitingSession
from timApp.guard.vocabulary import Action, SessionKey
from timApp.user.user import User


@dataclass(frozen=True)
class Times:
    """All that says what a session is."""

    logged_in_at: datetime
    expired_at: datetime | None = None
    logged_out_at: datetime | None = None


@dataclass(frozen=True)
class Record:
    """An entry of the record of changes."""

    id: int
    at: datetime
    #: The mark of the act that asked for it.
    address: str | None
    action: Action
    user_id: int | None
    session_id: str | None
    session_count: int


@dataclass(frozen=True)
class Books:
    """The database at one moment."""

    #: The numbers of people by name.
    people: Mapping[str, int]
    sessions: Mapping[SessionKey, Times]
    #: In the order in which they were written.
    records: Sequence[Record]
    #: Since when sessions wait for verification.
    waiting: Mapping[SessionKey, datetime]


def read_books(database_url: str) -> Books:
    """Read everything in one snapshot, while others write."""
    engine = open_engine(database_url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")  # reads stand outside of transactions there
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return _read(connection)
    finally:
        engine.dispose()


def _read(connection: sa.Connection) -> Books:
    people = sa.select(User.name, User.id)
    sessions = sa.select(
        UserSession.user_id,
        UserSession.session_id,
        UserSession.logged_in_at,
        UserSession.expired_at,
        UserSession.logged_out_at,
    )
    records = sa.select(
        SessionChange.id,
        SessionChange.at,
        SessionChange.address,
        SessionChange.action,
        SessionChange.user_id,
        SessionChange.session_id,
        SessionChange.session_count,
    ).order_by(SessionChange.id)
    waiting = sa.select(WaitingSession.user_id, WaitingSession.session_id, WaitingSession.since)
    return Books(
        people={row[0]: row[1] for row in connection.execute(people)},
        sessions={(row[0], row[1]): Times(*row[2:]) for row in connection.execute(sessions)},
        records=[Record(*row) for row in connection.execute(records)],
        waiting={(row[0], row[1]): row[2] for row in connection.execute(waiting)},
    )
