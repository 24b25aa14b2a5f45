"""The administrators' overview: how many are here, how many wait, and what happened lately."""

from itertools import pairwise

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_admin
from timApp.auth.site import current_clocks, db
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.guard.reading.activity import count_active, count_changes
from timApp.guard.waiting.codes import count_waiting
from timApp.pages.administer.period import INTERVALS, Period, borders, read_period
from timApp.pages.administer.plot import bar_chart
from timApp.pages.timelabels import reader_zone, time_label
from timApp.request.inputs import takes
from timApp.ui.words import series_words
from timApp.util.clock import now

overview = Blueprint("overview", __name__, url_prefix="/administer")


@overview.get("")
@takes(query=("period",))
def show() -> ResponseReturnValue:
    """Show the numbers of now, and a chart of each kind of change over the chosen period."""
    verify_admin()
    period = read_period(request.args.get("period", Period.DAY.value))
    intervals = INTERVALS[period]
    of_borders = borders(period, now(), reader_zone())
    counts = count_changes(db, of_borders)
    labels = [time_label(start, intervals.unit) for start in of_borders[:-1]]
    active_sessions, active_people = _count_active()
    return render_template(
        "overview.html",
        active_sessions=active_sessions,
        active_people=active_people,
        waiting=count_waiting(db),
        period=period,
        periods=list(Period),
        interval_minutes=int(intervals.length.total_seconds() // 60),
        counts=counts,
        charts={
            series: bar_chart(series_words(series), values, labels, intervals.label_step)
            for series, values in counts.items()
        },
        intervals=list(pairwise(of_borders)),
    )


def _count_active() -> tuple[int, int] | tuple[None, None]:
    """Return the number of active sessions, and of people who have one; None: it took too long."""
    try:
        with time_limit(db):
            return count_active(db, current_clocks())
    except TookTooLong:
        return None, None
