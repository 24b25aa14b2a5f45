"""The cookie that says who is logged in: a text that is signed, and can be read by anybody.

It is that of Flask's sessions, so that a site and the programs beside it can share it. Source: the
documentation of Flask, "Sessions", and of itsdangerous.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from itsdangerous import BadPayload, BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from timApp.guard.rules.token import TOKEN_MAX
from timApp.guard.vocabulary import SEAT_MAX_LENGTH
from timApp.user.user import id_of
from timApp.util.clock import counts_still
from timApp.util.text import fits, is_storable

#: The cookie's name, unless a site calls it otherwise.
COOKIE_NAME = "timapp"
#: What names begin with of cookies that this very host alone, or only HTTPS, can have set. Source:
#: RFC 6265bis, 4.1.3.
HOST_PREFIX, SECURE_PREFIX = "__Host-", "__Secure-"
#: Keys of what the cookie holds; the first is that of Flask-Login.
USER_ID_KEY, SESSION_ID_KEY, TOKEN_KEY = "_user_id", "session_id", "token"
#: A cookie is taken for so long after it was signed; what ends a session is not its age.
MAX_AGE = timedelta(days=31)

#: Cookies of which a process remembers that they are signed: more than people come to it. To check
#: a signature takes several times as long as to look the session up; a cookie takes a kilobyte.
_REMEMBERED = 16_384
_SALT = "cookie-session"
_BROWSER_SALT, _SEAT_SALT = "timapp-browser", "timapp-seat"
#: A browser keeps its name, and its seat, so long after it was given one: as long as browsers
#: allow.
BROWSER_COOKIE_MAX_AGE = timedelta(days=400)
#: Bytes of a browser's name, which nobody can guess.
_NAME_BYTES = 16


@dataclass(frozen=True)
class Claims:
    """Who the bearer of a cookie is; whether their session is good is for the database to say."""

    user_id: int
    #: None for a login from before sessions were tracked.
    session_id: str | None
    #: The number of the cookie, see `timApp.guard.rules.token`.
    token: int = 0


class Cookies:
    """Signs cookies, and reads those that were signed with one of the keys.

    That a cookie is signed is remembered: it comes with each request.
    """

    def __init__(
        self, keys: Sequence[str], max_age: timedelta = MAX_AGE, name: str = COOKIE_NAME
    ) -> None:
        """Take the keys, the newest last: it signs, and each of them is taken."""
        #: What the cookie is called.
        self.name = name
        self._max_age = max_age.total_seconds()
        self._serializer = URLSafeTimedSerializer(
            list(keys),
            salt=_SALT,
            serializer=json,
            serializer_kwargs={"separators": (",", ":")},
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
        )
        self._browsers = URLSafeSerializer(
            list(keys), salt=_BROWSER_SALT, signer_kwargs={"key_derivation": "hmac"}
        )
        self._seats = URLSafeSerializer(
            list(keys),
            salt=_SEAT_SALT,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        self._verified = lru_cache(_REMEMBERED)(self._verify)
        self._known_device = lru_cache(_REMEMBERED)(self._device)

    @property
    def max_age(self) -> timedelta:
        """For how long a cookie is taken after it was signed."""
        return timedelta(seconds=self._max_age)

    def sign(self, content: Mapping[str, object]) -> str:
        """Return the cookie with that content, signed now."""
        cookie = self._serializer.dumps(dict(content))
        return cookie if isinstance(cookie, str) else cookie.decode()

    def issue(self, claims: Claims) -> str:
        """Return a cookie for a login."""
        content = {USER_ID_KEY: str(claims.user_id), SESSION_ID_KEY: claims.session_id}
        return self.sign({**content, **numbered(claims)})

    def renew(self, cookie: str, claims: Claims) -> str:
        """Return a cookie of ours with other claims, and all else that it holds."""
        content = json.loads(self.read(cookie).content)
        content.pop(TOKEN_KEY, None)
        return self.sign(content | {SESSION_ID_KEY: claims.session_id} | numbered(claims))

    def name_browser(self) -> str:
        """Return a cookie that makes a browser known again; it says nothing of anybody."""
        cookie = self._browsers.dumps(secrets.token_urlsafe(_NAME_BYTES))
        return cookie if isinstance(cookie, str) else cookie.decode()

    def device(self, cookie: str) -> str | None:
        """Return what a browser with that cookie is known by, of which no cookie can be made.

        None if the cookie was not signed with one of the keys.
        """
        return self._known_device(cookie)

    def _device(self, cookie: str) -> str | None:
        try:
            name = self._browsers.loads(cookie)
        except (BadSignature, UnicodeError):
            return None
        return hashlib.sha256(str(name).encode()).hexdigest()[:32]

    def give_seat(self, seat: str) -> str:
        """Return a cookie by which a browser says at which seat it stands."""
        cookie = self._seats.dumps(seat)
        return cookie if isinstance(cookie, str) else cookie.decode()

    def seat(self, cookie: str) -> str | None:
        """Return the seat at which a browser with that cookie stands; None if it is not ours."""
        try:
            seat = self._seats.loads(cookie)
        except (BadSignature, UnicodeError):
            return None
        return seat if isinstance(seat, str) and fits(seat, SEAT_MAX_LENGTH) else None

    def claims(self, cookie: str) -> Claims | None:
        """Return who the bearer is; None for a cookie that is not ours, or of nobody."""
        try:
            return self.read(cookie).claims
        except (BadSignature, UnicodeError):
            return None

    def read(self, cookie: str) -> "Verified":
        """Return what a cookie says.

        `BadSignature` if it was not signed with these keys, too long ago, or later than by the
        leeway of clocks, and for a content that is no JSON object.
        """
        verified = self._verified(cookie)
        if not counts_still(verified.signed_at, self._max_age):
            msg = "The cookie is too old, or its time has not come."
            raise BadSignature(msg)
        return verified

    def _verify(self, cookie: str) -> "Verified":
        try:
            content, signed_at = self._serializer.loads(cookie, return_timestamp=True)
        except BadPayload as error:
            msg = "The cookie's content is no JSON."
            raise BadSignature(msg) from error
        if not isinstance(content, dict):
            msg = "The cookie's content is no JSON object."
            raise BadSignature(msg)
        text = json.dumps(content, separators=(",", ":"))
        return Verified(text, claims_in(content), int(signed_at.timestamp()))


@dataclass(frozen=True)
class Verified:
    """What is known of a cookie that was signed by us."""

    #: What it holds, as JSON.
    content: str
    #: Who the bearer is; None for nobody.
    claims: Claims | None
    #: In whole seconds since 1970.
    signed_at: int


def names_of(name: str) -> tuple[str, ...]:
    """Return what a cookie may be called, in the order in which it counts if several are sent.

    The bare name is that of one that was set over HTTP, or before there were others.
    """
    return f"{HOST_PREFIX}{name}", f"{SECURE_PREFIX}{name}", name


def numbered(claims: Claims) -> dict[str, int]:
    """Return what a cookie holds of its number: nothing for 0, as it was before there were any."""
    return {TOKEN_KEY: claims.token} if claims.token else {}


def storable_session_id(session_id: object) -> str | None:
    """Return the session id that a cookie has; None for one that could be nobody's."""
    return session_id if isinstance(session_id, str) and is_storable(session_id) else None


def claims_in(content: Mapping[str, object]) -> Claims | None:
    """Return who the bearer of a cookie with that content is; None for nobody."""
    number = id_of(content.get(USER_ID_KEY))
    if number is None:
        return None
    token = content.get(TOKEN_KEY)
    if not isinstance(token, int) or not 0 < token <= TOKEN_MAX:
        token = 0
    return Claims(number, storable_session_id(content.get(SESSION_ID_KEY)), token)
