"""The picture of a person's sessions: what it shows when, and where it lies."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import pytz
from hypothesis import given
from hypothesis import strategies as st

from timApp.guard.rules.clocks import NEVER
from timApp.guard.rules.presence import Overlap, Span, Track, overlaps, tracks_of
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action
from timApp.pages.administer.timeline import MIN_WIDTH, lay_out, since
from timApp.util.localtime import Unit, moments_of, span_of, start_of_day, ticks

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
HELSINKI = pytz.timezone("Europe/Helsinki")

ZONES = st.sampled_from([pytz.timezone(name) for name in sorted(pytz.common_timezones)])
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def at(minute: float) -> datetime:
    """Return the time so many minutes after the start."""
    return START + timedelta(minutes=minute)


def session(
    name: str,
    begin: float,
    *,
    seen: float | None = None,
    expired: float | None = None,
    logged_out: float | None = None,
) -> UserSession:
    """Return a session by the minutes of its events."""
    return UserSession(
        session_id=name,
        logged_in_at=at(begin),
        last_seen_at=None if seen is None else at(seen),
        expired_at=None if expired is None else at(expired),
        logged_out_at=None if logged_out is None else at(logged_out),
        origin="",
    )


def change(number: int, minute: float, action: Action, name: str | None = None) -> SessionChange:
    """Return an entry of the record."""
    return SessionChange(id=number, at=at(minute), action=action, session_id=name)


def spans(*minutes: tuple[float, float]) -> list[Span]:
    """Return spans by their minutes."""
    return [Span(at(start), at(end)) for start, end in minutes]


def tracks_by_presence(minutes: Sequence[tuple[int, int]]) -> list[Track]:
    """Return tracks of sessions that were in use at these minutes."""
    found = [session(str(n), start, seen=end) for n, (start, end) in enumerate(minutes)]
    return tracks_of(found, [], at(10_000), NEVER)


def test_what_was_undone_is_as_before_from_then_on() -> None:
    """A verification that was undone gives the slot back to the one that had it."""
    sessions = [session("b", 10, expired=10), session("a", 0, seen=40)]
    changes = [
        change(1, 0, Action.LOGIN, "a"),
        change(2, 10, Action.BLOCKED_LOGIN, "b"),
        change(3, 20, Action.VERIFY, "b"),
        change(4, 30, Action.UNDO),
    ]
    b, a = tracks_of(sessions, changes, at(50), NEVER)
    assert b.active == spans((20, 30))
    assert a.active == spans((0, 20), (30, 50))


def test_the_record_tells_when_a_session_was_active_more_than_once() -> None:
    """Blocked, verified, invalidated and verified again: each stretch is there, with its marks."""
    sessions = [session("b", 10, seen=70), session("a", 0, expired=80)]
    changes = [
        change(7, 80, Action.VERIFY, "b"),
        change(1, 0, Action.LOGIN, "a"),
        change(2, 10, Action.BLOCKED_LOGIN, "b"),
        change(3, 20, Action.VERIFY, "b"),
        change(4, 30, Action.INVALIDATE, None),
        change(5, 40, Action.VERIFY_ALL),
        change(6, 50, Action.VERIFY, "a"),
    ]
    b, a = tracks_of(sessions, changes, at(100), NEVER)
    assert b.active == spans((20, 30), (40, 50), (80, 100))
    assert b.blocked_at == [at(10), at(30), at(50)]
    assert b.verified_at == [at(20), at(40), at(80)]
    assert a.active == spans((0, 20), (50, 80))
    assert a.blocked_at == [at(20), at(80)]
    assert a.verified_at == [at(50)]
    assert b.presence == Span(at(10), at(70))
    assert b.end == at(100)


def test_a_logged_out_session_ends_and_is_not_verified_any_more() -> None:
    """Verify all takes the latest that is not logged out, and a logout is no block."""
    sessions = [session("a", 0, expired=30), session("b", 10, expired=20, logged_out=20)]
    changes = [
        change(1, 0, Action.LOGIN, "a"),
        change(2, 10, Action.LOGIN, "b"),
        change(3, 20, Action.LOGOUT, "b"),
        change(4, 25, Action.VERIFY_ALL),
        change(5, 28, Action.VERIFY, "b"),
        change(6, 30, Action.INVALIDATE_ALL),
    ]
    a, b = tracks_of(sessions, changes, at(100), NEVER)
    assert b.active == spans((10, 20))
    assert (b.blocked_at, b.verified_at) == ([], [])
    assert b.presence == Span(at(10), at(20))
    assert a.active == spans((0, 28))  # a verify that names a logged out one expires the others


def test_sessions_that_their_owner_ended_from_elsewhere_are_over() -> None:
    """Such a logout names none of them; they are not blocked by it, and not verified after it."""
    sessions = [
        session("c", 20),
        session("b", 10, expired=10, logged_out=40),
        session("a", 0, expired=40, logged_out=40),
    ]
    changes = [
        change(1, 0, Action.LOGIN, "a"),
        change(2, 10, Action.BLOCKED_LOGIN, "b"),
        change(3, 20, Action.LOGIN, "c"),
        change(4, 40, Action.LOGOUT),
        change(5, 50, Action.INVALIDATE, "c"),
        change(6, 60, Action.VERIFY_ALL),
    ]
    c, b, a = tracks_of(sessions, changes, at(100), NEVER)
    assert c.active == spans((20, 50), (60, 100))
    assert (b.active, b.blocked_at, b.verified_at) == ([], [at(10)], [])
    assert (a.active, a.blocked_at) == (spans((0, 40)), [])


@pytest.mark.parametrize(
    ("one", "active", "blocked"),
    [
        (session("a", 0), [(0, 100)], []),
        (session("a", 5, expired=5), [], [5]),
        (session("a", 0, expired=30), [(0, 30)], [30]),
        (session("a", 0, expired=30, logged_out=30), [(0, 30)], []),
    ],
)
def test_without_a_record_the_session_itself_tells(
    one: UserSession, active: list[tuple[float, float]], blocked: list[float]
) -> None:
    """What was written before there was a record is drawn as far as it is known."""
    [track] = tracks_of([one], [], at(100), NEVER)
    assert track.active == spans(*active)
    assert track.blocked_at == [at(minute) for minute in blocked]


def test_the_session_has_the_last_word_over_an_incomplete_record() -> None:
    """A session that is active now is so at the end of the picture, and the other way round."""
    record = [change(1, 0, Action.BLOCKED_LOGIN, "a"), change(2, 0, Action.LOGIN, "b")]
    a, b = tracks_of([session("a", 0), session("b", 0, expired=50)], record, at(100), NEVER)
    assert a.active == spans((0, 100))
    assert b.active == spans((0, 50))


def test_overlaps_name_those_that_took_part() -> None:
    """One that comes and goes during an overlap belongs to it; one that only touches does not."""
    tracks = tracks_by_presence([(0, 10), (5, 20), (6, 7), (20, 30), (25, 25)])
    assert overlaps(tracks) == [Overlap(at(5), at(10), tuple(tracks[:3]))]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 10)).map(lambda one: (one[0], sum(one))),
        max_size=8,
    )
)
def test_what_is_shaded_is_what_two_sessions_share(minutes: list[tuple[int, int]]) -> None:
    """Minute by minute, the overlaps cover exactly those in which two or more are in use."""
    found = overlaps(tracks_by_presence(minutes))
    for minute in range(45):
        present = {str(n) for n, (start, end) in enumerate(minutes) if start <= minute < end}
        shaded = [one for one in found if one.start <= at(minute) < one.end]
        assert len(shaded) == (len(present) >= 2)
        for one in shaded:
            assert present <= {track.session.session_id for track in one.tracks}
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_bars_lie_where_their_times_are() -> None:
    """Percentages of the time from the first login to the end of what is known."""
    tracks = tracks_of(
        [session("b", 50, seen=100), session("a", 0, expired=75)], [], at(100), NEVER
    )
    picture = lay_out(tracks, overlaps(tracks), None, HELSINKI)
    assert picture is not None
    assert (picture.start, picture.end) == (at(0), at(100))
    b, a = picture.rows
    assert (b.presence.x, b.presence.width) == (50, 50)
    assert (a.active[0].x, a.active[0].width) == (0, 75)
    assert a.blocked_at == [75]
    assert a.y - b.y == picture.height - a.y


def test_a_later_start_cuts_off_what_was_before() -> None:
    """Bars begin at the edge, marks outside are left out, sessions that were over are not shown."""
    sessions = [session("b", 0, expired=60, seen=60), session("a", 0, expired=10, seen=20)]
    shown = since(tracks_of(sessions, [], at(100), NEVER), at(30))
    assert [track.session.session_id for track in shown] == ["b"]
    picture = lay_out(shown, [], at(30), HELSINKI)
    assert picture is not None
    assert picture.start == at(30)
    assert (picture.rows[0].active[0].x, picture.rows[0].active[0].width) == (0, 100)
    assert lay_out([], [], None, HELSINKI) is None


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=5))
def test_everything_lies_within_the_picture_and_can_be_seen(minutes: list[tuple[int, int]]) -> None:
    """However short or long: between 0 and 100 percent, and no bar is too thin."""
    tracks = tracks_by_presence([(start, start + length) for start, length in minutes])
    picture = lay_out(tracks, overlaps(tracks), None, HELSINKI)
    assert picture is not None
    bars = [row.presence for row in picture.rows] + picture.overlaps
    for bar in bars + [bar for row in picture.rows for bar in row.active]:
        assert bar.x >= 0
        assert bar.width >= MIN_WIDTH
        assert bar.x + bar.width <= 100.001
    assert all(0 <= one.x <= 100 for one in picture.ticks)


@given(MOMENTS, st.timedeltas(timedelta(minutes=5), timedelta(days=3000)), ZONES)
def test_ticks_are_few_round_and_in_order(
    start: datetime, length: timedelta, zone: pytz.BaseTzInfo
) -> None:
    """At most seven (an hour may come twice), within the time, none twice, to the full minute."""
    found = [tick.at for tick in ticks(start, start + length, zone)]
    assert len(found) <= 7
    assert found == sorted(set(found))
    assert all(start <= moment <= start + length for moment in found)
    assert all(moment.astimezone(zone).second == 0 for moment in found)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(minutes=10), ["10:00", "10:02", "10:04", "10:06", "10:08", "10:10"]),
        (timedelta(hours=4), ["10:00", "11:00", "12:00", "13:00", "14:00"]),
        (timedelta(hours=20), ["12:00", "18:00", "00:00", "06:00"]),
    ],
)
def test_ticks_are_at_round_hours_of_the_readers_clock(
    length: timedelta, expected: list[str]
) -> None:
    """And midnight is named by its date."""
    found = ticks(START, START + length, HELSINKI)
    assert [f"{tick.at.astimezone(HELSINKI):%H:%M}" for tick in found] == expected
    assert all((tick.unit is Unit.DAY) == (f"{tick.at:%H:%M}" == "22:00") for tick in found)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (20, "11-30 12-07 12-14"),
        (300, "01-01 03-01 05-01 07-01 09-01"),
        (2500, "01-01 01-01 01-01"),
    ],
)
def test_long_times_have_ticks_at_mondays_months_and_years(days: int, expected: str) -> None:
    """The longer the time, the rounder the ticks."""
    found = ticks(START, START + timedelta(days=days), HELSINKI)
    assert " ".join(f"{tick.at.astimezone(HELSINKI):%m-%d}" for tick in found) == expected


def test_the_hour_that_comes_twice_has_two_moments_and_the_lost_one_has_none() -> None:
    """When clocks are set back, and forward."""
    twice, never = datetime(2026, 10, 25, 3, 30), datetime(2026, 3, 29, 3, 30)  # noqa: DTZ001
    assert [f"{one:%H:%M}" for one in moments_of(twice, HELSINKI)] == ["00:30", "01:30"]
    assert moments_of(never, HELSINKI) == []
    for wall in (twice, never):
        assert [f"{one:%H:%M}" for one in span_of(wall, HELSINKI)] == ["00:30", "01:30"]


def test_a_day_without_midnight_begins_when_it_begins() -> None:
    """In Beirut the clocks jump from midnight to one; in Havana midnight comes twice."""
    beirut, havana = pytz.timezone("Asia/Beirut"), pytz.timezone("America/Havana")
    assert start_of_day(datetime(2025, 3, 30).date(), beirut).hour == 22  # noqa: DTZ001
    assert start_of_day(datetime(2025, 11, 2).date(), havana).hour == 4  # noqa: DTZ001
