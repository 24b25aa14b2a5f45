"""What is known of each other host: whether it signs, and how the last calls to it ended."""

from collections.abc import Iterable, Sequence
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


def forget_signature(connection: sa.Connection, host: Host) -> None:
    """Let a host be one that does not sign from here on; the caller commits."""
    connection.execute(sa.update(Peer).where(Peer.host == host.url).values(signs=False))
