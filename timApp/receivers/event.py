"""What receivers are told: which events a change of sessions is, each of one session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256

from timApp.guard.vocabulary import Action, ActorKind, Cause

_REFERENCE_LENGTH = 32


class EventType(Enum):
    """What has happened to a session."""

    #: A login was blocked: the session waits for a verification.
    BLOCKED = "session.blocked"
    #: It opens documents (again).
    VERIFIED = "session.verified"
    #: It is blocked until somebody verifies it.
    INVALIDATED = "session.invalidated"
    #: It is over for good.
    ENDED = "session.ended"
    #: Two had its cookie, so it is over; a blocked login of each bearer comes with it.
    COPIED = "session.copied"
    #: The last decision about the person was taken back: ask how their sessions stand.
    RESTORED = "session.restored"


#: By which events a session that opened documents does so no more, or is over.
REVOKING = frozenset({EventType.INVALIDATED, EventType.ENDED, EventType.COPIED})

_TYPES = {
    Action.BLOCKED_LOGIN: EventType.BLOCKED,
    Action.VERIFY: EventType.VERIFIED,
    Action.VERIFY_ALL: EventType.VERIFIED,
    Action.INVALIDATE: EventType.INVALIDATED,
    Action.INVALIDATE_ALL: EventType.INVALIDATED,
    Action.DISPLACE: EventType.INVALIDATED,
    Action.PAUSE: EventType.INVALIDATED,
    Action.LOGOUT: EventType.ENDED,
    Action.END: EventType.ENDED,
    Action.HAND_IN: EventType.ENDED,
    Action.NEW_CREDENTIALS: EventType.ENDED,
    Action.DISABLE: EventType.ENDED,
    Action.DELETE: EventType.ENDED,
    Action.COPY: EventType.COPIED,
    Action.UNDO: EventType.RESTORED,
}
#: What is done to many sessions, and recorded once.
_OF_EVERYBODY = frozenset({Action.VERIFY_ALL, Action.INVALIDATE_ALL})


@dataclass(frozen=True)
class Recorded:
    """An entry of the record of changes, as far as events go."""

    number: int
    at: datetime
    action: Action
    #: None for everybody.
    user_id: int | None
    #: None for all of the person's.
    session_id: str | None
    session_count: int


@dataclass(frozen=True)
class Moved:
    """A session, and when what happened to it last."""

    user_id: int
    session_id: str
    verified_at: datetime | None
    expired_at: datetime | None
    logged_out_at: datetime | None
    cause: Cause | None

    def moved_at(self, moment: datetime) -> EventType | None:
        """Return what happened to it at that moment, None for nothing."""
        if self.logged_out_at == moment:
            return EventType.ENDED
        if self.expired_at == moment:
            return EventType.INVALIDATED
        if self.verified_at == moment:
            return EventType.VERIFIED
        return None


@dataclass(frozen=True)
class Event:
    """Something that has happened to a session."""

    #: The number of the entry in the record.
    change_number: int
    type: EventType
    #: Whose session; None for everybody's.
    user_id: int | None
    #: None for all of the person's, where the single ones are not known any more.
    session_id: str | None
    #: Why, where it came along with what was done to another session.
    cause: Cause | None = None


def concerns(change: Recorded) -> bool:
    """Tell whether an entry of the record is of anything that receivers are told."""
    return change.action in _TYPES and change.session_count > 0


def needs_sessions(change: Recorded) -> bool:
    """Tell whether an entry names fewer sessions than it has changed."""
    return (
        concerns(change)
        and change.action is not Action.UNDO
        and (change.session_id is None or change.session_count > 1)
    )


def is_of_everybody(change: Recorded) -> bool:
    """Tell whether an entry is of everybody's sessions."""
    return change.action in _OF_EVERYBODY


def events_of(change: Recorded, sessions: Sequence[Moved]) -> list[Event]:
    """Return what has happened by a change: an event for each session, what was named first.

    `sessions` are those that may have moved by it, of whomever; they are wanted if it
    `needs_sessions`. Of a change of unnamed sessions of which none is as it was left any more,
    there is one event without a session. None for a change that receivers are not told of.
    """
    if not concerns(change):
        return []
    own = _TYPES[change.action]
    events = []
    if change.session_id is not None:
        events.append(Event(change.number, own, change.user_id, change.session_id))
    if needs_sessions(change):
        events += _along(change, sessions)
    return events or [Event(change.number, own, change.user_id, None)]


def reference_of(session_id: str) -> str:
    """Return by what a session is known to receivers: it tells nothing, and is always the same."""
    digest = sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()
    return digest[:_REFERENCE_LENGTH]


def initiator_of(kind: ActorKind, actor: str, user_name: str, cause: Cause | None) -> str:
    """Return who began it, in the words of CAEP: the person, a rule, or somebody of the site."""
    if cause in _BY_RULE:
        return "policy"
    is_themselves = kind in {ActorKind.USER, ActorKind.PROGRAM} and actor == user_name
    return "user" if is_themselves else "admin"


_BY_RULE = frozenset(
    {Cause.DISPLACED, Cause.ALL_BLOCKED, Cause.COPIED, Cause.EXAM_BEGAN, Cause.OVER_LIMIT}
)


def _along(change: Recorded, sessions: Sequence[Moved]) -> list[Event]:
    """Return what has happened to the sessions that a change does not name."""
    events = []
    for one in sessions:
        is_meant = change.user_id in {None, one.user_id} and one.session_id != change.session_id
        moved = one.moved_at(change.at) if is_meant else None
        if moved is not None:
            events.append(Event(change.number, moved, one.user_id, one.session_id, one.cause))
    return events
