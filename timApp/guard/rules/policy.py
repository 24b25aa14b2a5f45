"""What a site, or an exam, chooses about logins of people who are logged in already."""

from dataclasses import dataclass
from enum import Enum


class OverLimit(Enum):
    """What a login beyond the limit does."""

    #: It is blocked.
    BLOCK_NEW = "block_new"
    #: It is let in, and the oldest session expires.
    EXPIRE_OLDEST = "expire_oldest"
    #: It is blocked, and so is every other session and login of the person until one is verified.
    BLOCK_ALL = "block_all"
    #: It is let in, and recorded as one beyond the limit.
    OBSERVE = "observe"


class AfterEnd(Enum):
    """What becomes of the next login after somebody has ended a session, or blocked a login."""

    #: It finds the slot free.
    FREE = "free"
    #: It is blocked, too, until a supervisor verifies.
    HOLD = "hold"


class DeviceRule(Enum):
    """Which browsers may take a free slot."""

    #: Any.
    ANY = "any"
    #: The one that had it; others are blocked until one is verified.
    SAME = "same"


@dataclass(frozen=True)
class Policy:
    """Rules of logins; the defaults are those of the reference page."""

    over_limit: OverLimit = OverLimit.BLOCK_NEW
    after_end: AfterEnd = AfterEnd.FREE
    device: DeviceRule = DeviceRule.ANY

    @property
    def counts_blocked_logins(self) -> bool:
        """Whether a login that was blocked blocks later ones, until it is settled."""
        return self.after_end is AfterEnd.HOLD or self.over_limit is OverLimit.BLOCK_ALL


#: What the reference page says.
DEFAULT_POLICY = Policy()
