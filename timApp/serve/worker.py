"""One process that answers requests, and what it does beside that."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from threading import Event, Thread

import uvloop
from flask import Flask

from timApp.auth.site import Site, current_site
from timApp.database.servedfile import ServedFile
from timApp.hosts.outbox.forget import start_forgetting
from timApp.hosts.outbox.worker import deliver_forever
from timApp.receivers.site import current_teller
from timApp.receivers.worker import start_telling
from timApp.request.guarded import guarded_hosts
from timApp.request.large import large_routes
from timApp.request.plain import PlainErrors
from timApp.serve.crew import Crew
from timApp.serve.front import CREWS, Crews, Front
from timApp.serve.gateway import Gateway
from timApp.serve.gauges import Gauges
from timApp.serve.http.connection import Connection
from timApp.serve.http.connections import SWEEP, Connections
from timApp.serve.http.journal import Journal
from timApp.serve.http.large import LargeBodies
from timApp.serve.http.limits import Limits, connections_here
from timApp.serve.http.mailbox import Mailbox
from timApp.serve.http.message import Headers
from timApp.serve.http.refusal import Refusals
from timApp.serve.standing.bearer import Bearers
from timApp.serve.standing.gate import FrontGate
from timApp.serve.standing.looks import Looks
from timApp.serve.standing.states import States
from timApp.serve.statics import Statics
from timApp.serve.supervisor import RELOAD
from timApp.serve.toolarge import TooLarge
from timApp.ui.errors import plain_page
from timApp.ui.headers import security_headers
from timApp.user.hashing import use_threads

#: Requests that one process works on at a time, by the database. While one waits for PostgreSQL
#: another can go on; SQLite works in this very process. With more they get into each other's way,
#: and the last of them is answered late. Whoever has to wait for long gives the turn away.
TURNS_PER_WORKER = {"sqlite": 1, "postgresql": 2}
#: Threads of a process for whoever waits, by what they do.
_PAGE_THREADS, _LOGIN_THREADS, _DOOR_THREADS, _EXPORT_THREADS = 48, 32, 4, 8
_PROBE_THREADS = 2
#: Seconds that requests have to end when the process is to end.
STOP_SECONDS = 15
#: Connections that may wait until they are taken.
BACKLOG = 2048
#: Seconds for which a thread may keep others from Python. The shorter, the sooner the front is
#: told of what comes; each change of threads costs.
_SWITCH = 0.002


def work(
    app: Flask,
    sock: socket.socket,
    hashes_at_a_time: int,
    beat: Callable[[], None],
    reload: Callable[[], None],
) -> None:
    """Serve the application on a socket that listens, until SIGTERM.

    `beat` is called several times a second while the process does what it should, and `reload` at
    the signal `RELOAD`. It also ends when its parent does, so that nobody serves on behind the back
    of a new one.
    """
    # A terminal sends these to all processes; the parent stops its workers by itself.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH)
    use_threads(hashes_at_a_time)
    with app.app_context():
        site, teller = current_site(), current_teller()
    if site.network.hosts:
        deliver = partial(deliver_forever, site.network, site.guard.engine, Event(), bool)
        Thread(target=deliver, daemon=True, name="tell other hosts").start()
    start_telling(teller)
    start_forgetting(site.guard.engine)
    site.guard.keep_tidy()
    ServedFile(site.guard.engine).watch()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(app, site, sock, beat, reload))
    # The last who closes SQLite's file takes over into it what is in its log.
    site.guard.engine.dispose()
    # Threads that still wait for something would keep the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _serve(
    app: Flask,
    site: Site,
    sock: socket.socket,
    beat: Callable[[], None],
    reload: Callable[[], None],
) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(RELOAD, reload)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    parent = os.getppid()
    crews = _crews(TURNS_PER_WORKER[site.guard.engine.dialect.name])
    mailbox = Mailbox(loop, crews.pages.rest)
    front, connections = _front(app, site, sock, crews, mailbox)
    gauges = Gauges(site.tally, connections, crews.all())
    server = await loop.create_server(
        lambda: Connection(connections), sock=sock, backlog=BACKLOG, start_serving=False
    )

    def tick() -> None:
        loop.call_later(SWEEP, tick)
        connections.sweep()
        front.sweep()
        gauges.write()
        beat()
        if os.getppid() != parent:
            stop.set()

    tick()  # whoever is answered is answered by a worker that has given a sign of life
    await server.start_serving()
    await stop.wait()
    server.close()
    connections.is_ending = True
    end = loop.time() + STOP_SECONDS
    while len(connections) and loop.time() < end:
        await asyncio.sleep(SWEEP / 5)


def _crews(turns: int) -> Crews:
    logins, doors, exports, probes, pages = CREWS
    return Crews(
        logins=Crew(logins, turns=turns, threads=_LOGIN_THREADS),
        doors=Crew(doors, turns=1, threads=_DOOR_THREADS),
        exports=Crew(exports, turns=1, threads=_EXPORT_THREADS),
        probes=Crew(probes, turns=1, threads=_PROBE_THREADS),
        pages=Crew(pages, turns=turns, threads=_PAGE_THREADS),
    )


def _front(
    app: Flask, site: Site, sock: socket.socket, crews: Crews, mailbox: Mailbox
) -> tuple[Front, Connections]:
    config = app.config
    headers: Headers = [(name.encode(), value.encode()) for name, value in security_headers()]
    journal = Journal(site.tally, takes_ids=config["TRUSTED_PROXIES"] > 0)
    errors = PlainErrors(partial(plain_page, app))
    refusals = Refusals(errors, headers, journal, TooLarge(app).words)
    looks = Looks(site.guard, mailbox, site.tally, lambda: not crews.are_working)
    looks.start()
    states = States(looks, site.guard.cookies, headers, mailbox, refusals.turn_away)
    host, port = sock.getsockname()[:2]
    front = Front(
        Gateway(app, host, port),
        crews,
        states,
        FrontGate(guarded_hosts(app), headers),
        Statics(_static_prefixes(app), mailbox),
        refusals,
    )
    limits = Limits(
        request=config["REQUEST_TIMEOUT"],
        body_bytes=config["MAX_CONTENT_LENGTH"],
        connections_of_address=(
            None if config["TRUSTED_PROXIES"] else config["CONNECTIONS_PER_ADDRESS"]
        ),
        connections=connections_here(),
    )
    large = LargeBodies(large_routes(app), Bearers(site.guard.cookies).user_id, limits.large_bytes)
    return front, Connections(mailbox, front.handle, refusals, limits, journal, large)


def _static_prefixes(app: Flask) -> list[bytes]:
    """Return what the addresses of static files begin with, those of extensions included."""
    return [
        rule.rule.partition("<")[0].encode()
        for rule in app.url_map.iter_rules()
        if rule.endpoint.rpartition(".")[2] == "static"
    ]
