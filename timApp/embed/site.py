"""The site inside of an application: what the wrappers of all frameworks have in common."""

from collections.abc import Collection, Mapping
from enum import Enum
from io import BytesIO
from typing import Any, NamedTuple, TypedDict
from urllib.parse import quote, urlencode

from werkzeug.http import dump_cookie, parse_cookie
from werkzeug.test import run_wsgi_app

from timApp.app import create_app
from timApp.auth.site import current_site
from timApp.database.dialects.sqlitefile import require_file_of
from timApp.database.failure import ERRORS
from timApp.embed.rule import Step, step_for
from timApp.embed.view import ASKED, PATH, Asked, embedded
from timApp.guard.cookie import HOST_PREFIX, SECURE_PREFIX, names_of
from timApp.guard.verdict import Standing, Verdict
from timApp.guard.vocabulary import Place
from timApp.request.application import HOME_KEY, KEY, METHOD_KEY, ApplicationLogin
from timApp.request.guarded import is_plainly_below
from timApp.user.people import Identity
from timApp.util.text import header_text

#: Below this path of the application the pages are.
PREFIX = "/_timapp"
Headers = list[tuple[str, str]]
Environ = dict[str, Any]

_NOBODY = Verdict(Standing.ANONYMOUS)
#: Of a request these say something of its body, which is the application's.
_OF_BODY = ("CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING")


class OurLogin(Enum):
    """Stands for whomever our own login says, in an application that has none."""

    OUR_LOGIN = "our login"


OUR_LOGIN = OurLogin.OUR_LOGIN


class Answer(NamedTuple):
    """What stands in the place of the application's answer."""

    status: str
    headers: Headers
    body: bytes


class Look(NamedTuple):
    """What comes of a look at a request."""

    #: Whose session it is from now on; None for nobody's.
    name: str | None
    #: `Set-Cookie` headers for the application's answer.
    cookies: Headers
    #: None if the application answers.
    answer: Answer | None = None


class Paths(TypedDict, total=False):
    """Paths of the application, which wrappers hand on to `EmbeddedSite`; it refuses others."""

    prefix: str
    open_to_blocked: Collection[str]
    login: str | None
    logout: str | None


