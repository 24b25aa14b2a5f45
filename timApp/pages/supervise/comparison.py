"""The sessions of one person side by side, for a supervisor who decides about one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from timApp.auth.site import current_clocks, current_site, db
from timApp.guard.reading.sessions import SessionSummary, session_summaries
from timApp.guard.vocabulary import Cause, State
from timApp.guard.waiting.codes import Waiting, find_waiting_login
from timApp.hosts.questions.desk import find_waiting_there, look_at_desk
from timApp.hosts.questions.person import HostAnswer, ask_about, failed
from timApp.hosts.questions.wire import PersonSessions
from timApp.net.network import Host
from timApp.pages.shown import ShownSession, shown
from timApp.user.people import find_person
from timApp.util.errors import NotFound
from timApp.util.text import quoted, storable


@dataclass(frozen=True)
class ComparedSession(ShownSession):
    """One of the sessions side by side."""

    #: Whether it is the one that was scanned or named.
    is_chosen: bool
    #: Where it is; None for this server.
    host: Host | None
    #: The person's real name on that host, if that is another one.
    known_as: str | None


@dataclass(frozen=True)
class Comparison:
    """A person and their sessions, on this server and on others."""

    name: str
    real_name: str
    #: Whether this server knows the person.
    is_here: bool
    sessions: Sequence[ComparedSession]
    #: What each of the hosts answered.
    answers: Sequence[HostAnswer]
    #: Whether a session was named that is on no host that has answered.
    lacks_chosen: bool
    #: With which code the chosen session waits, and since when; None if it does not.
    waiting: Waiting | None = None

    @property
    def chosen(self) -> ComparedSession | None:
        """The session that was scanned or named; None if there is none."""
        return next((one for one in self.sessions if one.is_chosen), None)

    def active_but(self, session: ComparedSession) -> list[ComparedSession]:
        """Return the active sessions beside that one: what its verification blocks."""
        return [one for one in self.sessions if one.state is State.ACTIVE and one is not session]

    @property
    def failed(self) -> list[HostAnswer]:
        """The hosts that may have sessions which are not shown."""
        return failed(self.answers)

    @property
    def was_copied(self) -> bool:
        """Whether two of the sessions are those of the bearers of one cookie, and both wait."""
        return any(
            one.state is State.EXPIRED and one.cause is Cause.COPIED for one in self.sessions
        )

    @property
    def strangers(self) -> list[Host]:
        """The hosts that know nobody of that name."""
        return [one.host for one in self.answers if one.person is None and one.error is None]


def compare_sessions(name: str, chosen: str | None) -> Comparison:
    """Return the sessions of the person of that name, on this server and on the other hosts.

    If none is named, and one of them waits, it is chosen: that is what somebody is here for. Waits
    for the hosts; see `timApp.hosts.questions.person.ask_about`. `NotFound` if nobody is
    known to have the name, here and there.
    """
    known = find_person(db, name)
    name = known.name if known else name
    chosen = storable(chosen) if chosen else _only_waiting(name)
    answers = ask_about(current_site().network, db, name, chosen)
    local = (
        PersonSessions(known.real_name, session_summaries(db, known.id, chosen, current_clocks()))
        if known
        else None
    )
    if local is None and not any(answer.person for answer in answers):
        raise nobody_named(name, answers)
    found = put_side_by_side(name, chosen, local, answers)
    return replace(found, waiting=_waiting_login(found))


def _only_waiting(name: str) -> str | None:
    """Return the id of the one session of the person that waits, as far as is known here."""
    logins = look_at_desk(current_site().network, db).logins
    waiting = {one.entry.session_id for one in logins if one.entry.user_name == name}
    return waiting.pop() if len(waiting) == 1 else None


def _waiting_login(person: Comparison) -> Waiting | None:
    chosen = person.chosen
    if chosen is None or chosen.state is not State.EXPIRED:
        return None
    if chosen.host is None:
        return find_waiting_login(db, person.name, chosen.session_id)
    return find_waiting_there(db, chosen.host, person.name, chosen.session_id)


def put_side_by_side(
    name: str, chosen: str | None, local: PersonSessions | None, answers: Sequence[HostAnswer]
) -> Comparison:
    """Put together what is known of a person here (None: nothing) and on other hosts.

    The chosen session comes first, then those that are not logged out, and the latest first; each
    host has a part in them, however many another one has. What a host says of a session that is
    here is left out: this server knows better, and may be one of the hosts of its targets.
    """
    found = [(answer.host, answer.person) for answer in answers if answer.person is not None]
    real_name = local.real_name if local is not None else found[0][1].real_name
    here = [] if local is None else [_compared(one, chosen) for one in local.sessions]
    known = {session.session_id for session in here}
    remote = [
        _compared(one, chosen, host, None if person.real_name == real_name else person.real_name)
        for host, person in found
        for one in person.sessions
        if one.session_id not in known
    ]
    sessions = sorted(here + remote, key=lambda one: one.logged_in_at, reverse=True)
    sessions.sort(key=lambda one: (not one.is_chosen, one.state is State.LOGGED_OUT))
    return Comparison(
        name=name,
        real_name=real_name,
        is_here=local is not None,
        sessions=sessions,
        answers=answers,
        lacks_chosen=chosen is not None and not any(one.is_chosen for one in sessions),
    )


def nobody_named(name: str, answers: Sequence[HostAnswer]) -> NotFound:
    """Return the error for a name that is known nowhere, as far as hosts have answered."""
    silent = failed(answers)
    if not silent:
        return NotFound("There is nobody named %(name)s.", field="user", name=quoted(name))
    return NotFound(
        "Nobody named %(name)s was found, but these servers could not be asked: %(hosts)s.",
        field="user",
        name=quoted(name),
        hosts=", ".join(answer.host.label for answer in silent),
    )


def _compared(
    session: SessionSummary,
    chosen: str | None,
    host: Host | None = None,
    known_as: str | None = None,
) -> ComparedSession:
    return ComparedSession(
        **vars(shown(session)),
        is_chosen=session.session_id == chosen,
        host=host,
        known_as=known_as,
    )
