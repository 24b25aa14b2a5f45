"""Who waits, as rows of the console that its page brings up to date one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from flask import get_template_attribute, render_template

from timApp.auth.site import current_site, db
from timApp.auth.visitor import Visitor
from timApp.guard.exams.find import supervised_among
from timApp.guard.waiting.looks import who_looks_at
from timApp.hosts.questions.desk import Desk, WaitingPerson, look_at_desk
from timApp.util.folded import folded

#: Letters that are more than one with an accent, and how they are typed where there is no key.
_WITHOUT_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})


@dataclass(frozen=True)
class WaitingRow:
    """Somebody who waits, and what their row says beside that."""

    person: WaitingPerson
    #: Real names of other supervisors who have the person open.
    openers: Sequence[str] = ()
    #: Whether there are other hosts, so that it has to be said where somebody waits.
    names_host: bool = False

    @property
    def key(self) -> str:
        """What tells the row from others: whose it is, and where."""
        host = self.person.host
        return f"{self.person.entry.user_name} {'' if host is None else host.url}"

    @cached_property
    def version(self) -> str:
        """What is another one as soon as the row says anything else."""
        return _digest(self.person, self.openers)

    @property
    def searched(self) -> str:
        """What is searched as somebody types."""
        return searched_of(self.person)


def searched_of(person: WaitingPerson) -> str:
    """Return what is searched of somebody who waits, line by line.

    Not browser and system, of which the names of many people have a part.
    """
    entry = person.entry
    codes = [entry.code, *(other.code for other in person.others)]
    seat = entry.seating.seat or ""
    return "\n".join([entry.real_name, entry.user_name, *codes, seat, person.device.address])


def matches(person: WaitingPerson, text: str) -> bool:
    """Tell whether the console's list still shows somebody while this is typed above it.

    That is where each word is a part of what is searched; `console.js` does the same.
    """
    searched = _plain(searched_of(person))
    words = _plain(text).split()
    return bool(words) and all(word in searched for word in words)


def _plain(text: str) -> str:
    return folded(text).translate(_WITHOUT_STROKES)


@dataclass(frozen=True)
class WaitingList:
    """Who waits, as a supervisor is shown it."""

    desk: Desk
    #: Those who sit an exam of the supervisor's, which runs; for administrators nobody is one.
    own: Sequence[WaitingRow]
    others: Sequence[WaitingRow]

    @property
    def count(self) -> int:
        """How many people wait."""
        return len(self.desk.waiting)

    @property
    def longest(self) -> datetime | None:
        """Since when the first of them waits; None if nobody does."""
        return min((one.entry.since for one in self.desk.waiting), default=None)

    def tag(self, *surroundings: object) -> str:
        """Return what is another one as soon as the list says anything else."""
        silent = [
            (view.host.url, view.is_unsigned, view.error, view.failing_since)
            for view in self.desk.silent
        ]
        rows = [[(row.key, row.version) for row in rows] for rows in (self.own, self.others)]
        return _digest(rows, silent, *surroundings)


def look_at_rows(visitor: Visitor, patience: float = 0) -> WaitingList:
    """Return who waits, for a supervisor or administrator.

    Waits at most `patience` seconds for the hosts; see `timApp.hosts.questions.desk.look_at_desk`.
    """
    desk = look_at_desk(current_site().network, db, patience)
    here = {one.entry.user_name for one in desk.waiting if one.host is None}
    openers = who_looks_at(db, here, visitor.id)
    names = {one.entry.user_name for one in desk.waiting}
    own = set() if visitor.is_admin else supervised_among(db, visitor.id, names)
    rows = [
        WaitingRow(
            one,
            openers.get(one.entry.user_name, ()) if one.host is None else (),
            desk.spans_hosts,
        )
        for one in desk.waiting
    ]
    return WaitingList(
        desk,
        [row for row in rows if row.person.entry.user_name in own],
        [row for row in rows if row.person.entry.user_name not in own],
    )


def rows_as_json(shown: WaitingList) -> dict[str, Any]:
    """Return the list for the console's script: what of its page is written anew."""
    row_of = get_template_attribute("waiting_row.html", "waiting_row")
    return {
        "title": get_template_attribute("waiting_count.html", "waiting_title")(shown),
        "count": get_template_attribute("waiting_count.html", "waiting_count")(shown),
        "silent": render_template("silent_hosts.html", silent=shown.desk.silent),
        "lists": [
            [[row.key, row.version, row_of(row, is_choosable=True)] for row in rows]
            for rows in (shown.own, shown.others)
        ],
    }


def _digest(*content: object) -> str:
    return sha256(repr(content).encode(errors="surrogatepass")).hexdigest()[:16]
