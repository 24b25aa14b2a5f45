"""Flask's session in the cookie of `timApp.guard.cookie`."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from flask import Flask, Request, Response, request, session
from flask.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionMixin,
    session_json_serializer,
)
from itsdangerous import BadSignature

from timApp.database.failure import ERRORS
from timApp.guard.cookie import (
    BROWSER_COOKIE_MAX_AGE,
    HOST_PREFIX,
    SECURE_PREFIX,
    SESSION_ID_KEY,
    TOKEN_KEY,
    Claims,
    Cookies,
    claims_in,
    names_of,
    numbered,
)
from timApp.request.guarded import guarded_hosts


def browser_cookie_name(app: Flask) -> str:
    """Return what the cookie is called that names the browser."""
    return f"{app.config['SESSION_COOKIE_NAME']}_browser"


def seat_cookie_name(app: Flask) -> str:
    """Return what the cookie is called that says at which seat the browser stands."""
    return f"{app.config['SESSION_COOKIE_NAME']}_seat"


def sent_cookie(asked: Request, name: str) -> str | None:
    """Return the cookie of that name, with whichever prefix; None if none is sent."""
    return next((asked.cookies[one] for one in names_of(name) if one in asked.cookies), None)


def _loads(content: str) -> object:
    """Return what Flask has written in its own notation, in which names begin with a blank.

    Where nothing is in it, as with most logins, to read it so takes several times as long.
    """
    return session_json_serializer.loads(content) if '{" ' in content else json.loads(content)


class CookieSession(SecureCookieSession):
    """What the cookie holds."""

    #: Who its bearer was when it came.
    came_from: Claims | None = None
    #: A cookie that gives the browser a name; None if it has one, or needs none now.
    browser_cookie: str | None = None
    #: A cookie that tells the browser at which seat it stands; None if it is not told now.
    seat_cookie: str | None = None
    #: Whether it has got a new number in this request.
    is_renewed = False

    @property
    def claims(self) -> Claims | None:
        """Who its bearer is; None for nobody."""
        return claims_in(self) if self.modified else self.came_from

    def renew(self, claims: Claims) -> None:
        """Say from now on who the bearer is, in which session, and by which number."""
        self.is_renewed = True
        self.pop(TOKEN_KEY, None)
        self.update({SESSION_ID_KEY: claims.session_id} | numbered(claims))


def is_bearer_known() -> bool:
    """Tell whether the cookie of the request is one that the site has signed for somebody."""
    return isinstance(session, CookieSession) and session.came_from is not None


class CookieInterface(SecureCookieSessionInterface):
    """Cookies that are for HTTPS only if the option says so, or else if they were set over it.

    Says and accepts what Flask's own does, in a part of the time: a cookie that comes with each
    request is checked against its signature once. What it stands for, the session, is looked up at
    each request, of course.
    """

    session_class = CookieSession

    def __init__(self, cookies: Cookies, rewritten: Callable[[Claims], int]) -> None:
        """`rewritten` returns the number of a cookie that is set for another reason than that."""
        self._cookies = cookies
        self._rewritten = rewritten

    def open_session(self, app: Flask, request: Request) -> CookieSession:
        """Return what the cookie holds: nothing if it is not signed by us, or is too old."""
        cookie = sent_cookie(request, app.config["SESSION_COOKIE_NAME"])
        if not cookie:
            return self.session_class()
        try:
            verified = self._cookies.read(cookie)
            found = _loads(verified.content)
        except (BadSignature, ValueError, TypeError):  # signed, perhaps, but nothing of Flask's
            return self.session_class()
        if not isinstance(found, dict):  # Flask's own notation can make that of an object
            return self.session_class()
        session = self.session_class(found)
        session.came_from = verified.claims
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie if it has changed; work out what it would be like only then."""
        if session.modified or session.permanent:
            self._keep_newest(session)
            super().save_session(app, session, response)
            self._drop_former(app, response)
        elif session.accessed:
            # What is read and written of the header takes longer than the rest of this. So does an
            # error, which `in` makes for one that is missing.
            if response.headers.getlist("Vary"):
                response.vary.add("Cookie")
            else:
                response.headers["Vary"] = "Cookie"
        # Behind the cookie of the login: who reads only the first one wants that.
        if isinstance(session, CookieSession):
            if session.browser_cookie is not None:
                self._keep(app, response, browser_cookie_name(app), session.browser_cookie)
            if session.seat_cookie is not None:
                self._keep(app, response, seat_cookie_name(app), session.seat_cookie)

    def _keep(self, app: Flask, response: Response, name: str, cookie: str) -> None:
        """Send a cookie that outlasts each login."""
        response.set_cookie(
            self._prefixed(app, name),
            cookie,
            max_age=BROWSER_COOKIE_MAX_AGE,
            httponly=True,
            path=self.get_cookie_path(app),
            domain=self.get_cookie_domain(app),
            secure=self.get_cookie_secure(app),
            samesite=self.get_cookie_samesite(app),
        )

    def _drop_former(self, app: Flask, response: Response) -> None:
        """Let the browser forget a cookie of another name, in place of which this one is sent."""
        known = names_of(app.config["SESSION_COOKIE_NAME"])
        for former in set(known) - {self.get_cookie_name(app)}:
            if former in request.cookies:
                is_of_host = former.startswith(HOST_PREFIX)  # browsers take it as such alone
                response.delete_cookie(
                    former,
                    path="/" if is_of_host else self.get_cookie_path(app),
                    domain=None if is_of_host else self.get_cookie_domain(app),
                    secure=self.get_cookie_secure(app),
                    httponly=True,
                    samesite=self.get_cookie_samesite(app),
                )

    def _prefixed(self, app: Flask, name: str) -> str:
        """Return what a cookie is called that is set now.

        For the whole of a host, no other host and nobody without HTTPS can put one in its place;
        for a path of it, nobody without HTTPS.
        """
        if not self.get_cookie_secure(app) or name.startswith((HOST_PREFIX, SECURE_PREFIX)):
            return name
        is_of_host = self.get_cookie_path(app) == "/" and self.get_cookie_domain(app) is None
        return f"{HOST_PREFIX if is_of_host else SECURE_PREFIX}{name}"

    def get_cookie_name(self, app: Flask) -> str:
        """Return what the cookie of a login is called that is set now."""
        return self._prefixed(app, app.config["SESSION_COOKIE_NAME"])

    def _keep_newest(self, session: SessionMixin) -> None:
        """Put no older number over a newer one that is on its way in another answer.

        Where the database does not say, the number stays: it is good by itself.
        """
        if not isinstance(session, CookieSession) or session.is_renewed:
            return
        claims = session.came_from
        if claims is None or claims != claims_in(session):
            return
        with suppress(*ERRORS):
            session.renew(replace(claims, token=self._rewritten(claims)))

    def get_cookie_path(self, app: Flask) -> str:
        """Return the path below which the site is, so that another one beside it has its own.

        On a host that it guards, it is for all of that.
        """
        path: str | None = app.config["SESSION_COOKIE_PATH"]
        if path is None and guarded_hosts(app).find(request.host_url) is not None:
            return "/"
        return path or request.root_path or "/"

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie gets the attribute Secure."""
        secure: bool | None = app.config["SESSION_COOKIE_SECURE"]
        return request.is_secure if secure is None else secure
