"""How it stands at the moment: what is looked up when somebody asks for the numbers."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from timApp.auth.site import Site
from timApp.database.failure import ERRORS
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.database.work import Work
from timApp.guard.reading.activity import count_active, count_blocked
from timApp.guard.waiting.codes import count_waiting
from timApp.hosts.status import host_statuses
from timApp.pages.monitoring.exposed import family
from timApp.receivers.owe import owed_by_receiver
from timApp.util.measures import DATABASE_UP, NOTICES_OWED, OWED, SESSIONS, WAITING
from timApp.util.tally import Key

#: Seconds for which the database may count.
_LIMIT = 2.0


def metrics_of_moment(site: Site) -> Iterable[Metric]:
    """Return who is here and waits, and what other servers and receivers are owed.

    Without those that the database does not tell in time; one number says whether it answers.
    """
    up, sessions, waiting, owed = 1.0, dict[Key, float](), dict[Key, float](), dict[Key, float]()
    notices = dict[Key, float]()
    try:
        with Work(site.guard.engine) as work, time_limit(work, _LIMIT):
            sessions["active",] = count_active(work, site.guard.options.clocks)[0]
            sessions["blocked",] = count_blocked(work)
            waiting[()] = count_waiting(work)
        owed = {
            (status.host.url,): status.owed
            for status in host_statuses(site.network, site.guard.engine)
        }
        notices = {(name,): count for name, count in owed_by_receiver(site.guard.engine).items()}
    except TookTooLong:
        pass
    except ERRORS:
        up = 0.0
    yield family(DATABASE_UP, {(): up})
    yield family(SESSIONS, sessions)
    yield family(WAITING, waiting)
    yield family(OWED, owed)
    yield family(NOTICES_OWED, notices)
