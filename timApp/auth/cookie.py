"""The cookie that says who is logged in: how it is signed, and what it is like."""

import time
from datetime import timedelta
from functools import lru_cache
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionMixin,
    session_json_serializer,
)
from itsdangerous import BadSignature, URLSafeTimedSerializer

#: Cookies of which a process remembers that they are signed; it takes a kilobyte each, or less.
_REMEMBERED = 4096


class CookieInterface(SecureCookieSessionInterface):
    """Cookies that are for HTTPS only if the option says so, or else if they were set over it.

    Says and accepts what Flask's own does, in a part of the time: a signer is made only when the
    keys have changed, and a cookie that comes with each request is checked against its signature
    once. What is behind it, the session, is looked up at each request, of course.
    """

    def __init__(self) -> None:
        self._signer: tuple[object, _Signer | None] = (None, None)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return what the cookie holds: nothing if it is not signed by us, or is too old."""
        signer = self._signer_of(app)
        if signer is None:
            return None
        cookie = request.cookies.get(self.get_cookie_name(app))
        if not cookie:
            return self.session_class()
        try:
            content = signer.read(cookie, app.permanent_session_lifetime)
        except BadSignature:
            return self.session_class()
        return self.session_class(content)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie if it has changed; work out what it would be like only then."""
        if session.modified or session.permanent:
            super().save_session(app, session, response)
        elif session.accessed:
            response.vary.add("Cookie")

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what signs cookies; None if there is no key."""
        signer = self._signer_of(app)
        return None if signer is None else signer.serializer

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie gets the attribute Secure."""
        secure: bool | None = app.config["SESSION_COOKIE_SECURE"]
        return request.is_secure if secure is None else secure

    def _signer_of(self, app: Flask) -> "_Signer | None":
        keys = (app.secret_key, *(app.config["SECRET_KEY_FALLBACKS"] or ()))
        made_for, signer = self._signer
        if made_for != keys:
            serializer = super().get_signing_serializer(app)
            signer = None if serializer is None else _Signer(serializer)
            self._signer = (keys, signer)
        return signer


class _Signer:
    """What signs cookies with certain keys, and remembers which it has found to be signed."""

    def __init__(self, serializer: URLSafeTimedSerializer) -> None:
        self.serializer = serializer
        self._verified = lru_cache(_REMEMBERED)(self._verify)

    def read(self, cookie: str, max_age: timedelta) -> Any:
        """Return the content of a cookie, a new object each time.

        `BadSignature` if it was not signed with these keys, or longer ago than `max_age`.
        """
        content, signed_at = self._verified(cookie)
        if not 0 <= int(time.time()) - signed_at <= max_age.total_seconds():
            msg = "The cookie is too old, or its time has not come."
            raise BadSignature(msg)
        return session_json_serializer.loads(content)

    def _verify(self, cookie: str) -> tuple[str, int]:
        content, signed_at = self.serializer.loads(cookie, return_timestamp=True)
        return session_json_serializer.dumps(content), int(signed_at.timestamp())
