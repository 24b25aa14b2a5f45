"""What is counted of a server: the names that whoever watches it sees, and what they mean."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from timApp.util.tally import Key


class Kind(Enum):
    """How a number is to be read."""

    #: It only grows, until the server is started again.
    COUNTER = "counter"
    #: It is what it is at the moment.
    GAUGE = "gauge"
    #: How often something took how long.
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Measure:
    """Something that is counted, apart for each combination of its labels."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    def key(self, *labels: str) -> Key:
        """Return the key of its number with these labels, in a `timApp.util.tally.Tally`."""
        return self.name, *labels

    def keys(self, values: Iterable[str]) -> Iterable[Key]:
        """Return the keys with each value of its one label."""
        return map(self.key, values)


#: Seconds up to which a request falls into a part of the histogram; the last part has no end.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: The labels that those parts have beside the histogram's own, and that of all seconds together.
PARTS = (*(str(bucket) for bucket in BUCKETS), "+Inf")
SUM = "sum"

REQUESTS = Measure(
    "timapp_requests",
    Kind.COUNTER,
    "Requests that were answered, by the address as it stands in docs/permissions.md; 499: nobody"
    " waited for the answer any more.",
    ("method", "route", "status"),
)
SECONDS = Measure(
    "timapp_request_seconds",
    Kind.HISTOGRAM,
    "From when a request has arrived whole until its answer is handed to the system.",
    ("method", "route"),
)
IN_FLIGHT = Measure(
    "timapp_requests_in_flight", Kind.GAUGE, "Requests that have arrived and are not answered."
)
CONNECTIONS = Measure("timapp_connections", Kind.GAUGE, "Connections that are open.")
REFUSALS = Measure(
    "timapp_refusals",
    Kind.COUNTER,
    "Requests and connections that were refused before anybody looked into them.",
    ("reason",),
)
TURNS = Measure(
    "timapp_turns",
    Kind.COUNTER,
    "Requests that got a thread of a worker, by what those threads are for.",
    ("crew",),
)
QUEUED = Measure(
    "timapp_queued", Kind.GAUGE, "Requests that wait for a thread of a worker.", ("crew",)
)
HASHES = Measure(
    "timapp_hashes_queued", Kind.GAUGE, "Passwords that are being checked or wait to be."
)
LOGINS = Measure("timapp_logins", Kind.COUNTER, "Attempts to log in.", ("outcome",))
CHANGES = Measure(
    "timapp_changes",
    Kind.COUNTER,
    "Changes of sessions that were made here or arrived from another server, many at once as one.",
    ("action",),
)
DATABASE_ERRORS = Measure(
    "timapp_database_errors",
    Kind.COUNTER,
    "Requests that the database could not answer.",
    ("where",),
)

DATABASE_UP = Measure(
    "timapp_database_up", Kind.GAUGE, "1 if the database has told the numbers below, or 0."
)
SESSIONS = Measure("timapp_sessions", Kind.GAUGE, "Sessions by their state.", ("state",))
WAITING = Measure(
    "timapp_waiting", Kind.GAUGE, "Blocked sessions whose page is open and waits for a supervisor."
)
OWED = Measure(
    "timapp_deliveries_owed", Kind.GAUGE, "Changes that another server was not told yet.", ("host",)
)
NOTICES_OWED = Measure(
    "timapp_notices_owed",
    Kind.GAUGE,
    "Events that a receiver was not told yet, or has not fetched.",
    ("receiver",),
)
#: Those that the processes count; the others are looked up when somebody asks.
MEASURES = (
    *(REQUESTS, SECONDS, IN_FLIGHT, CONNECTIONS, REFUSALS, TURNS, QUEUED, HASHES),
    *(LOGINS, CHANGES, DATABASE_ERRORS),
)

#: How an attempt to log in ended.
LET_IN, BLOCKED, WRONG, THROTTLED, TURNED_AWAY, MALFORMED = OUTCOMES = (
    *("let_in", "blocked", "wrong_credentials", "throttled", "turned_away", "malformed"),
)
#: Where the database did not answer: while a page was made, or a state was looked up.
PAGE, STATE = PLACES = ("page", "state")
