"""The administrators' overview: how many are here, how many wait, and what happened lately."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_admin
from timApp.auth.site import current_clocks, db
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.guard.reading.activity import count_active, count_changes
from timApp.guard.reading.exam import is_change_of_exam, is_of_exam, time_of_exam
from timApp.guard.waiting.codes import count_waiting
from timApp.pages.administer.period import (
    INTERVALS,
    Period,
    borders_of,
    intervals_between,
    read_period,
)
from timApp.pages.administer.plot import bar_chart
from timApp.pages.exams.choice import EXAM_FIELD, read_exam_choice
from timApp.pages.timelabels import reader_zone, time_label
from timApp.request.inputs import takes
from timApp.ui.words import series_words
from timApp.util.clock import now

overview = Blueprint("overview", __name__, url_prefix="/administer")

#: The end of an exam is no part of it.
_LEAST = timedelta(microseconds=1)


@overview.get("")
@takes(query=("period", EXAM_FIELD))
def show() -> ResponseReturnValue:
    """Show the numbers of now, and a chart of each kind of change over the chosen period.

    Those of the exams that are chosen, or run, if there are any; then their time is the period,
    unless another one is chosen.
    """
    verify_admin()
    choice = read_exam_choice(request.args)
    exams = list(map(time_of_exam, choice.exams))
    text = request.args.get("period")
    period = (
        None if exams and text is None else read_period(Period.DAY.value if text is None else text)
    )
    moment, zone = now(), reader_zone()
    if period is None:
        start, end = min(one.start for one in exams), max(one.end for one in exams)
        last = max(start, min(end - _LEAST, moment))
        intervals = intervals_between(start, last, zone)
    else:
        last, intervals = moment, INTERVALS[period]
    of_borders = borders_of(intervals, last, zone)
    of_exams = [sa.or_(*map(is_change_of_exam, exams))] if exams else []
    counts = count_changes(db, of_borders, *of_exams)
    labels = [time_label(start, intervals.unit) for start in of_borders[:-1]]
    which = [sa.or_(*map(is_of_exam, exams))] if exams else []
    active_sessions, active_people = _count_active(which)
    return render_template(
        "overview.html",
        active_sessions=active_sessions,
        active_people=active_people,
        waiting=count_waiting(db, *which),
        choice=choice,
        exam_address=_exam_address,
        period=period,
        periods=list(Period),
        interval_minutes=int(intervals.length.total_seconds() // 60),
        is_over=of_borders[-1] <= moment,
        counts=counts,
        charts={
            series: bar_chart(series_words(series), values, labels, intervals.label_step)
            for series, values in counts.items()
        },
        intervals=list(pairwise(of_borders)),
    )


def _exam_address(exam: str | None) -> str:
    """Return the address of the overview of another exam."""
    return url_for("overview.show", period=request.args.get("period"), exam=exam)


def _count_active(
    which: Sequence[sa.ColumnElement[bool]],
) -> tuple[int, int] | tuple[None, None]:
    """Return the number of active sessions, and of people who have one; None: it took too long."""
    try:
        with time_limit(db):
            return count_active(db, current_clocks(), *which)
    except TookTooLong:
        return None, None
