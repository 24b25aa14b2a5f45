"""Who passes, in the headers that the guarded program reads."""

from functools import lru_cache
from urllib.parse import quote

from timApp.guard.visitor import Visitor

#: People of whom a process remembers what is said of them: more than come to it at once.
_REMEMBERED = 2048
#: Not encoded in them, beside letters and digits: what names and addresses have often.
_PLAIN = " @._-+'"


def identity_headers(visitor: Visitor | None) -> list[tuple[str, str]]:
    """Return the headers that say who passes, all of them, empty ones for nobody.

    Each is there always: some proxies let a client's own one through where the gate's answer lacks
    it. Text is percent-encoded UTF-8; groups stand between commas, in order.
    """
    if visitor is None:
        return list(_headers("", "", "", frozenset()))
    return list(_headers(visitor.name, visitor.real_name, visitor.email, visitor.groups))


@lru_cache(_REMEMBERED)
def _headers(
    name: str, real_name: str, email: str, groups: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    return (
        ("Remote-User", quote(name, safe=_PLAIN)),
        ("Remote-Name", quote(real_name, safe=_PLAIN)),
        ("Remote-Groups", ",".join(quote(one, safe=_PLAIN) for one in sorted(groups))),
        ("Remote-Email", quote(email, safe=_PLAIN)),
    )
