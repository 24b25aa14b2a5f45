"""Why a session is expired, as far as the person who has it can be told."""

from enum import Enum, auto


class Cause(Enum):
    """Why a session is expired."""

    #: The person has another session, which is active now.
    ACTIVE_ELSEWHERE = auto()
    #: They had too many when this one began; none is active any more.
    BEGAN_EXPIRED = auto()
    #: It was active, and somebody has invalidated it or verified another one instead.
    ENDED = auto()


def cause_of(*, began_expired: bool, another_is_active: bool) -> Cause:
    """Return why a session is expired.

    What is true now counts more than the past: it tells whether somebody else may be at work.
    """
    if another_is_active:
        return Cause.ACTIVE_ELSEWHERE
    return Cause.BEGAN_EXPIRED if began_expired else Cause.ENDED
