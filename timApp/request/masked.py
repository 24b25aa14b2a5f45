"""The address of a request as a log may have it: without names, ids and tokens."""

import re
from urllib.parse import quote, unquote

from flask import Request

_ARGUMENT = re.compile(r"<([^>]+)>")
#: What stands for whatever a log does not tell.
_MASK = "*"
#: How much is told of an address that nobody has a view for: no more than tells of whom.
_SEGMENTS = 2
#: Documents are no secret to who reads the log, and who was at one is not told.
_OF_DOCUMENTS = "path:"


def masked_path(route: str | None, target: str) -> str:
    """Return the path of a target, which may have a query, on one line and in ASCII.

    `route` is the rule that it fits, such as ``/user/sessions/<name:user>/verify``, of which the
    arguments are masked, but for the path of a document. Without a rule, what comes after the
    second part of the path is masked. Of a query it is only told that there was one.
    """
    path, mark, _ = target.partition("?")
    path = unquote(path)
    arguments = _ARGUMENT.findall(route) if route is not None else []
    if any(not one.startswith(_OF_DOCUMENTS) for one in arguments):
        shown = _ARGUMENT.sub(_MASK, route or "")
    elif route is None:
        parts = path.split("/", _SEGMENTS + 1)
        shown = "/".join([*parts[: _SEGMENTS + 1], *(_MASK for _ in parts[_SEGMENTS + 1 :])])
    else:
        shown = path
    return quote(shown, safe="/*:@!$&'()+,;=~", errors="replace") + (mark and f"?{_MASK}")


def masked_path_of(asked: Request) -> str:
    """Return the path of a request of Flask's in the same way."""
    rule = asked.url_rule
    return masked_path(None if rule is None else rule.rule, quote(asked.path))
