"""Who passes, in the headers that the guarded program reads."""

from urllib.parse import quote

from timApp.guard.visitor import Visitor

#: Not encoded in them, beside letters and digits: what names and addresses have often.
_PLAIN = " @._-+'"


def identity_headers(visitor: Visitor | None) -> list[tuple[str, str]]:
    """Return the headers that say who passes, all of them, empty ones for nobody.

    Each is there always: some proxies let a client's own one through where the gate's answer lacks
    it. Text is percent-encoded UTF-8; groups stand between commas, in order.
    """
    name = real_name = email = groups = ""
    if visitor is not None:
        name, real_name, email = visitor.name, visitor.real_name, visitor.email
        groups = ",".join(quote(one, safe=_PLAIN) for one in sorted(visitor.groups))
    return [
        ("Remote-User", quote(name, safe=_PLAIN)),
        ("Remote-Name", quote(real_name, safe=_PLAIN)),
        ("Remote-Groups", groups),
        ("Remote-Email", quote(email, safe=_PLAIN)),
    ]
