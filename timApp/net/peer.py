"""What is known of each other host: whether it signs, how the last calls to it ended, its answer.

One question is asked of all hosts again and again, by whichever process finds one due. What it
asks, and what the answer says, is not known here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model, conflict_insert
from timApp.net.network import Host
from timApp.util.clock import now


class Peer(Model):
    """Another host that has been called."""

    __tablename__ = "peer"

    #: Its base URL.
    host: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    #: Whether it has proved that it knows our secret by a signature, so that it needs no other.
    signs: orm.Mapped[bool]
    last_success_at: orm.Mapped[datetime | None]
    last_failure_at: orm.Mapped[datetime | None]
    #: What went wrong then, in one line.
    last_failure: orm.Mapped[str | None]
    #: When it was last asked what it is asked again and again.
    asked_at: orm.Mapped[datetime | None]
    #: When an asking last ended, with an answer or an error.
    settled_at: orm.Mapped[datetime | None]
    #: When it last answered.
    answered_at: orm.Mapped[datetime | None]
    #: When the first of the failures came that it has had since; None while it answers.
    failing_since: orm.Mapped[datetime | None]
    #: Whether it fails because it does not know the question.
    is_unsigned: orm.Mapped[bool]
    #: Its last answer; read only by whoever wants it, as it may be long.
    answer: orm.Mapped[str | None] = orm.mapped_column(deferred=True)


@dataclass(frozen=True)
class Contact:
    """How a call to a host ended: with an error, or with None."""

    host: Host
    error: str | None
    #: Whether the host proved by a signature that it knows our secret.
    signs: bool


def known_peers(engine: sa.Engine, hosts: Iterable[Host]) -> dict[str, Peer]:
    """Return what is known of those hosts that have been called before, by URL."""
    query = sa.select(Peer).where(Peer.host.in_([host.url for host in hosts]))
    with orm.Session(engine) as session:
        return {peer.host: peer for peer in session.scalars(query)}


def note_contacts(connection: sa.Connection, contacts: Sequence[Contact]) -> None:
    """Note how calls ended, in one statement; the caller commits."""
    if not contacts:
        return
    moment = now()
    insert = conflict_insert(connection, Peer)
    new = insert.excluded
    connection.execute(
        insert.values(
            [
                {
                    "host": contact.host.url,
                    "signs": contact.signs,
                    "last_success_at": moment if contact.error is None else None,
                    "last_failure_at": moment if contact.error is not None else None,
                    "last_failure": contact.error,
                    "is_unsigned": False,
                }
                for contact in sorted(contacts, key=lambda contact: contact.host.url)
            ]
        ).on_conflict_do_update(
            index_elements=[Peer.host],
            set_={
                "signs": Peer.signs | new.signs,
                "last_success_at": sa.func.coalesce(new.last_success_at, Peer.last_success_at),
                "last_failure_at": sa.func.coalesce(new.last_failure_at, Peer.last_failure_at),
                "last_failure": sa.func.coalesce(new.last_failure, Peer.last_failure),
            },
        )
    )


def take_turns(
    engine: sa.Engine, asked: Mapping[Host, datetime | None], moment: datetime
) -> set[Host]:
    """Return those of the hosts that the caller is to ask now, and nobody else does.

    `asked` has when each was asked the last time, as the caller has read it: a turn is taken by
    changing that time, if nobody else has. In a transaction of its own.
    """
    if not asked:
        return set()
    by_url = {host.url: host for host in sorted(asked, key=lambda host: host.url)}
    read = [(host.url, at) for host, at in asked.items() if at is not None]
    with engine.begin() as connection:
        insert = conflict_insert(connection, Peer)
        taken = connection.scalars(
            insert.values(
                [
                    {"host": url, "signs": False, "is_unsigned": False, "asked_at": moment}
                    for url in by_url
                ]
            )
            .on_conflict_do_update(
                index_elements=[Peer.host],
                set_={"asked_at": insert.excluded.asked_at},
                where=_was_asked_at(read),
            )
            .returning(Peer.host)
        )
        return {by_url[url] for url in taken}


def keep_answer(
    connection: sa.Connection,
    contact: Contact,
    asked_at: datetime,
    answer: str | None,
    *,
    is_unsigned: bool,
) -> None:
    """Keep what came of asking the host at `asked_at`, an answer or an error; the caller commits.

    Nothing is kept if it has been asked again since. A host that does not sign has not failed: it
    only does not know the question.
    """
    moment = sa.literal(now(), Peer.asked_at.type)
    values: dict[str, object] = {
        "settled_at": moment,
        "is_unsigned": is_unsigned,
        "signs": Peer.signs | contact.signs,
    }
    if contact.error is None:
        values |= {
            "answered_at": moment,
            "failing_since": None,
            "answer": answer,
            "last_success_at": moment,
        }
    else:
        values["failing_since"] = sa.func.coalesce(Peer.failing_since, moment)
        if not is_unsigned:
            values |= {"last_failure_at": moment, "last_failure": contact.error}
    connection.execute(
        sa.update(Peer)
        .where(Peer.host == contact.host.url, Peer.asked_at == asked_at)
        .values(values)
    )


def _was_asked_at(read: Sequence[tuple[str, datetime]]) -> sa.ColumnElement[bool]:
    return Peer.asked_at.is_(None) | sa.tuple_(Peer.host, Peer.asked_at).in_(read)


def forget_signature(connection: sa.Connection, host: Host) -> None:
    """Let a host be one that does not sign from here on; the caller commits."""
    connection.execute(sa.update(Peer).where(Peer.host == host.url).values(signs=False))
