"""Who asks, as far as the cookie tells: the front looks nobody up."""

import re

from timApp.guard.cookie import Claims, Cookies, names_of
from timApp.serve.http.message import Headers
from timApp.user.apitoken import TOKEN_START

#: What `timApp.auth.visitor.shown_token` takes for one.
_SHOWN = re.compile(rb"bearer [ \t]*" + re.escape(TOKEN_START.encode()), re.IGNORECASE)


class Bearers:
    """Reads the cookies of requests that no application has parsed."""

    def __init__(self, cookies: Cookies) -> None:
        self._cookies = cookies
        self._names = [name.encode() for name in names_of(cookies.name)]

    def claims(self, headers: Headers) -> Claims | None:
        """Return whose cookie is sent, if one of its name is, which is not spelt oddly.

        A cookie beside a token of a program says nothing.
        """
        # By the names: how the name and the value are spelt, None if it is there twice.
        found: dict[bytes, tuple[bytes, bytes] | None] = {}
        for header, value in headers:
            if header == b"cookie":
                for part in value.split(b";"):
                    spelt, _, content = part.partition(b"=")
                    name = spelt.strip()
                    if name in self._names:
                        found[name] = None if name in found else (spelt, content)
            elif header == b"authorization" and _SHOWN.match(value):
                return None
        if not found:
            return None
        name = next(iter(found)) if len(found) == 1 else min(found, key=self._names.index)
        one = found[name]
        if one is None or one[0].lstrip() != name:
            return None
        return self._cookies.claims(one[1].strip().decode("latin-1"))

    def user_id(self, headers: Headers) -> int | None:
        """Return the number of whose cookie is sent; None for nobody's."""
        claims = self.claims(headers)
        return None if claims is None else claims.user_id
