"""Who asks, as far as the cookie tells: the front looks nobody up."""

import re

from timApp.guard.cookie import Claims, Cookies, names_of
from timApp.serve.http.message import Headers
from timApp.user.apitoken import TOKEN_START

#: What `timApp.auth.visitor.shown_token` takes for one.
_SHOWN = re.compile(rb"bearer\s+" + re.escape(TOKEN_START.encode()), re.IGNORECASE)


class Bearers:
    """Reads the cookies of requests that no application has parsed."""

    def __init__(self, cookies: Cookies) -> None:
        self._cookies = cookies
        self._names = [name.encode() for name in names_of(cookies.name)]

    def claims(self, headers: Headers) -> Claims | None:
        """Return whose cookie is sent, if one of its name is, which is not spelt oddly.

        A cookie beside a token of a program says nothing.
        """
        pairs: list[tuple[bytes, bytes, bytes]] = []
        for name, value in headers:
            if name == b"cookie":
                pairs += [part.partition(b"=") for part in value.split(b";")]
            elif name == b"authorization" and _SHOWN.match(value):
                return None
        for cookie in self._names:
            found = [(name, value) for name, _, value in pairs if name.strip() == cookie]
            if found:
                break
        if len(found) != 1:
            return None
        name, value = found[0]
        if name.lstrip() != cookie:
            return None
        return self._cookies.claims(value.strip().decode("latin-1"))

    def user_id(self, headers: Headers) -> int | None:
        """Return the number of whose cookie is sent; None for nobody's."""
        claims = self.claims(headers)
        return None if claims is None else claims.user_id
