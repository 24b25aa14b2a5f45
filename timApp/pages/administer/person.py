"""The administrators' page of one person: sessions over time, and who changed what and why."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_admin
from timApp.auth.site import current_clocks, db
from timApp.guard.reading.history import changes_since, record_page
from timApp.guard.reading.sessions import latest_sessions, summary_of
from timApp.guard.rules.presence import overlaps, tracks_of
from timApp.pages.administer.period import Period, read_period
from timApp.pages.administer.timeline import lay_out, since
from timApp.pages.shown import shown
from timApp.pages.timelabels import is_same_day, reader_zone, time_label
from timApp.request.inputs import takes
from timApp.user.user import require_user
from timApp.util.clock import now
from timApp.util.errors import BadInput
from timApp.util.text import quoted

person = Blueprint("person", __name__, url_prefix="/administer/person")

#: So many of a person's sessions are shown, the latest.
MAX_SESSIONS = 100
#: So many overlaps are listed in words, the latest; the picture has them all.
MAX_LISTED_OVERLAPS = 20
_MAX_DIGITS = 18  # of an id that fits in 64 bits


@person.get("")
@takes(query=("user", "period", "before"))
def show() -> ResponseReturnValue:
    """Show the person ``user``; ``period`` is that of the picture, ``before`` pages the record."""
    verify_admin()
    before = _read_before(request.args.get("before", ""))
    period_text = request.args.get("period", "")
    period = read_period(period_text) if period_text else None
    user = require_user(db, request.args.get("user", ""))
    moment = now()
    found = latest_sessions(db, user.id, MAX_SESSIONS + 1)
    sessions, has_older = found[:MAX_SESSIONS], len(found) > MAX_SESSIONS
    changes = changes_since(db, user.id, sessions[-1].logged_in_at) if sessions else []
    clocks = current_clocks()
    tracks = tracks_of(sessions, changes, moment, clocks)
    start = moment - period.length if period else None
    in_period = since(tracks, start)
    overlapping = [one for one in overlaps(in_period) if start is None or one.end >= start]
    return render_template(
        "person.html",
        person=user,
        tracks=tracks,
        has_older=has_older,
        max_sessions=MAX_SESSIONS,
        shown={one.session_id: shown(summary_of(one, clocks)) for one in sessions},
        timeline=lay_out(in_period, overlapping, start, reader_zone()),
        time_label=time_label,
        is_same_day=is_same_day,
        overlaps=overlapping[: -MAX_LISTED_OVERLAPS - 1 : -1],
        overlaps_omitted=max(len(overlapping) - MAX_LISTED_OVERLAPS, 0),
        period=period,
        periods=list(Period),
        before=before,
        record=record_page(db, user.id, before),
    )


def _read_before(text: str) -> int | None:
    """Return the id of a change before which a page of the record begins, or None."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        raise BadInput(
            "The record cannot be shown from %(place)s on: that is not the number of a change.",
            field="before",
            place=quoted(text),
        )
    return int(text)
