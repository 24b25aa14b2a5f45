"""The record of calls to other hosts."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model
from timApp.net.call import Reply
from timApp.net.network import Host
from timApp.net.peer import Contact, note_contacts
from timApp.util.clock import now


class HostCall(Model):
    """One entry of a log: who was told or asked what, and what came of it."""

    __tablename__ = "hostcall"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)
    at: orm.Mapped[datetime]
    #: The host's base URL.
    host: orm.Mapped[str]
    #: What it was told to do, or "check".
    action: orm.Mapped[str]
    #: Whose sessions it was about; None if nobody's.
    user_name: orm.Mapped[str | None]
    #: What went wrong, in one line; None if nothing did.
    error: orm.Mapped[str | None]
    #: How long it took.
    seconds: orm.Mapped[float]


def record_calls(
    connection: sa.Connection, calls: Sequence[tuple[Host, str, str | None, Reply]]
) -> None:
    """Record calls, and what they tell of their hosts, in two statements; the caller commits.

    Each is a host, an action, the name of the person it was about, if any, and the reply. A host
    stands there only once.
    """
    if not calls:
        return
    moment = now()
    entries = [
        {
            "at": moment,
            "host": host.url,
            "action": action,
            "user_name": user_name,
            "error": reply.error,
            "seconds": reply.seconds,
        }
        for host, action, user_name, reply in calls
    ]
    connection.execute(sa.insert(HostCall).values(entries))
    note_contacts(
        connection, [Contact(host, reply.error, reply.signs) for host, _, _, reply in calls]
    )
