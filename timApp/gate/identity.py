"""Who passes, in the headers that the guarded program reads."""

from typing import NamedTuple
from urllib.parse import quote

from timApp.guard.visitor import Visitor

#: Not encoded in them, beside letters and digits: what names and addresses have often.
_PLAIN = " @._-+'"


class Passing(NamedTuple):
    """What is said of whoever passes: nothing of nobody."""

    name: str = ""
    real_name: str = ""
    email: str = ""
    groups: frozenset[str] = frozenset()

    @classmethod
    def of(cls, visitor: Visitor | None) -> "Passing":
        """Return what is said of a visitor; None is nobody."""
        if visitor is None:
            return cls()
        return cls(visitor.name, visitor.real_name, visitor.email, visitor.groups)

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that say it, all of them, empty ones for nobody.

        Each is there always: some proxies let a client's own one through where the gate's answer
        lacks it. Text is percent-encoded UTF-8; groups stand between commas, in order.
        """
        return [
            ("Remote-User", quote(self.name, safe=_PLAIN)),
            ("Remote-Name", quote(self.real_name, safe=_PLAIN)),
            ("Remote-Groups", ",".join(quote(one, safe=_PLAIN) for one in sorted(self.groups))),
            ("Remote-Email", quote(self.email, safe=_PLAIN)),
        ]
