"""Asks the other hosts who waits there; one round serves the screens of all supervisors.

Whoever shows a screen asks the hosts whose turn it is, and shows what is known by then. The answers
are kept as they arrive, by threads of their own: no screen waits for a host, unless it wants to.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

import sqlalchemy as sa

from timApp.database.failure import reason
from timApp.database.work import UnitOfWork
from timApp.hosts.questions.hostview import (
    View,
    WaitingAnswer,
    claim,
    is_due,
    read_views,
    store,
)
from timApp.hosts.questions.wire import read_waiting
from timApp.net.call import Call, Reply, call_soon
from timApp.net.network import Host, Network
from timApp.util.clock import now

#: Seconds that a host has to answer a question that somebody waits for, at the most.
QUESTION_TIMEOUT_MAX = 3

_log = logging.getLogger(__name__)

#: Keep the answers. Databases do not get faster with more.
_keepers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="keep answers")


def hosts_to_ask(network: Network) -> Sequence[Host]:
    """Return the hosts of all targets; none if there is no secret by which they would know us."""
    return network.hosts if network.send_secret else ()


def question_timeout(network: Network) -> float:
    """Return how many seconds a host has to answer a question."""
    return min(network.timeout, QUESTION_TIMEOUT_MAX)


def refresh(network: Network, work: UnitOfWork, patience: float = 0) -> list[View]:
    """Ask who waits on the hosts whose turn it is, and return what is known of each host.

    Waits at most `patience` seconds for those that are asked now; not for those that failed the
    last time. Without hosts, or a secret to send, nothing happens. Ends the transaction of
    the work if it waits.
    """
    hosts = hosts_to_ask(network)
    if not hosts:
        return []
    moment = now()
    views = read_views(work, hosts, moment)
    limit = timedelta(seconds=question_timeout(network))
    claimed = claim(work.engine, [view for view in views if is_due(view, moment, limit)], moment)
    asked = {view.host: _ask(network, work.engine, view, moment) for view in claimed}
    awaited = [asked[view.host] for view in claimed if view.error is None]
    if not awaited or not patience:
        return views
    work.session.rollback()  # no connection is held while hosts take their time
    wait(awaited, patience)
    return read_views(work, hosts, now())


def _ask(network: Network, engine: sa.Engine, view: View, asked_at: datetime) -> Future[None]:
    """Ask a host; the future ends when what came of it has been kept."""
    kept: Future[None] = Future()

    def then(reply: Reply) -> None:
        # This is the thread of all connections, which must not wait for the database.
        try:
            _keepers.submit(_keep, engine, view.host, asked_at, reply, kept)
        except RuntimeError:
            kept.set_result(None)  # the process is about to end

    call_soon(network, Call(view.host, "/hosts/waiting", {}), question_timeout(network), then)
    return kept


def _keep(
    engine: sa.Engine, host: Host, asked_at: datetime, reply: Reply, kept: Future[None]
) -> None:
    """Keep what a host answered, for all processes."""
    try:
        with engine.begin() as connection:
            store(connection, host, asked_at, understand_reply(reply, now()))
    except sa.exc.SQLAlchemyError as error:
        _log.error("What %s answered could not be kept: %s", host.label, reason(error))
    finally:
        kept.set_result(None)


def understand_reply(reply: Reply, moment: datetime) -> WaitingAnswer:
    """Return what a host answered that was asked who waits there."""
    if reply.error is not None:
        return WaitingAnswer([], reply.error, reply.is_unsigned, reply.signs)
    waiting = read_waiting(reply.content.get("waiting"), moment)
    if waiting is None:
        error = "answered, but not who waits there; check its address."
        return WaitingAnswer([], error, signs=reply.signs)
    return WaitingAnswer(waiting, signs=reply.signs)
