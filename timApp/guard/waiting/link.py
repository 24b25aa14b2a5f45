"""Signed links that name a blocked session: what its QR code holds."""

from dataclasses import dataclass, field
from datetime import datetime

from itsdangerous import BadSignature, URLSafeTimedSerializer

from timApp.util.clock import counts_still
from timApp.util.errors import BadInput

#: Seconds that a link can be followed. The blocked page renews it by itself.
LINK_LIFETIME = 300
#: What comes before the token in an address.
LINK_PATH = "/supervise/link/"


class ForgedLink(BadInput):
    """A link that no server that shares our secret has made."""


class ExpiredLink(BadInput):
    """A link that is older than `LINK_LIFETIME`, or of a time that is still to come."""


@dataclass(frozen=True)
class LinkedSession:
    """The session that a link names."""

    username: str
    session_id: str
    #: When the link was made, to the second; two links of different times name the same session.
    signed_at: datetime | None = field(default=None, compare=False)


class Links:
    """Makes links to one server, and reads those of every server that has the same key."""

    def __init__(self, *keys: str) -> None:
        """Take the keys, the newest last: it signs, and each of them is taken."""
        self._serializer = URLSafeTimedSerializer(list(keys), salt="session link")

    def sign(self, username: str, session_id: str) -> str:
        """Return a token, fit for an address, that names the session for `LINK_LIFETIME` seconds.

        It proves nothing but that we made it, and lets nobody in.
        """
        token = self._serializer.dumps([username, session_id])
        return token if isinstance(token, str) else token.decode()

    def address(self, base_url: str, username: str, session_id: str) -> str:
        """Return the address at a server at which a supervisor looks at the session."""
        return f"{base_url.rstrip('/')}{LINK_PATH}{self.sign(username, session_id)}"

    def read(self, token: str) -> LinkedSession:
        """Return what a token names; reading it again is no error.

        A server whose clock is ahead of ours by `timApp.util.clock.CLOCK_LEEWAY` at the most may
        have made it. `ForgedLink` or `ExpiredLink` otherwise.
        """
        try:
            content, signed_at = self._serializer.loads(token, return_timestamp=True)
        except (BadSignature, UnicodeError):
            raise ForgedLink(
                "This link was not made by a server of this site.", field="token"
            ) from None
        if not counts_still(int(signed_at.timestamp()), LINK_LIFETIME):
            raise ExpiredLink(
                "This link is too old. Scan the code on the page again, which is renewed by itself,"
                " or type the short code below it.",
                field="token",
            )
        match content:
            case [str(username), str(session_id)]:
                return LinkedSession(username, session_id, signed_at)
        raise ForgedLink("This link does not name a session.", field="token")
