"""Whether somebody may pass to a guarded host: a pure function of values."""

from enum import Enum

from timApp.guard.verdict import Standing
from timApp.request.guarded import GuardedHost
from timApp.user.usergroup import Member


class Decision(Enum):
    """What the gate says of a request."""

    #: It passes, as whoever asks.
    PASS = "pass"  # noqa: S105 - no password
    #: It passes, whoever asks, as nobody.
    OPEN = "open"
    #: Nobody is logged in, and somebody has to be.
    LOG_IN = "log-in"
    #: The session is blocked.
    BLOCKED = "blocked"
    #: Who asks has no right to it.
    FORBIDDEN = "forbidden"
    #: The exam to which the host belongs has to say it: it does not depend on this alone.
    ASK_EXAM = "ask exam"
    #: The exam says that it is closed to whoever asks.
    CLOSED = "closed"
    #: The exam opens only in Safe Exam Browser, with the settings of the exam.
    BROWSER = "exam browser"
    #: The host is none of those that are guarded.
    UNKNOWN = "unknown"
    #: It is not clear what is asked about.
    UNCLEAR = "unclear"


def decide(host: GuardedHost, path: str, standing: Standing, visitor: Member | None) -> Decision:
    """Return what is to become of a request for a path of the host.

    Administrators pass wherever they need a valid session. Of a host that belongs to an exam, it
    depends on the exam for everybody else.
    """
    if host.is_open(path):
        return Decision.OPEN if visitor is None or standing is not Standing.VALID else Decision.PASS
    if visitor is None or standing is Standing.ANONYMOUS:
        return Decision.LOG_IN
    is_blocked = standing is Standing.BLOCKED
    if host.is_open_to_blocked(path) or (visitor.is_admin and not is_blocked):
        return Decision.PASS
    if is_blocked:
        return Decision.BLOCKED
    if host.groups and host.groups.isdisjoint(visitor.groups):
        return Decision.FORBIDDEN
    return Decision.PASS if host.exam is None else Decision.ASK_EXAM
