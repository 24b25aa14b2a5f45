"""The front: who answers which request, and how long it may wait for that."""

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial

from timApp.request.precheck import check_named_host
from timApp.serve.crew import Crew, Job
from timApp.serve.gateway import Gateway
from timApp.serve.heldback import HeldBack
from timApp.serve.http.journal import STATIC_ROUTE
from timApp.serve.http.message import Answer, Exchange, Headers, Request, status_line
from timApp.serve.http.refusal import HOST, LOGINS_FULL, Refusals
from timApp.serve.reports import REPORT_TARGET, Reports
from timApp.serve.standing.gate import FrontGate
from timApp.serve.standing.states import STATE_TARGETS, States
from timApp.serve.statics import Statics
from timApp.util.errors import BadRequest
from timApp.util.repeats import Repeats
from timApp.util.target import read_target

_log = logging.getLogger(__name__)

_LOGIN = b"/login"
_DOCUMENTS = b"/view/"
_GATE = b"/gate/"
_ALIVE, _PROBES = b"/healthz", frozenset((b"/readyz", b"/metrics"))
_READS = frozenset((b"GET", b"HEAD"))
_EXPORTS = (
    b"/user/sessions/all",
    b"/administer/sessions/export",
    b"/administer/record/export",
)
#: Seconds that whoever reads a document, logs in, or does anything else waits for a thread. With
#: what is left of their patience then (`timApp.request.patience`), all but logins are answered
#: within two seconds, or five.
_DOCUMENT_SECONDS, _LOGIN_SECONDS, _SECONDS = 1.75, 60.0, 4.5
#: People of one process who may wait to be logged in: a hall that comes at once.
LOGINS_WAITING_MAX = 1000
_TOO_MANY_LOGINS = "Too many people are logging in just now. Try again in a while."
#: Seconds after which whoever was told so may try again.
_RETRY_LOGIN_AFTER = 10


@dataclass(frozen=True)
class Crews:
    """The threads, by what they do, so that those who wait for one thing hold up nobody else."""

    #: Log people in.
    logins: Crew
    #: Show the login page and fetch static files, for which nobody waits for the database.
    doors: Crew
    #: Write exports, each for as long as the client takes to read it.
    exports: Crew
    #: Say how it stands with the server, also when all others have too much to do.
    probes: Crew
    #: Do everything else.
    pages: Crew

    def all(self) -> tuple[Crew, ...]:
        """Return all of them."""
        return self.logins, self.doors, self.exports, self.probes, self.pages

    @property
    def are_working(self) -> bool:
        """Whether any of them has something to do."""
        return any(crew.is_working for crew in self.all())


#: What they are called, in the order of their fields.
CREWS = ("login", "door", "export", "probe", "page")


