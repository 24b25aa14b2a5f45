"""The processes that answer requests, and what each of them does beside that."""

import logging
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.synchronize import Lock
from threading import Event, Thread
from typing import Any

import sqlalchemy as sa
from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from timApp.app import create_app
from timApp.auth.site import current_site
from timApp.hosts.outbox.worker import deliver_forever
from timApp.net.network import Network
from timApp.serve.address import Address
from timApp.serve.turns import TakingTurns
from timApp.user.hashing import WAITING_MAX, use_threads

#: Connections that one process keeps open; more wait until others are closed. Browsers keep theirs
#: while a page is shown, so a hall of a thousand blocked pages needs a thousand.
_CONNECTIONS_PER_WORKER = 8192
#: Requests that one process works on at a time, by the database. While one waits for PostgreSQL
#: another can go on; SQLite works in this very process. With more they get into each other's way,
#: and the last of them is answered late. Whoever has to wait for long gives the turn away.
TURNS_PER_WORKER = {"sqlite": 1, "postgresql": 2}
#: Threads of one process. Whoever waits for a password hash holds one, without a turn, and some are
#: left for everybody else. The server makes them when it needs them, and ends idle ones.
_THREADS_PER_WORKER = WAITING_MAX + 24
#: Workers by default, if there are as many cores.
WORKERS_MAX_DEFAULT = 4
#: Seconds that requests have to end when the server is stopped.
_STOP_TIMEOUT = 15

_LOG_TO_STDERR: dict[str, Any] = {
    "handlers": {
        name: {
            "class": "logging.StreamHandler",
            "formatter": formatter,
            "stream": "ext://sys.stderr",
        }
        for name, formatter in (("console", "generic"), ("access", "access"))
    }
}


def serve(address: Address, workers: int | None, announce: Callable[[str], object]) -> None:
    """Serve the site until a signal to stop.

    Without a number of workers it is one a core, up to a limit. `announce` is told the address once
    the first of them is ready.
    """
    _allow_open_files()
    _serve(address, workers or min(_cores(), WORKERS_MAX_DEFAULT), announce)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _allow_open_files() -> None:
    """Raise the number of files that a process may open, if it is too low and may be raised.

    Each connection is one, and many systems begin with 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _CONNECTIONS_PER_WORKER
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _serve(address: Address, workers: int, announce: Callable[[str], object]) -> None:
    # The server advises against more threads than cores; most of ours only wait.
    logging.getLogger("_granian").addFilter(lambda entry: "Python threads" not in str(entry.msg))
    server = Server(
        "timApp.app:create_app",
        address=address.number,
        port=address.port,
        interface=Interfaces.WSGI,
        workers=workers,
        backpressure=_CONNECTIONS_PER_WORKER,
        blocking_threads=_THREADS_PER_WORKER,
        log_level=LogLevels.warning,
        log_dictconfig=_LOG_TO_STDERR,
        respawn_failed_workers=True,  # one process that runs out of memory is not the end
        workers_kill_timeout=_STOP_TIMEOUT,
    )
    signals = {signal.SIGINT, signal.SIGTERM}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is after nohup
        signals.add(signal.SIGHUP)  # closing the terminal stops it, like any other program
    server.on_startup(partial(_stop_on, signals, server.signal_handler_interrupt))
    announcement = f"timApp serves on {address.url} (Ctrl-C stops it)."
    hashes_at_a_time = max(1, _cores() // workers)
    tell = partial(announce, announcement)
    load = partial(_load_application, tell, multiprocessing.Lock(), hashes_at_a_time)
    try:
        server.serve(target_loader=load, wrap_loader=False)
    except SystemExit:
        # Workers that got the signal too may have ended before they were told to.
        if not server.interrupt_signal:
            raise


def _stop_on(signals: Iterable[signal.Signals], interrupt: Callable[[], object]) -> None:
    """Replace the server's own handlers of signals, in its main process."""

    def stop(*_: object) -> None:
        # While it stops, the server may take a worker that has just ended for one that ended
        # unexpectedly, or that refuses to end, and would say so.
        logging.getLogger("_granian").setLevel(logging.CRITICAL)
        interrupt()

    for number in signals:
        signal.signal(number, stop)


def _start_deliveries(network: Network, engine: sa.Engine) -> None:
    """Tell other hosts what they are owed, beside answering requests, until the process ends."""
    work = partial(deliver_forever, network, engine, Event(), lambda _: None)
    Thread(target=work, daemon=True, name="tell other hosts").start()


def _load_application(announce: Callable[[], object], first: Lock, hashes_at_a_time: int) -> Flask:
    """Return the application, in a worker; the first worker announces the address.

    Loading it here, and not by the server's own import, keeps the working directory out of the
    places where Python looks for modules.
    """
    # A terminal sends these to all processes; the server stops its workers by itself.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    # The handler that was inherited would swallow a signal to stop while the application loads.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    use_threads(hashes_at_a_time)
    app = create_app()
    with app.app_context():
        site = current_site()
    if site.network.hosts:
        _start_deliveries(site.network, site.guard.engine)
    site.guard.keep_tidy()
    turns = TURNS_PER_WORKER[site.guard.engine.dialect.name]
    app.wsgi_app = TakingTurns(app.wsgi_app, turns)  # type: ignore[method-assign]
    if first.acquire(block=False):
        announce()
    return app
