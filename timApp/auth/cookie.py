"""Flask's session in the cookie of `timApp.guard.cookie`."""

from flask import Flask, Request, Response, request
from flask.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionMixin,
    session_json_serializer,
)
from itsdangerous import BadSignature

from timApp.guard.cookie import Claims, Cookies, claims_in


class CookieSession(SecureCookieSession):
    """What the cookie holds."""

    #: Who its bearer was when it came.
    came_from: Claims | None = None

    @property
    def claims(self) -> Claims | None:
        """Who its bearer is; None for nobody."""
        return claims_in(self) if self.modified else self.came_from


class CookieInterface(SecureCookieSessionInterface):
    """Cookies that are for HTTPS only if the option says so, or else if they were set over it.

    Says and accepts what Flask's own does, in a part of the time: a cookie that comes with each
    request is checked against its signature once. What it stands for, the session, is looked up at
    each request, of course.
    """

    session_class = CookieSession

    def __init__(self, cookies: Cookies) -> None:
        self._cookies = cookies

    def open_session(self, app: Flask, request: Request) -> CookieSession:
        """Return what the cookie holds: nothing if it is not signed by us, or is too old."""
        cookie = request.cookies.get(self.get_cookie_name(app))
        if not cookie:
            return self.session_class()
        try:
            verified = self._cookies.read(cookie)
            found = session_json_serializer.loads(verified.content)
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
            super().save_session(app, session, response)
        elif session.accessed:
            # What is read and written of the header takes longer than the rest of this.
            if "Vary" in response.headers:
                response.vary.add("Cookie")
            else:
                response.headers["Vary"] = "Cookie"

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie gets the attribute Secure."""
        secure: bool | None = app.config["SESSION_COOKIE_SECURE"]
        return request.is_secure if secure is None else secure
