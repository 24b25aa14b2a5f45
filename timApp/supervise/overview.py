"""The administrators' overview: how many are here, how many wait, and what happened lately."""

from itertools import pairwise

import sqlalchemy as sa
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from timApp.auth.accesshelper import verify_admin
from timApp.auth.session.model import UserSession
from timApp.auth.session.waiting import count_waiting
from timApp.supervise.activity import INTERVALS, borders, count_changes
from timApp.supervise.period import Period, read_period
from timApp.supervise.plot import bar_chart
from timApp.supervise.timelabels import reader_zone, time_label
from timApp.timdb.sqa import db
from timApp.timdb.timelimit import TookTooLong, time_limit
from timApp.util.clock import now

overview = Blueprint("overview", __name__, url_prefix="/administer")


@overview.get("")
def show() -> ResponseReturnValue:
    """Show the numbers of now, and a chart of each kind of change over the chosen period."""
    verify_admin()
    period = read_period(request.args.get("period", Period.DAY.value))
    intervals = INTERVALS[period]
    of_borders = borders(period, now(), reader_zone())
    counts = count_changes(of_borders)
    labels = [time_label(start, intervals.unit) for start in of_borders[:-1]]
    active_sessions, active_people = count_active()
    return render_template(
        "overview.html",
        active_sessions=active_sessions,
        active_people=active_people,
        waiting=count_waiting(),
        period=period,
        periods=list(Period),
        interval_minutes=int(intervals.length.total_seconds() // 60),
        counts=counts,
        charts={
            series: bar_chart(series.label, values, labels, intervals.label_step)
            for series, values in counts.items()
        },
        intervals=list(pairwise(of_borders)),
    )


def count_active() -> tuple[int, int] | tuple[None, None]:
    """Return the number of active sessions, and of people who have one; None: it took too long."""
    query = sa.select(sa.func.count(), sa.func.count(UserSession.user_id.distinct())).where(
        UserSession.expired_at.is_(None)
    )
    try:
        with time_limit():
            sessions, people = db.session.execute(query).one()
    except TookTooLong:
        return None, None
    return sessions, people
