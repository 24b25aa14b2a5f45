"""Signed links that name a blocked session: what its QR code holds."""

from dataclasses import dataclass

from flask import current_app, request
from flask_babel import gettext
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from timApp.util.errors import BadInput

#: Seconds that a link can be followed. The blocked page renews it by itself.
LINK_LIFETIME = 300
#: What comes before the token in an address.
LINK_PATH = "/supervise/link/"


class ForgedLink(BadInput):
    """A link that no server that shares our secret has made."""


class ExpiredLink(BadInput):
    """A link that is older than `LINK_LIFETIME`."""


@dataclass(frozen=True)
class LinkedSession:
    """The session that a link names."""

    username: str
    session_id: str


def sign_link(username: str, session_id: str) -> str:
    """Return a token, fit for an address, that names the session for `LINK_LIFETIME` seconds.

    It proves nothing but that we made it, and lets nobody in.
    """
    return _serializer().dumps([username, session_id])


def link_to_session(username: str, session_id: str) -> str:
    """Return the address at which a supervisor looks at the session; see `sign_link`.

    It is on this server, or on `timApp.defaultconfig.SESSIONS_SUPERVISE_URL`.
    """
    base = current_app.config["SESSIONS_SUPERVISE_URL"] or request.url_root
    return f"{base.rstrip('/')}{LINK_PATH}{sign_link(username, session_id)}"


def read_link(token: str) -> LinkedSession:
    """Return what a token names. `ForgedLink` or `ExpiredLink`; reading it again is no error."""
    try:
        content = _serializer().loads(token, max_age=LINK_LIFETIME)
    except SignatureExpired:
        msg = gettext(
            "This link is too old. Scan the code on the page again; it is renewed by itself."
        )
        raise ExpiredLink(msg, field="token") from None
    except BadSignature:
        msg = gettext("This link was not made by a server of this site.")
        raise ForgedLink(msg, field="token") from None
    match content:
        case [str(username), str(session_id)]:
            return LinkedSession(username, session_id)
    msg = gettext("This link does not name a session.")
    raise ForgedLink(msg, field="token")


def _serializer() -> URLSafeTimedSerializer:
    key = current_app.config["SESSIONS_LINK_SECRET"] or current_app.config["SECRET_KEY"]
    return URLSafeTimedSerializer(key, salt="session link")
