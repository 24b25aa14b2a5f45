"""The words in which everybody speaks of sessions; this module knows nothing else."""

from dataclasses import dataclass
from enum import Enum

#: Longest session id, in characters.
SESSION_ID_MAX_LENGTH = 255
#: Longest origin, in characters; the rest is cut off: browsers choose theirs freely.
ORIGIN_MAX_LENGTH = 1000
#: Longest name of a seat, in characters: it is to be read from some steps away.
SEAT_MAX_LENGTH = 40

#: What names a session: user id and session id.
SessionKey = tuple[int, str]


class State(Enum):
    """What a session is at a moment; `timApp.guard.rules.lifetime` says how it changes."""

    #: It opens documents.
    ACTIVE = "active"
    #: It is blocked until somebody verifies it.
    EXPIRED = "expired"
    #: It is over for good.
    LOGGED_OUT = "logged_out"


class SessionStateFilterOptions(Enum):
    """Options for filtering the sessions by state."""

    #: Allow any session state.
    ALL = "all"
    #: Only allow active sessions.
    ACTIVE = "active"
    #: Only allow expired sessions, also those that are logged out.
    EXPIRED = "expired"

    @property
    def states(self) -> frozenset[State]:
        """The states that are allowed."""
        return _ALLOWED[self]


_ALLOWED = {
    SessionStateFilterOptions.ALL: frozenset(State),
    SessionStateFilterOptions.ACTIVE: frozenset({State.ACTIVE}),
    SessionStateFilterOptions.EXPIRED: frozenset(State) - {State.ACTIVE},
}


class ExportFormatOptions(Enum):
    """Options for session export format."""

    #: Export sessions as CSV.
    CSV = "csv"
    #: Export sessions as JSON.
    JSON = "json"


class Action(Enum):
    """What is done to sessions, as it is recorded."""

    LOGIN = "login"
    #: A login over the limit: the session is expired from birth.
    BLOCKED_LOGIN = "blocked login"
    LOGOUT = "logout"
    VERIFY = "verify"
    INVALIDATE = "invalidate"
    VERIFY_ALL = "verify all"
    INVALIDATE_ALL = "invalidate all"
    #: By another login of the person, which takes the place or is one too many.
    DISPLACE = "displace"
    #: A supervisor has ended it for good.
    END = "end"
    #: Two had its cookie, so it is over.
    COPY = "copy"
    #: The person has left the room: nobody goes on as them until a verification.
    PAUSE = "pause"
    #: A decision was taken back: all is as it was before.
    UNDO = "undo"
    #: The person has handed an exam in: their sessions are over.
    HAND_IN = "hand in"
    #: The person has a new password: their other sessions are over.
    NEW_CREDENTIALS = "new credentials"
    #: The person's account was closed: their sessions are over, and none begins.
    DISABLE = "disable"
    #: It is open again.
    ENABLE = "enable"
    #: Somebody was given an account.
    ADD_PERSON = "add person"
    #: What it says of the person, or their groups, were changed.
    CHANGE_PERSON = "change person"
    #: The person has another name.
    RENAME = "rename person"
    #: The person's account was deleted: their sessions are over, and none begins.
    DELETE = "delete person"
    #: What is recorded of a person whose account was deleted has a pseudonym.
    ERASE = "erase person"
    #: The person has a passkey more.
    ADD_PASSKEY = "add passkey"
    #: One of the person's passkeys, or all of them, are good no more.
    REMOVE_PASSKEYS = "remove passkeys"
    #: Programs of the person may ask in their name, or may no more.
    ADD_TOKEN = "add token"  # noqa: S105 - no password
    END_TOKEN = "end token"  # noqa: S105
    #: A program elsewhere is told of changes of sessions, or is no more.
    ADD_RECEIVER = "add receiver"
    END_RECEIVER = "end receiver"
    #: What they are told is signed with a new key.
    NEW_SIGNING_KEY = "new signing key"
    #: An exam is planned, planned anew, or not any more.
    ADD_EXAM = "add exam"
    CHANGE_EXAM = "change exam"
    DELETE_EXAM = "delete exam"
    BEGIN_EXAM = "begin exam"
    END_EXAM = "end exam"
    #: The list of seats is another one.
    SAVE_SEATS = "save seats"
    #: A document or an attachment is new, or has another text.
    SAVE_DOCUMENT = "save document"
    DELETE_DOCUMENT = "delete document"
    #: A group, or a person, has a right to a document.
    GIVE_RIGHT = "give right"
    TAKE_RIGHTS = "take rights"
    ADD_GROUP = "add group"
    REMOVE_GROUP = "remove group"


class Cause(Enum):
    """Why a session is not active, or was blocked when it began; by the clock: see `Clocks`."""

    #: The person had as many as they may have.
    OVER_LIMIT = "over limit"
    #: A supervisor has ended one of the person's, or an earlier login of theirs is blocked.
    HELD = "held"
    #: The person's last active one was in another browser.
    OTHER_DEVICE = "other device"
    #: A later login of the person took its place.
    DISPLACED = "displaced"
    #: Another login of the person was one too many, which blocks them all.
    ALL_BLOCKED = "all blocked"
    #: Another session of the person was verified.
    ANOTHER_VERIFIED = "another verified"
    #: Somebody has invalidated it.
    INVALIDATED = "invalidated"
    #: The person has logged out.
    LOGGED_OUT = "logged out"
    #: The person has logged in again in the same browser.
    CONTINUED = "continued"
    #: A supervisor has ended it for good.
    ENDED = "ended"
    #: Two had its cookie; or it began for one of the two.
    COPIED = "copied"
    #: An exam that the person sits was begun after it.
    EXAM_BEGAN = "exam began"
    #: The person has handed an exam in.
    HANDED_IN = "handed in"
    #: The person has left the room; or it began before a verification after that.
    PAUSED = "paused"
    #: The person has a new password.
    NEW_CREDENTIALS = "new credentials"
    #: The person's account was closed.
    DISABLED = "disabled"
    #: It was not seen for as long as `SESSIONS_IDLE_END` says.
    IDLE = "idle"
    #: It is older than `SESSIONS_LIFETIME` allows.
    TOO_OLD = "too old"


class ActorKind(Enum):
    """What somebody is who changes sessions."""

    USER = "user"
    #: What has shown a token of a user's.
    PROGRAM = "program"
    HOST = "host"
    COMMAND_LINE = "command line"


#: The kinds of actors that are called by a person's name.
PEOPLE = (ActorKind.USER, ActorKind.PROGRAM)


@dataclass(frozen=True)
class Actor:
    """Who makes a change, for the record of changes."""

    kind: ActorKind
    #: A user's name, also of a program; a host; or the name of the operating system's user at the
    #: command line.
    name: str
    #: Network address that the request came from; None at the command line.
    address: str | None = None


@dataclass(frozen=True)
class Place:
    """Where somebody asks from."""

    #: Free text: ``[address] user agent``.
    origin: str
    #: Network address; None if it is not known.
    address: str | None = None
    #: What the browser is known by; None if it has no name.
    device: str | None = None
