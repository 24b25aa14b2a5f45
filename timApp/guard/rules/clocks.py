"""What ends a session by the clock: nobody writes that down, it is worked out from its times."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from timApp.guard.vocabulary import Cause
from timApp.util.clock import now

#: "Last seen" is written down so many times within the time after which an unseen session ends.
SEEN_IN_IDLE_END = 4


class TimedSession(Protocol):
    """What has to be known of a session."""

    @property
    def logged_in_at(self) -> datetime:
        """When it began."""

    @property
    def verified_at(self) -> datetime | None:
        """When it was verified last."""

    @property
    def last_seen_at(self) -> datetime | None:
        """When it was seen last."""


@dataclass(frozen=True)
class Clocks:
    """For how long a session is active at most; None means for ever.

    A verification sets both clocks back, since somebody has just seen the person.
    """

    #: After it was seen last.
    idle_end: timedelta | None = None
    #: After it began.
    lifetime: timedelta | None = None

    def unseen_since(self, moment: datetime | None = None) -> datetime | None:
        """Return when a session has to have been seen to be active now, or at the moment.

        None if it need not.
        """
        return None if self.idle_end is None else (moment or now()) - self.idle_end

    def begun_since(self, moment: datetime | None = None) -> datetime | None:
        """Return since when a session has to have begun to be active now, or at the moment.

        None if it need not.
        """
        return None if self.lifetime is None else (moment or now()) - self.lifetime

    def end_of(self, session: TimedSession) -> tuple[datetime, Cause] | None:
        """Return when the clocks end a session, and which one does first; None if none does."""
        began = session.verified_at or session.logged_in_at
        seen = max(began, session.last_seen_at or began)
        ends = []
        if self.lifetime is not None:
            ends.append((began + self.lifetime, Cause.TOO_OLD))
        if self.idle_end is not None:
            ends.append((seen + self.idle_end, Cause.IDLE))
        return min(ends, key=lambda end: end[0], default=None)

    def ended(self, session: TimedSession) -> Cause | None:
        """Return which of the clocks has ended a session by now; None if none has."""
        end = self.end_of(session)
        return end[1] if end is not None and end[0] <= now() else None

    def seen_interval(self, most: float) -> float:
        """Return how old "last seen" may become, in seconds: `most`, or less."""
        if self.idle_end is None:
            return most
        return min(most, self.idle_end.total_seconds() / SEEN_IN_IDLE_END)


#: Nothing ends by the clock.
NEVER = Clocks()
