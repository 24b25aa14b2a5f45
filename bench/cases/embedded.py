"""timApp inside an application.

An application that greets its reader, in each framework, without the guard and with it: in this
process, without a server, and asked by many people with a cookie each. The application knows who
they are without looking, so that all of the difference is the guard's. An ASGI program asks the
guard in a thread, as the look into the database would hold up all others.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from io import BytesIO
from typing import Any, ClassVar

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path
from flask import Flask

from bench.guard import Key, keys_of
from bench.measure import interleaved, seconds_per_call
from bench.people import SESSIONS_EACH, fill
from bench.report import Section, compared
from bench.run import KINDS, Run
from timApp.embed.asgi import Guarded
from timApp.embed.django import UserSessions as UserSessionsOfDjango
from timApp.embed.flask import UserSessions, embedded_site
from timApp.embed.site import EmbeddedSite
from timApp.embed.wsgi import guarded
from timApp.guard import Claims
from timApp.user.people import Identity

TITLE = "Inside an application"
_GREETING = b"Hello."
_NAME = "bench.name"
#: Answers one request of the person with that session.
_Ask = Callable[[Key], object]


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    people = run.choose(50, 1_000, 20_000)
    section.notes.append(f"{people:,} people with {SESSIONS_EACH} sessions each.")
    keys = keys_of(people, len(_FRAMEWORKS) * run.choose(5, 100, 2_000))
    for kind in KINDS:
        with run.database(kind) as url:
            fill(url, people)
            options = {
                "DATABASE_URL": url,
                "INSTANCE_PATH": str(run.new_folder("instance")),
                "SECRET_KEY": "a key of the bench",
            }
            for number, (name, pair) in enumerate(_FRAMEWORKS.items()):
                # Cookies are renewed, and whoever comes with one of before has copied it.
                own = keys[number :: len(_FRAMEWORKS)]
                with pair(options) as (bare, ours):
                    contestants = {f"{name}, bare": bare, f"{name}, guarded": ours}
                    series = interleaved(
                        {one: seconds_per_call(ask, own) for one, ask in contestants.items()},
                        run.choose(1, 3, 21),
                    )
                title = f"{kind}, {name}"
                section.tables.append(compared(title, series, f"{name}, bare", "µs a request", 1e6))


@contextmanager
def _wsgi(options: Mapping[str, object]) -> Iterator[tuple[_Ask, _Ask]]:
    program = guarded(_greet, lambda environ: Identity(environ[_NAME]), options)
    with closing(program.site) as site:
        yield _ask_wsgi(_greet, _Browsers(None)), _ask_wsgi(program, _Browsers(site))


@contextmanager
def _flask(options: Mapping[str, object]) -> Iterator[tuple[_Ask, _Ask]]:
    bare, ours = _flask_app(), _flask_app()
    from_flask = {"name": ""}
    UserSessions(ours, lambda: Identity(from_flask["name"]), options)
    with ours.app_context():
        site = embedded_site()
    with closing(site):
        ask = _ask_wsgi(ours, _Browsers(site))

        def ask_ours(key: Key) -> object:
            from_flask["name"] = f"user{key[0]}"
            return ask(key)

        yield _ask_wsgi(bare, _Browsers(None)), ask_ours


@contextmanager
def _django(options: Mapping[str, object]) -> Iterator[tuple[_Ask, _Ask]]:
    if not settings.configured:
        settings.configure(SECRET_KEY="-", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
        django.setup()
    settings.TIMAPP, settings.MIDDLEWARE = dict(options), []
    bare = WSGIHandler()
    settings.MIDDLEWARE = [f"{__name__}.let_in", f"{__name__}.Sessions"]
    ours = WSGIHandler()
    with closing(Sessions.made.pop()) as site:
        yield _ask_wsgi(bare, _Browsers(None)), _ask_wsgi(ours, _Browsers(site))


class Sessions(UserSessionsOfDjango):
    """The middleware, which Django makes."""

    made: ClassVar[list[EmbeddedSite]] = []

    def __init__(self, get_response: Any) -> None:
        """Keep what guards the project."""
        super().__init__(get_response)
        self.made.append(self.site)


class _User:
    """Somebody whom Django knows, without a look into its database."""

    is_authenticated, email = True, ""

    def __init__(self, name: str) -> None:
        self._name = name
        self.groups = self

    def get_username(self) -> str:
        return self._name

    def get_full_name(self) -> str:
        return ""

    def values_list(self, _field: str, **_options: object) -> list[str]:
        return []


def let_in(get_response: Any) -> Any:
    """Say whose request it is, as the authentication does."""

    def middleware(request: HttpRequest) -> Any:
        request.user = _User(request.META[_NAME])
        return get_response(request)

    return middleware


#: Django looks for them here.
urlpatterns = [path("", lambda _: HttpResponse(_GREETING))]


@contextmanager
def _asgi(options: Mapping[str, object]) -> Iterator[tuple[_Ask, _Ask]]:
    program = Guarded(_greet_async, lambda scope: Identity(scope[_NAME]), options)
    with ExitStack() as stack:
        site = stack.enter_context(closing(program.site))
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        stack.callback(lambda: loop.run_until_complete(loop.shutdown_default_executor()))
        yield (
            _ask_asgi(loop, _greet_async, _Browsers(None)),
            _ask_asgi(loop, program, _Browsers(site)),
        )


_FRAMEWORKS = {"WSGI": _wsgi, "Flask": _flask, "Django": _django, "ASGI": _asgi}


def _flask_app() -> Flask:
    app = Flask(__name__)
    app.get("/", endpoint="greet")(lambda: _GREETING)
    return app


def _greet(_environ: dict[str, Any], start_response: Any) -> Sequence[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [_GREETING]


async def _greet_async(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _GREETING})


class _Browsers:
    """One for each session; they keep the cookies that they are sent."""

    def __init__(self, site: EmbeddedSite | None) -> None:
        """Take what guards the application, if anything does."""
        self._site = site
        self._cookies: dict[Key, str] = {}

    def cookie(self, key: Key) -> str:
        """Return what the browser sends, which is logged in before it is first asked for."""
        if self._site is not None and key not in self._cookies:
            issued = self._site.guard.cookies.issue(Claims(*key))
            self._cookies[key] = f"{self._site.guard.cookies.name}={issued}"
        return self._cookies.get(key, "")

    def keep(self, key: Key, headers: Iterable[tuple[str, str]]) -> None:
        """Take over the cookie of an answer."""
        for name, value in headers:
            if name.lower() == "set-cookie":
                self._cookies[key] = value.partition(";")[0]


def _ask_wsgi(program: Any, browsers: _Browsers) -> _Ask:
    def ask(key: Key) -> object:
        def start(status: str, headers: list[tuple[str, str]], *_rest: object) -> None:
            assert status == "200 OK", status
            browsers.keep(key, headers)

        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "192.0.2.1",
            "HTTP_HOST": "localhost",
            "HTTP_COOKIE": browsers.cookie(key),
            "HTTP_USER_AGENT": "Firefox",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            _NAME: f"user{key[0]}",
        }
        answer: Iterable[bytes] = program(environ, start)
        assert b"".join(answer) == _GREETING
        return answer

    return ask


def _ask_asgi(loop: asyncio.AbstractEventLoop, program: Any, browsers: _Browsers) -> _Ask:
    def ask(key: Key) -> object:
        async def send(message: Any) -> None:
            assert message.get("status", 200) == 200
            headers = message.get("headers", ())
            browsers.keep(key, ((name.decode(), value.decode()) for name, value in headers))

        scope = {
            "type": "http",
            "scheme": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [(b"cookie", browsers.cookie(key).encode()), (b"user-agent", b"Firefox")],
            "client": ("192.0.2.1", 1),
            _NAME: f"user{key[0]}",
        }
        return loop.run_until_complete(program(scope, None, send))

    return ask
