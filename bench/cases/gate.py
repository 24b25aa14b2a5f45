"""The gate.

First the gate is asked directly, over several kept connections without pause, as nginx asks it for
people who are logged in; one worker of `timapp run`. Its floor is a gate as small as it can be: an
ASGI program on a bare server (granian), which checks the same signature, makes the driver's own
look-up, and answers nothing but 200. Beside it are a document from the same `timapp run`, which is
a guarded page of Flask, and the gate that Flask-Login would be, on a bare server, too.

Then a static file is asked for by wrk from nginx, configured as in `examples/gate` but that it has
the file itself. The floor asks another nginx, which answers 200 without a look (`return 200`);
others ask nobody, keep for a second who may pass, or ask Flask-Login. A gate has as many workers as
there are cores. Beside them is Apache with mod_auth_openidc, which has the file and keeps logins in
its own memory: that one was ended elsewhere it learns from its provider alone.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.apache import is_missing as apache_is_missing
from bench.apache import openidc_apache
from bench.apps import PATH, environment_of, prepared
from bench.browsers import Browsers
from bench.exam import DOCUMENT, add_document, site
from bench.measure import Contestant, interleaved
from bench.nginx import FILE, constant_nginx, gated_nginx, plain_nginx
from bench.people import fill
from bench.report import Section, at_least, compared
from bench.run import THREADS, Run
from bench.server import Server, served, timapp_run
from bench.wrk import asking, has_wrk
from timApp.gate.asked import NGINX_PATH
from timApp.serve.server import available_cores

TITLE = "The gate"
_CONNECTIONS = 16
_GATE, _BARE, _PAGE = "the gate", "bare ASGI program", "a document"
_LOGIN, _OPENIDC = "Flask-Login", "Apache, mod_auth_openidc"
_CONSTANT, _NOBODY, _KEEPING = "a constant 200", "nobody is asked", "the gate, kept for a second"
#: What nginx calls the file, which is asked for without a port.
_ORIGIN = "http://127.0.0.1"
_OPTIONS: Mapping[str, str] = {
    "TIM_SITE_URL": _ORIGIN,
    "TIM_GUARDED_HOSTS": f'{{"{_ORIGIN}": {{}}}}',
    "TIM_TRUSTED_PROXIES": "1",
}


@dataclass(frozen=True)
class _Site:
    """What gates work on, and the browsers of people who are logged in."""

    kind: str
    environment: Mapping[str, str]
    ours: Browsers
    #: The same people, as Flask-Login knows them.
    others: Browsers


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    if not has_wrk():
        section.notes.append("wrk is not here (Debian: apt-get install wrk): nginx is left out.")
    elif (missing := apache_is_missing()) is not None:
        section.notes.append(f"{missing} is not here, and left out.")
    for kind in run.kinds_served:
        with run.database(kind) as url:
            fill(url, run.choose(20, 2_000, 20_000))
            with site(url, run.new_folder("site")):
                add_document()
            people = run.choose(2, 50, 200)
            environment = {**environment_of(url, people, run.new_folder("server")), **_OPTIONS}
            ours, others = (
                Browsers(prepared(one, environment)) for one in ("timapp", "flask_login")
            )
            guarded = _Site(kind, environment, ours, others)
            _ask_directly(guarded, run, section)
            if has_wrk():
                _ask_nginx(guarded, run, section)


def _ask_directly(guarded: _Site, run: Run, section: Section) -> None:
    folder, seconds = run.new_folder("servers"), run.choose(0.1, 0.25, 0.3)
    original = {"X-Original-URL": f"{_ORIGIN}{FILE}"}
    with ExitStack() as stack:
        ours = stack.enter_context(timapp_run(guarded.environment, folder, "--workers", "1"))
        bare = stack.enter_context(_bare_program(guarded, folder))
        login = stack.enter_context(_flask_login(guarded, folder, 1))

        def asking_for(
            browsers: Browsers, server: Server, path: str, headers: Mapping[str, str]
        ) -> Contestant:
            return lambda: browsers.rate(server.port, path, seconds, _CONNECTIONS, headers)

        series = interleaved(
            {
                _GATE: asking_for(guarded.ours, ours, NGINX_PATH, original),
                _BARE: asking_for(guarded.ours, bare, "/", {}),
                _PAGE: asking_for(guarded.ours, ours, DOCUMENT, {}),
                _LOGIN: asking_for(guarded.others, login, PATH, {}),
            },
            run.choose(1, 3, 41),
        )
    section.goals += [
        at_least(f"{guarded.kind}: {_GATE} / {_BARE}", series[_GATE].ratio_to(series[_BARE]), 0.8),
        at_least(f"{guarded.kind}: {_GATE} / {_PAGE}", series[_GATE].ratio_to(series[_PAGE]), 2.5),
    ]
    section.tables.append(compared(f"{guarded.kind}, asked directly", series, _BARE, "requests/s"))


def _bare_program(guarded: _Site, folder: Path) -> AbstractContextManager[Server]:
    factory = "bench.apps.raw_asgi:create_app"
    return served(factory, guarded.environment, folder, "/", threads=1, interface="asgi")


def _flask_login(guarded: _Site, folder: Path, workers: int) -> AbstractContextManager[Server]:
    factory, threads = "bench.apps.flask_login:create_app", THREADS[guarded.kind]
    return served(factory, guarded.environment, folder, "/", threads=threads, workers=workers)


def _ask_nginx(guarded: _Site, run: Run, section: Section) -> None:
    folder = run.new_folder("servers")
    with ExitStack() as stack:

        def in_front_of(gate: Server, path: str, *, keeps: bool = False) -> Server:
            gated = gated_nginx(run.new_folder("nginx"), gate.port, path, keeps=keeps)
            return stack.enter_context(gated)

        ours = stack.enter_context(timapp_run(guarded.environment, folder))
        login = stack.enter_context(_flask_login(guarded, folder, available_cores()))
        constant = stack.enter_context(constant_nginx(run.new_folder("nginx")))
        asked = {
            _GATE: in_front_of(ours, NGINX_PATH),
            _CONSTANT: in_front_of(constant, "/"),
            _NOBODY: stack.enter_context(plain_nginx(run.new_folder("nginx"))),
            _KEEPING: in_front_of(ours, NGINX_PATH, keeps=True),
            _LOGIN: in_front_of(login, PATH),
        }
        contestants = {}
        for name, server in asked.items():
            browsers = guarded.others if name == _LOGIN else guarded.ours
            contestants[name] = asking(folder, server.port, FILE, browsers.cookies, _CONNECTIONS)
        if apache_is_missing() is None:
            made = openidc_apache(run.new_folder("apache"), run.choose(1, 5, 50))
            server, cookies = stack.enter_context(made)
            contestants[_OPENIDC] = asking(folder, server.port, FILE, cookies, _CONNECTIONS)
        series = interleaved(contestants, run.choose(1, 1, 21))
    ratio = series[_GATE].ratio_to(series[_CONSTANT])
    section.goals.append(
        at_least(f"{guarded.kind}, behind nginx: {_GATE} / {_CONSTANT}", ratio, 0.35)
    )
    title = f"{guarded.kind}, a file behind nginx, by who is asked"
    section.tables.append(compared(title, series, _CONSTANT, "requests/s"))
