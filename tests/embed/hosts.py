"""The same small application in each framework, which lets anybody in by name: its own matter.

``POST /in?name=N`` lets N in, ``/out`` logs them out as the framework does, ``POST /forget``
drops all that the framework keeps of them; ``GET /`` says who they are, ``POST /echo`` sends back
what came, and ``POST /in`` counts, so that it is seen what got to the application.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import httpx
from fastapi import FastAPI, Request
from flask import Flask, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse, Response

from timApp.embed.asgi import Guarded
from timApp.embed.flask import UserSessions
from timApp.embed.site import EmbeddedSite
from timApp.embed.wsgi import guarded
from timApp.user.people import Identity
from timApp.user.usergroup import SUPERVISOR_GROUP

BASE = "http://localhost"
#: What is open to blocked sessions, too.
OPEN = ("/help/*",)
#: Where people log in and out.
LOGIN, LOGOUT = "/in", "/out"
#: Who is a supervisor, as the application knows it.
SUPERVISOR = "super"


def identity_of(name: str | None) -> Identity | None:
    """Return whom the application takes somebody of that name for."""
    if name is None:
        return None
    groups = frozenset({SUPERVISOR_GROUP} if name == SUPERVISOR else ())
    return Identity(name, name.title(), None, groups)


@dataclass
class Guest:
    """The application with its guard; `asked` is what got to it."""

    transport: httpx.BaseTransport | httpx.AsyncBaseTransport
    #: What guards it.
    site: EmbeddedSite
    asked: list[str]


class Account(UserMixin):  # type: ignore[misc]
    """Somebody, as Flask-Login wants them."""

    def __init__(self, name: str) -> None:
        self.id = name
        found = identity_of(name)
        assert found is not None
        self.real_name, self.groups = found.real_name, found.groups


def flask_guest(options: Mapping[str, object]) -> Guest:
    """Flask with Flask-Login, which can remember people."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "the application's own"
    logins = LoginManager(app)
    logins.user_loader(Account)
    asked: list[str] = []

    @app.before_request
    def note() -> None:
        asked.append(request.path)

    @app.get("/")
    def index() -> str:
        return f"Hello, {current_user.get_id()}."

    @app.post("/in")
    def let_in() -> str:
        session["kept"] = "something of the application's"
        login_user(Account(request.args["name"]), remember="remember" in request.args)
        return "in"

    @app.route("/out", methods=["GET", "POST"])
    def log_out() -> str:
        logout_user()
        return "out"

    @app.post("/forget")
    def forget() -> str:
        session.clear()
        return "forgotten"

    @app.post("/echo")
    def echo() -> bytes:
        return request.get_data()

    UserSessions(app, options=options, open_to_blocked=OPEN, login=LOGIN, logout=LOGOUT)
    return Guest(httpx.WSGITransport(app=app), app.extensions["timapp_sessions"], asked)


def wsgi_guest(options: Mapping[str, object]) -> Guest:
    """A WSGI program without any framework, whose cookie says who somebody is."""
    asked: list[str] = []

    def program(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, headers = environ["PATH_INFO"], [("Content-Type", "text/plain")]
        asked.append(path)
        body = f"Hello, {_sent(environ)}.".encode()
        if path == "/in":
            (environ["example.name"],) = parse_qs(environ["QUERY_STRING"])["name"]
            headers.append(("Set-Cookie", f"who={environ['example.name']}"))
        elif path in {"/out", "/forget"}:
            environ["example.name"] = None
            headers.append(("Set-Cookie", "who=; Max-Age=0"))
        elif path == "/echo":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("200 OK", headers)
        return [body]

    def who(environ: dict[str, Any]) -> Identity | None:
        return identity_of(environ.get("example.name", _sent(environ)))

    guard = guarded(program, who, options, open_to_blocked=OPEN, login=LOGIN, logout=LOGOUT)
    return Guest(httpx.WSGITransport(app=guard), guard.site, asked)


def _sent(environ: Mapping[str, Any]) -> str | None:
    sent = SimpleCookie(environ.get("HTTP_COOKIE", ""))
    return sent["who"].value if "who" in sent else None


def asgi_guest(options: Mapping[str, object]) -> Guest:
    """FastAPI, with the sessions of Starlette around the guard."""
    app, asked = FastAPI(), list[str]()

    @app.get("/", response_class=PlainTextResponse)
    async def index(request: Request) -> str:
        return f"Hello, {request.session.get('name')}."

    @app.post("/in")
    async def let_in(request: Request) -> str:
        request.session["name"] = request.query_params["name"]
        return "in"

    @app.api_route("/out", methods=["GET", "POST"])
    async def log_out(request: Request) -> str:
        del request.session["name"]
        return "out"

    @app.post("/forget")
    async def forget(request: Request) -> str:
        request.session.clear()
        return "forgotten"

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body())

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await app(scope, receive, send)

    def who(scope: Any) -> Identity | None:
        return identity_of(scope["session"].get("name"))

    guard = Guarded(noting, who, options, open_to_blocked=OPEN, login=LOGIN, logout=LOGOUT)
    app_with_sessions = SessionMiddleware(guard, "the application's own")
    return Guest(httpx.ASGITransport(app=app_with_sessions), guard.site, asked)
