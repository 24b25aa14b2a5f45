"""The server that `timapp run` starts: sockets, and workers that serve on them."""

import gc
import logging
import os
import resource
import socket
from collections.abc import Callable

from timApp.app import create_app
from timApp.auth.site import current_site
from timApp.database.servedfile import ServedFile
from timApp.serve.address import Address
from timApp.serve.counted import counted_of
from timApp.serve.http.limits import Limits, connections_here
from timApp.serve.reload import Reloading
from timApp.serve.supervisor import Supervisor
from timApp.serve.worker import BACKLOG, STOP_SECONDS, work

#: Workers by default, if there are as many cores.
WORKERS_MAX_DEFAULT = 4
#: So many connections of a worker are too few for a hall.
_FEW_CONNECTIONS = 1500
_log = logging.getLogger(__name__)


def serve(address: Address, workers: int | None, announce: Callable[[str], object]) -> None:
    """Serve the site until a signal to stop.

    Without a number of workers it is one a core, up to a limit. `announce` is told the address once
    the first of them is ready. `TimError` if the port is taken.
    """
    # Made once, the workers share its memory, as long as nobody touches it to count or to collect.
    app = create_app()
    reloading = Reloading(app)
    _allow_open_files()
    connections = connections_here()
    if connections < _FEW_CONNECTIONS:
        _log.warning(
            "The system lets a process open so few files that each worker takes %d connections:"
            " raise the limit (ulimit -Hn, LimitNOFILE).",
            connections,
        )
    count = workers or min(available_cores(), WORKERS_MAX_DEFAULT)
    # Each worker has a socket of its own, which outlives it: whoever is in its queue when it dies
    # is answered by the next one.
    address.check_free()
    sockets = [_listening(address) for _ in range(count)]
    hashes_at_a_time = max(1, available_cores() // count)
    if address.is_every:
        app.config["REACHED_AT"] = address.url
    with app.app_context():
        site = current_site()
    site.tally.declare(counted_of(app))
    site.tally.share(count)
    gc.collect()
    gc.freeze()

    def run_worker(number: int, beat: Callable[[], None]) -> None:
        for other in sockets:
            if other is not sockets[number]:
                other.close()
        site.tally.take_row(number)
        work(app, sockets[number], hashes_at_a_time, beat, reloading.follow)

    def ready() -> None:
        announce(f"timApp serves on {address.url} (Ctrl-C stops it).")

    def stopping() -> None:
        for sock in sockets:
            sock.close()

    file = ServedFile(site.guard.engine)
    Supervisor(
        count,
        run_worker,
        ready=ready,
        stopping=stopping,
        reload=reloading.reload,
        stop_seconds=STOP_SECONDS + 5,
    ).run()
    file.take_over_log()


def _listening(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((address.number, address.port))
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _allow_open_files() -> None:
    """Raise the number of files that a process may open, if it is too low and may be raised.

    Each connection is one, and many systems begin with 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * Limits.connections
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
