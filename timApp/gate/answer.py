"""What the gate answers, by the kind of proxy that asks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from html import escape

from timApp.gate.asked import Asked, Kind
from timApp.gate.decision import Decision
from timApp.gate.identity import Passing
from timApp.guard.visitor import Visitor

#: As `timApp.ui.blocked` has it: a session that is expired.
_BLOCKED = "490 Session Expired"
_FORBIDDEN = "403 Forbidden"
#: Tells scripts that a request is to be sent again when the login is valid, see static/guard.js.
_REFUSED = "Timapp-Refused"
_STATUSES = {
    Decision.LOG_IN: "401 Unauthorized",
    Decision.BLOCKED: _BLOCKED,
    Decision.UNCLEAR: "400 Bad Request",
}
_JSON, _PAGE = "application/json", "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"


class Family(Enum):
    """What a proxy does with what it is told."""

    #: It looks at the status alone: 200, 401 or 403.
    STATUS = "status"
    #: What it is told is what it answers, unless the request passes.
    WHOLE = "whole"


@dataclass(frozen=True)
class Answer:
    """What the gate answers."""

    status: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""


def passing(who: Passing) -> Answer:
    """Return the answer to a request that passes."""
    return Answer("200 OK", who.headers())


def answer_of(  # noqa: PLR0917 - what there is to say
    decision: Decision,
    family: Family,
    asked: Asked | None,
    visitor: Visitor | None,
    place: str | None,
    text: str,
    ways_on: Mapping[str, str],
) -> Answer:
    """Return the answer to a decision.

    `place` is where whoever does not pass is led to, if anywhere, and `text` says why. Whoever goes
    to a page is led there; without a place they are shown the text, with `ways_on`: addresses, by
    what leads there. Scripts and programs are told the status (401, 490, 403) with JSON. If it
    passes, all headers of `Passing` are there.
    """
    if decision in {Decision.PASS, Decision.OPEN}:
        return passing(Passing.of(visitor if decision is Decision.PASS else None))
    status = _STATUSES.get(decision, _FORBIDDEN)
    # Where the exam wants another browser, to wait and ask again is of no use.
    is_to_repeat = place and decision is not Decision.BROWSER
    refused = [(_REFUSED, decision.value)] if is_to_repeat else []
    location = [("Location", place), *refused] if place else []
    if family is Family.STATUS:
        status = _FORBIDDEN if status == _BLOCKED else status
        return Answer(status, [*location, ("Content-Type", _TEXT)], f"{text}\n")
    if asked is None or asked.kind is Kind.FETCH:
        said = {"error": text, "status": int(status[:3])}
        said |= {"location": place} if place else {}
        return Answer(status, [("Content-Type", _JSON), *refused], json.dumps(said) + "\n")
    if place:
        return Answer("302 Found", location)
    return Answer(status, [("Content-Type", _PAGE)], _page(text, ways_on))


def _page(text: str, ways_on: Mapping[str, str]) -> str:
    """Return a page that needs nothing else: the site's own files are at another host, mostly."""
    links = [f'<p><a href="{escape(to)}">{escape(label)}</a></p>' for label, to in ways_on.items()]
    head = "<!doctype html><meta charset=utf-8><meta name=viewport content=width=device-width>"
    return "".join([head, f"<title>{escape(text)}</title><p>{escape(text)}</p>", *links])
