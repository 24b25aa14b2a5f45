"""Who waits, on this server and on the other hosts together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from timApp.database.work import UnitOfWork
from timApp.guard.reading.device import Device, device_of
from timApp.guard.waiting.codes import Waiting, waiting_sessions
from timApp.hosts.questions.hostview import View, read_views
from timApp.hosts.questions.polling import refresh
from timApp.net.network import Host, Network
from timApp.util.clock import now


@dataclass(frozen=True)
class WaitingPerson:
    """Somebody who waits, and where."""

    #: The login of theirs that has waited for longest.
    entry: Waiting
    #: None for this server.
    host: Host | None
    #: Other logins of theirs that wait there.
    others: Sequence[Waiting] = ()

    @property
    def device(self) -> Device:
        """What the person waits at."""
        return device_of(self.entry.origin)

    @property
    def seen_elsewhere(self) -> Device | None:
        """Where the session was last seen, if that is not where it began, and is known here."""
        seen = self.entry.seen_origin
        return None if seen is None else device_of(seen)

    @property
    def claims_seb(self) -> bool:
        """Whether the session calls itself Safe Exam Browser wherever it was seen."""
        seen = self.seen_elsewhere
        return self.device.is_seb and (seen is None or seen.is_seb)


@dataclass(frozen=True)
class Desk:
    """What a supervisor has before them: who waits, and which hosts could not be asked."""

    waiting: Sequence[WaitingPerson]
    #: Hosts of which it is not known who waits there.
    silent: Sequence[View]
    #: Whether there are other hosts, so that it has to be said where somebody waits.
    spans_hosts: bool

    @property
    def logins(self) -> list[WaitingPerson]:
        """Each login that waits, on its own."""
        return [
            WaitingPerson(entry, one.host)
            for one in self.waiting
            for entry in (one.entry, *one.others)
        ]


def look_at_desk(network: Network, work: UnitOfWork, patience: float = 0) -> Desk:
    """Return the desk as it is now.

    Waits at most `patience` seconds for the hosts; see `timApp.hosts.questions.polling.refresh`.
    """
    views = refresh(network, work, patience)
    return gather(waiting_sessions(work), views)


def find_waiting_there(
    work: UnitOfWork, host: Host, user_name: str, session_id: str
) -> Waiting | None:
    """Return how that person's session waits on the host, as far as that is known; None if not.

    The host is not asked for it.
    """
    (view,) = read_views(work, [host], now())
    found = (
        one for one in view.waiting if (one.user_name, one.session_id) == (user_name, session_id)
    )
    return next(found, None)


def gather(local: Iterable[Waiting], views: Sequence[View]) -> Desk:
    """Put together who waits here and on the hosts, the longest first.

    What a host tells of a session that waits here is left out: this server knows better, and may
    be one of the hosts of its own targets.
    """
    here = [WaitingPerson(entry, None) for entry in local]
    known = {(one.entry.user_name, one.entry.session_id) for one in here}
    there = [
        WaitingPerson(entry, view.host)
        for view in views
        for entry in view.waiting
        if (entry.user_name, entry.session_id) not in known
    ]
    return Desk(
        # Sorting is stable: of two since the same moment, the one here comes first.
        waiting=_by_person(sorted(here + there, key=lambda one: one.entry.since)),
        silent=[view for view in views if not view.answers],
        spans_hosts=bool(views),
    )


def _by_person(waiting: Iterable[WaitingPerson]) -> list[WaitingPerson]:
    """Put together what waits for the same person on the same server."""
    found: dict[tuple[Host | None, str], list[WaitingPerson]] = {}
    for one in waiting:
        found.setdefault((one.host, one.entry.user_name), []).append(one)
    return [
        replace(first, others=[other.entry for other in others])
        for first, *others in found.values()
    ]
