"""The administrators' page of one person: sessions over time, and who changed what and why."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from timApp.auth.accesshelper import verify_admin
from timApp.auth.session.device import device_of
from timApp.supervise.period import Period, read_period
from timApp.supervise.presence import overlaps, tracks_of
from timApp.supervise.record import MAX_SESSIONS, changes_since, latest_sessions, record_page
from timApp.supervise.timelabels import is_same_day, reader_zone, time_label
from timApp.supervise.timeline import lay_out, since
from timApp.user.user import require_user
from timApp.util.clock import now
from timApp.util.errors import BadInput
from timApp.util.text import quoted

person = Blueprint("person", __name__, url_prefix="/administer/person")

#: So many overlaps are told in words, the latest; the picture has them all.
MAX_TOLD = 20
_MAX_DIGITS = 18  # of an id that fits in 64 bits


@person.get("")
def show() -> ResponseReturnValue:
    """Show the person ``user``; ``period`` is that of the picture, ``before`` pages the record."""
    verify_admin()
    before = _read_before(request.args.get("before", ""))
    period_text = request.args.get("period", "")
    period = read_period(period_text) if period_text else None
    user = require_user(request.args.get("user", ""))
    moment = now()
    sessions, has_older = latest_sessions(user.id)
    changes = changes_since(user.id, sessions[-1].logged_in_at) if sessions else []
    tracks = tracks_of(sessions, changes, moment)
    start = moment - period.length if period else None
    shown = since(tracks, start)
    overlapping = [one for one in overlaps(shown) if start is None or one.end >= start]
    return render_template(
        "person.html",
        person=user,
        tracks=tracks,
        has_older=has_older,
        max_sessions=MAX_SESSIONS,
        devices={one.session_id: device_of(one.origin) for one in sessions},
        timeline=lay_out(shown, overlapping, start, reader_zone()),
        time_label=time_label,
        is_same_day=is_same_day,
        overlaps=overlapping[: -MAX_TOLD - 1 : -1],
        overlaps_untold=max(len(overlapping) - MAX_TOLD, 0),
        period=period,
        periods=list(Period),
        before=before,
        record=record_page(user.id, before),
    )


def _read_before(text: str) -> int | None:
    """Return the id of a change before which a page of the record begins, or None."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        message = gettext(
            "The record cannot be shown from %(text)s on: that is not the number of a change.",
            text=quoted(text),
        )
        raise BadInput(message, field="before")
    return int(text)
