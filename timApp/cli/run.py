"""`timapp run`."""

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

import click
from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from timApp.app import create_app
from timApp.cli.address import Address, reserve
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.hosts.network import read_network
from timApp.hosts.worker import deliver_forever
from timApp.timdb.sqa import db
from timApp.user.hashing import WAITING_MAX, use_threads
from timApp.util.turns import Turns

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
_WORKERS_MAX_DEFAULT = 4
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


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command(
    "run",
    epilog=examples("timapp run", "timapp run --host 0.0.0.0 --port 8080 --workers 2"),
)
@click.option(
    "--host",
    metavar="HOST",
    default="127.0.0.1",
    show_default=True,
    help="The address to serve on: 127.0.0.1 is reached from this machine only, 0.0.0.0 from any.",
)
@click.option(
    "--port", metavar="PORT", type=click.IntRange(1, 65535), default=5000, show_default=True
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Processes that answer requests.  [default: one a core, at most {_WORKERS_MAX_DEFAULT}]",
)
def command(host: str, port: int, workers: int | None) -> None:
    """Serve the site until Ctrl-C or SIGTERM."""
    with application():
        pass  # what is wrong with the configuration or the database is said now, and once
    address = Address.of(host, port)
    address.check_free()
    _allow_open_files()
    with reserve(address):
        _serve(address, workers or min(_cores(), _WORKERS_MAX_DEFAULT))


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


def _serve(address: Address, workers: int) -> None:
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
    load = partial(_load_application, announcement, multiprocessing.Lock(), hashes_at_a_time)
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


def _start_deliveries(app: Flask) -> None:
    """Tell other hosts what they are owed, beside answering requests, until the process ends."""

    def work() -> None:
        with app.app_context():
            deliver_forever(Event(), lambda _: None)

    Thread(target=work, daemon=True, name="tell other hosts").start()


def _load_application(announcement: str, first: Lock, hashes_at_a_time: int) -> Flask:
    """Return the application, in a worker; the first worker prints the address.

    Loading it here, and not by the server's own import, keeps the working directory out of the
    places where Python looks for modules.
    """
    # A terminal sends these to all processes; the server stops its workers by itself.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    # The handler that was inherited would swallow a signal to stop while the application loads.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    use_threads(hashes_at_a_time)
    app = create_app()
    if read_network(app.config).hosts:
        _start_deliveries(app)
    with app.app_context():
        turns = TURNS_PER_WORKER[db.engine.dialect.name]
    app.wsgi_app = Turns(app.wsgi_app, turns)  # type: ignore[method-assign]
    if first.acquire(block=False):
        click.echo(announcement)
    return app
