"""When a change was made, in an order that is the same on every server."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from timApp.util.clock import now

#: No two changes of one server are nearer to each other.
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, order=True)
class Stamp:
    """The time and the name of one change; of two changes, the one with the greater stamp is later.

    The name tells two changes of the same microsecond apart, and one that arrives twice.
    """

    at: datetime
    id: str = field(default_factory=lambda: secrets.token_hex(16))


def next_stamp(after: datetime | None) -> Stamp:
    """Return the stamp of a change that is made now, and is later than any at or before `after`.

    A clock that is slow beside that of another server does not make its own changes older than
    those it has heard of (as hybrid logical clocks do: Kulkarni and others, 2014).
    """
    moment = now()
    return Stamp(moment if after is None or moment > after else after + _TICK)


def moment_since(earlier: datetime | None) -> datetime:
    """Return the present moment, or the one next to `earlier` if that is still to come.

    A clock that was set back, or is behind that of another server, does not turn an order round.
    """
    moment = now()
    return moment if earlier is None or moment >= earlier else earlier + _TICK