class Front:
    """Answers exchanges; for the loop's thread."""

    def __init__(  # noqa: PLR0917 - its parts
        self,
        gateway: Gateway,
        crews: Crews,
        states: States,
        gate: FrontGate,
        statics: Statics,
        refusals: Refusals,
    ) -> None:
        self._gateway = gateway
        self._gate = gate
        self._crews = crews
        self._states = states
        self._statics = statics
        self._refusals = refusals
        self._alive = _alive_answer(refusals.headers)
        self._reports = Reports(refusals.headers, refusals)
        self._turned_away = Repeats()

    def handle(self, exchange: Exchange) -> None:
        """Answer an exchange, now or later."""
        request = exchange.request
        try:
            if request.target[:1] != b"/" or b"#" in request.target:
                _take_host_from_target(request)
            _check_host(request)
        except BadRequest as error:
            refusal = self._refusals.answer(400, request, message=str(error), reason=HOST)
            exchange.answer(refusal)
            return
        if not self._takes(exchange):
            self._ask_pages(exchange)

    def _takes(self, exchange: Exchange) -> bool:
        """Answer what is not the pages' to answer; tell whether it was."""
        request = exchange.request
        if request.target in STATE_TARGETS and request.method == b"GET" and not request.body:
            request.route = request.target.decode()
            return self._states.ask_state(exchange, _DOCUMENT_SECONDS, self._ask_pages)
        if self._statics.has(request):
            request.route = STATIC_ROUTE
            self._statics.answer(exchange, self._ask_doors)
        elif request.target.partition(b"?")[0] == _LOGIN:
            request.route = _LOGIN.decode()
            self._log_in(exchange)
        elif request.target == _ALIVE and request.method in _READS and not request.body:
            request.route = _ALIVE.decode()
            exchange.answer(self._alive)
        elif request.target == REPORT_TARGET and request.method == b"POST":
            request.route = REPORT_TARGET.decode()
            exchange.answer(self._reports.answer(request))
        elif request.target.startswith(_GATE):
            self._ask_gate(exchange)
        elif request.target in _PROBES:
            self._ask(self._crews.probes, exchange, _SECONDS)
        else:
            return False
        return True

    def _ask_gate(self, exchange: Exchange) -> None:
        request = exchange.request
        say = self._gate.saying(request)
        if say is not None:
            request.route = request.target.decode()
        if say is None or not self._states.ask(
            exchange, say, _DOCUMENT_SECONDS, self._ask_pages, renews=False, is_urgent=True
        ):
            self._ask_pages(exchange)

    def sweep(self) -> None:
        """Tell those that have waited long enough; to be called several times a second."""
        self._states.expire()
        for crew in self._crews.all():
            crew.expire()

    def _log_in(self, exchange: Exchange) -> None:
        if exchange.request.method != b"POST":
            self._ask_doors(exchange)
        elif self._is_full(self._crews.logins):
            self._turn_login_away(exchange)
        else:
            held_back = HeldBack(exchange, asyncio.get_running_loop())
            self._ask(self._crews.logins, held_back, _LOGIN_SECONDS, counts=False)

    @staticmethod
    def _is_full(logins: Crew) -> bool:
        if logins.queued >= LOGINS_WAITING_MAX:
            logins.expire()  # those that have gone take nobody's place
        return logins.queued >= LOGINS_WAITING_MAX

    def _turn_login_away(self, exchange: Exchange) -> None:
        untold = self._turned_away.to_tell("logins")
        if untold is not None:
            _log.warning(
                "A login is turned away, as %d people wait to be logged in by this worker.%s",
                LOGINS_WAITING_MAX,
                untold,
            )
        exchange.answer(
            self._refusals.answer(
                503,
                exchange.request,
                message=_TOO_MANY_LOGINS,
                reason=LOGINS_FULL,
                retry_after=_RETRY_LOGIN_AFTER,
            )
        )

    def _ask_doors(self, exchange: Exchange) -> None:
        self._ask(self._crews.doors, exchange, _SECONDS)

    def _ask_pages(self, exchange: Exchange) -> None:
        target = exchange.request.target
        crew = self._crews.exports if target.startswith(_EXPORTS) else self._crews.pages
        self._ask(crew, exchange, _DOCUMENT_SECONDS if target.startswith(_DOCUMENTS) else _SECONDS)

    def _ask(self, crew: Crew, exchange: Exchange, seconds: float, *, counts: bool = True) -> None:
        """Let the application answer in a thread of that crew.

        Unless it counts for nothing, the application is told how long that took.
        """
        now = time.monotonic()
        crew.submit(
            Job(
                partial(
                    self._gateway.answer,
                    exchange,
                    # Here, where it is made for many in a row, it takes a third of the time.
                    self._gateway.environ(exchange.request),
                    now if counts else None,
                ),
                lambda: exchange.is_wanted,
                partial(self._refusals.turn_away, exchange),
                now + seconds,
            )
        )


def _alive_answer(headers: Headers) -> Answer:
    """Return what `timApp.pages.monitoring.health` says: this process answers."""
    body = b'{"status":"ok"}\n'
    kind: Headers = [(b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store")]
    return Answer(status_line(200), [*kind, *headers], body, len(body))


def _check_host(request: Request) -> None:
    """Raise `BadRequest` unless one host is asked, as HTTP/1.1 demands. Source: RFC 9112, 3.2.

    By which names the site may be asked is for the application to say, to which proxies may have
    told another one.
    """
    hosts = [value for name, value in request.headers if name == b"host"]
    if len(hosts) == 1:
        check_named_host(hosts[0].decode("latin-1"))
    elif hosts or request.version != "1.0":
        raise BadRequest("A request names one host, in one Host header.")


def _take_host_from_target(request: Request) -> None:
    """Give a request whose target is a whole URL the form of others, whose host is in a header.

    `BadRequest` for a target that is neither that nor a path.
    """
    target = read_target(request.target.decode("latin-1"))
    if target.host is not None:
        request.headers = [pair for pair in request.headers if pair[0] != b"host"]
        request.headers.append((b"host", target.host.encode("latin-1")))
    query = f"?{target.query}" if target.query else ""
    request.target = f"{target.path}{query}".encode("latin-1")
