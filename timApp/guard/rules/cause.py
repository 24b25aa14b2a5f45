"""Why a session is not active, as far as the person who has it can be told."""

from dataclasses import dataclass

from timApp.guard.vocabulary import Cause

#: Those of sessions that were blocked as they began: nobody has ended them.
OF_BLOCKED_LOGINS = frozenset({Cause.OVER_LIMIT, Cause.HELD, Cause.OTHER_DEVICE, Cause.COPIED})
#: Those of sessions that are over for good, but not by a logout or another login of their person.
ENDED_FOR_THE_PERSON = frozenset(
    {
        *(Cause.ENDED, Cause.EXAM_BEGAN, Cause.HANDED_IN, Cause.COPIED),
        *(Cause.NEW_CREDENTIALS, Cause.DISABLED),
    }
)
#: Whoever is told one of these logs in again, and needs nobody for that.
OVER_BY_ITSELF = frozenset({Cause.IDLE, Cause.TOO_OLD, Cause.DISPLACED})


@dataclass(frozen=True)
class Explanation:
    """Why a session is not active."""

    cause: Cause
    #: Whether the person has another session that is active now: somebody else may be at work.
    another_is_active: bool

    @property
    def is_blocked_login(self) -> bool:
        """Whether the session was blocked as it began."""
        return self.cause in OF_BLOCKED_LOGINS

    @property
    def needs_supervisor(self) -> bool:
        """Whether somebody has to verify the session before the person can go on."""
        return self.cause not in OVER_BY_ITSELF


def cause_of(noted: Cause | None, by_clock: Cause | None, *, began_expired: bool) -> Cause:
    """Return why a session is not active, by what is noted and by the clock that has ended it.

    Of sessions from before causes were noted it is known only whether they began expired.
    """
    known = noted or by_clock
    if known is not None:
        return known
    return Cause.OVER_LIMIT if began_expired else Cause.INVALIDATED
