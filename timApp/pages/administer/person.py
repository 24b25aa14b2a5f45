"""The administrators' page of one person: sessions over time, and who changed what and why."""

from functools import partial

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_admin
from timApp.auth.site import current_clocks, db
from timApp.guard.reading.exam import is_of_exam, is_within, time_of_exam
from timApp.guard.reading.history import changes_since, record_page
from timApp.guard.reading.sessions import latest_sessions, summary_of
from timApp.guard.rules.presence import overlaps, tracks_of
from timApp.pages.administer.period import Period, read_period
from timApp.pages.administer.timeline import lay_out, since
from timApp.pages.entry import read_entry
from timApp.pages.exams.choice import EXAM_FIELD, read_exam_choice
from timApp.pages.shown import shown
from timApp.pages.timelabels import is_same_day, reader_zone, time_label
from timApp.request.inputs import takes
from timApp.user.attempts.listing import failure_page
from timApp.user.user import require_user
from timApp.util.clock import now

person = Blueprint("person", __name__, url_prefix="/administer/person")

#: So many of a person's sessions are shown, the latest.
MAX_SESSIONS = 100
#: So many overlaps are listed in words, the latest; the picture has them all.
MAX_LISTED_OVERLAPS = 20
#: So many failed logins are shown, the latest.
MAX_FAILURES = 5


@person.get("")
@takes(query=("user", "period", "before", EXAM_FIELD))
def show() -> ResponseReturnValue:
    """Show the person ``user``; ``period`` is that of the picture, ``before`` pages the record.

    What there is of the exams that are chosen, or that run and the person sits, if there are any;
    then their time is that of the picture, unless another one is chosen.
    """
    verify_admin()
    before = read_entry(request.args.get("before", ""))
    period_text = request.args.get("period", "")
    period = read_period(period_text) if period_text else None
    user = require_user(db, request.args.get("user", ""))
    moment = now()
    choice = read_exam_choice(request.args, user.id)
    exams = list(map(time_of_exam, choice.exams))
    of_exams = [sa.or_(*map(is_of_exam, exams))] if exams else []
    within = [sa.or_(*map(is_within, exams))] if exams else []
    found = latest_sessions(db, user.id, MAX_SESSIONS + 1, *of_exams)
    sessions, has_older = found[:MAX_SESSIONS], len(found) > MAX_SESSIONS
    changes = changes_since(db, user.id, sessions[-1].logged_in_at) if sessions else []
    clocks = current_clocks()
    tracks = tracks_of(sessions, changes, moment, clocks)
    start = min((one.start for one in exams), default=None)
    end = max((one.end for one in exams), default=None)
    if period:
        start, end = moment - period.length, None
    in_period = since(tracks, start)
    overlapping = [
        one
        for one in overlaps(in_period)
        if (start is None or one.end >= start) and (end is None or one.start < end)
    ]
    return render_template(
        "person.html",
        person=user,
        tracks=tracks,
        has_older=has_older,
        max_sessions=MAX_SESSIONS,
        shown={one.session_id: shown(summary_of(one, clocks)) for one in sessions},
        timeline=lay_out(in_period, overlapping, start, reader_zone(), end),
        time_label=time_label,
        is_same_day=is_same_day,
        overlaps=overlapping[: -MAX_LISTED_OVERLAPS - 1 : -1],
        overlaps_omitted=max(len(overlapping) - MAX_LISTED_OVERLAPS, 0),
        period=period,
        periods=list(Period),
        before=before,
        record=record_page(db, user.id, before, *within),
        failures=failure_page(db, user_id=user.id, size=MAX_FAILURES),
        choice=choice,
        exam_address=partial(_exam_address, user.name),
    )


def _exam_address(user: str, exam: str | None) -> str:
    """Return the address of what there is of the person and another exam."""
    return url_for("person.show", user=user, period=request.args.get("period"), exam=exam)
