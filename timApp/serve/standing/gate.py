"""The gate, for whoever is logged in: one look-up, and no thread of the application."""

from functools import lru_cache, partial

from timApp.gate.answer import passing
from timApp.gate.asked import FORWARD_PATH, NGINX_PATH, Asked, Header, read_forward, read_nginx
from timApp.gate.decision import Decision, decide
from timApp.gate.identity import Passing
from timApp.guard.cookie import Claims
from timApp.guard.verdict import Verdict
from timApp.request.guarded import GuardedHost, GuardedHosts
from timApp.serve.http.message import Answer, Headers, Request
from timApp.serve.standing.states import Say

#: People of whom a process remembers what is said of them: more than come to it at once.
_REMEMBERED = 2048
_FORWARD, _NGINX = FORWARD_PATH.encode(), NGINX_PATH.encode()


class FrontGate:
    """Says to proxies that somebody may pass; all else is for `timApp.gate.routes`."""

    def __init__(self, hosts: GuardedHosts, headers: Headers) -> None:
        """Take the guarded hosts, and the headers of each answer."""
        self._hosts = hosts
        self._headers: Headers = [*headers, (b"Cache-Control", b"no-store"), (b"Vary", b"Cookie")]
        self._passing = lru_cache(_REMEMBERED)(self._answer)

    def saying(self, request: Request) -> Say | None:
        """Return what says the answer to a request; None if the application has to.

        Envoy is not answered here: under which scheme it was asked, only the application knows.
        """
        if request.target == _NGINX:
            asked = read_nginx(_header_of(request))
        elif request.target == _FORWARD:
            asked = read_forward(_header_of(request))
        else:
            return None
        host = None if asked is None else self._hosts.find(asked.address)
        if asked is None or host is None:
            return None
        return partial(self._say, host, asked)

    def _say(
        self, host: GuardedHost, asked: Asked, _claims: Claims, verdict: Verdict, _exams: str
    ) -> Answer | None:
        decision = decide(host, asked.path, verdict.standing, verdict.visitor)
        if decision not in {Decision.PASS, Decision.OPEN}:
            return None
        return self._passing(Passing.of(verdict.visitor if decision is Decision.PASS else None))

    def _answer(self, who: Passing) -> Answer:
        said = passing(who)
        headers = [(name.encode(), value.encode()) for name, value in said.headers]
        return Answer(said.status.encode(), headers + self._headers)


def _header_of(request: Request) -> Header:
    values: dict[bytes, bytes | None] = {}
    for name, value in request.headers:
        values[name] = None if name in values else value

    def header(name: str) -> str | None:
        value = values.get(name.encode())
        return None if value is None else value.decode("latin-1")

    return header