class EmbeddedSite:
    """timApp for one application. Any thread may ask it."""

    def __init__(
        self,
        options: Mapping[str, object] | None = None,
        *,
        prefix: str = PREFIX,
        open_to_blocked: Collection[str] = (),
        login: str | None = None,
        logout: str | None = None,
    ) -> None:
        """`options` are those of `timApp.defaultconfig`, by name; others come as they always do.

        The pages are below `prefix`.
        `open_to_blocked` are paths of the application, such as ``/help/*``, that also those reach
        whose session is blocked. `login` and `logout` are the paths where an application that has
        a login of its own shows its form (the first page, if it is not said) and logs out by GET;
        they are open to blocked sessions, too. The database has to be there and up to date:
        `timapp db upgrade`. `NoDatabaseFile` if there is no file of SQLite's.
        """
        own = [path.partition("?")[0] for path in (login, logout) if path is not None]
        self._open_to_blocked = (*open_to_blocked, *own)
        self._login, self._logout = login or "/", logout
        # The cookie is for the whole of the application, and not just for the pages.
        self.app = create_app({"SESSION_COOKIE_PATH": "/", **(options or {})})
        self.app.register_blueprint(embedded)
        self.prefix = prefix.rstrip("/")
        with self.app.app_context():
            self.guard = current_site().guard
        require_file_of(self.guard.engine)
        self._names = names_of(self.guard.cookies.name)

    def close(self) -> None:
        """Close the connections to the database."""
        self.guard.engine.dispose()

    def is_page(self, path: str) -> bool:
        """Tell whether an address of the application is one of the pages."""
        return path == self.prefix or path.startswith(f"{self.prefix}/")

    def look(self, environ: Environ, identity: Identity | OurLogin | None) -> Look:
        """Look at a request before the application answers it, which takes its sender for so.

        One look into the database, unless a session begins or ends by it. With `OUR_LOGIN` whoever
        is not logged in is led to our page.
        """
        try:
            verdict, cookies = self._checked(environ)
        except ERRORS as error:
            # The application would have no answer to that.
            return self._settled(environ, Asked(None, failure=error))
        if identity is OUR_LOGIN:
            return self._look_at_own(environ, verdict, cookies)
        name = None if verdict.visitor is None else verdict.visitor.name
        step = step_for(name, verdict.standing, identity)
        is_open = step is not Step.GO_ON and self._is_open(environ)
        if step is Step.GO_ON or (step is Step.BLOCK and is_open):
            return Look(name, cookies)
        return self._settled(environ, Asked(identity, shows_blocked=not is_open))

    def look_again(
        self, environ: Environ, before: Look, identity: Identity | OurLogin | None
    ) -> Headers:
        """Return the `Set-Cookie` headers of the answer, when it is known whom it has let in.

        Whoever has just logged in and is blocked is told so at their next request.
        """
        if identity is OUR_LOGIN or is_settled(before, identity):
            return before.cookies
        return self._settled(environ, Asked(identity, shows_blocked=False)).cookies

    def _is_open(self, environ: Environ) -> bool:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        return is_plainly_below(path, self._open_to_blocked)

    def _look_at_own(self, environ: Environ, verdict: Verdict, cookies: Headers) -> Look:
        if verdict.visitor is None:
            asked = urlencode({"next": address_of(environ)})
            place = f"{environ.get('SCRIPT_NAME', '')}{self.prefix}/login?{asked}"
            return Look(None, [], Answer("302 Found", [("Location", place)], b""))
        if verdict.standing is Standing.BLOCKED and not self._is_open(environ):
            person = Identity(verdict.visitor.name)
            return self._settled(environ, Asked(person), has_login=False)
        return Look(verdict.visitor.name, cookies)

    def pages(self, environ: Environ, start_response: Any, *, has_login: bool) -> Any:
        """Answer a request for one of the pages, as a WSGI program does.

        `has_login` says whether the application has a login of its own.
        """
        path = environ["PATH_INFO"][len(self.prefix) :] or "/"
        below = environ | self._below(environ, path, has_login=has_login)
        return self.app.wsgi_app(below, start_response)

    def _checked(self, environ: Environ) -> tuple[Verdict, Headers]:
        sent = parse_cookie(environ)
        name = next((one for one in self._names if one in sent), None)
        if name is None:
            return _NOBODY, []
        verdict = self.guard.check(sent[name], lambda: _place(environ))
        if verdict.cookie is None:
            return verdict, []
        is_secure = environ["wsgi.url_scheme"] == "https"
        cookie = dump_cookie(
            name,
            verdict.cookie,
            max_age=self.guard.cookies.max_age,
            httponly=True,
            samesite="Lax",
            path="/",
            secure=is_secure or name.startswith((HOST_PREFIX, SECURE_PREFIX)),
        )
        return verdict, [("Set-Cookie", cookie)]

    def _below(self, environ: Environ, path: str, *, has_login: bool) -> Environ:
        """Return what a request for that path of the site has of its own, and what is around."""
        root = _root_of(environ)
        logout = None if self._logout is None else root + self._logout
        return {
            "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + self.prefix,
            "PATH_INFO": path,
            HOME_KEY: f"{root}/",
            KEY: ApplicationLogin(root + self._login, logout) if has_login else None,
        }

    def _settled(self, environ: Environ, what: Asked, *, has_login: bool = True) -> Look:
        """Let the site do what there is to do, as if it was asked by the request's sender."""
        asked = {name: value for name, value in environ.items() if name not in _OF_BODY}
        asked |= self._below(environ, PATH, has_login=has_login)
        asked |= {
            "REQUEST_METHOD": "GET",
            "QUERY_STRING": urlencode({"to": address_of(environ)}),
            "wsgi.input": BytesIO(),
            ASKED: what,
            METHOD_KEY: environ["REQUEST_METHOD"],
        }
        chunks, status, headers = run_wsgi_app(self.app.wsgi_app, asked, buffered=True)
        cookies = [("Set-Cookie", value) for value in headers.getlist("Set-Cookie")]
        name = None if what.identity is None else what.identity.name
        if status.startswith("204"):
            return Look(name, cookies)
        return Look(name, cookies, Answer(status, headers.to_wsgi_list(), b"".join(chunks)))


def is_settled(before: Look, identity: Identity | OurLogin | None) -> bool:
    """Tell whether the answer has let in nobody else than the look has found; asks no database."""
    return identity is OUR_LOGIN or (step_for(before.name, Standing.VALID, identity) is Step.GO_ON)


def address_of(environ: Environ) -> str:
    """Return where a request goes on that is held up: the same page, or the first one."""
    root = _root_of(environ)
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return f"{root}/"
    path = root + quote(environ.get("PATH_INFO", "").encode("latin-1")) or "/"
    query = environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def _root_of(environ: Environ) -> str:
    return quote(environ.get("SCRIPT_NAME", "").encode("latin-1"))


def _place(environ: Environ) -> Place:
    address = environ.get("REMOTE_ADDR")
    agent = header_text(environ.get("HTTP_USER_AGENT", ""))
    return Place(f"[{address}] {agent}", address, None)
