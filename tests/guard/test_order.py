"""Changes of a person's sessions end alike on every host, whichever order they arrive in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.changes import (
    invalidate_all_sessions,
    invalidate_selected,
    invalidate_sessions,
    log_out_session,
    verify_all_sessions,
    verify_selected,
    verify_session,
)
from tests.site import Site
from tests.statements import noted_statements
from tests.together import all_at_once
from timApp.auth.site import db
from timApp.guard.tables.order import SessionOrder
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.codes import waiting_sessions
from timApp.user.user import require_user
from timApp.util.stamp import Stamp

MORNING = datetime(2026, 5, 4, 9, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

VERIFY, INVALIDATE = Action.VERIFY, Action.INVALIDATE


@dataclass(frozen=True)
class Change:
    """A verify or invalidate that was made on another host."""

    action: Action
    session_id: str | None
    stamp: Stamp

    def arrive(self, user_id: int) -> Stamp:
        """Carry the change out, as one that comes from its host."""
        change = verify_session if self.action is VERIFY else invalidate_sessions
        return change(user_id, self.session_id, "told", self.stamp)


def made(seconds: int, action: Action, session_id: str | None = None, name: str = "x") -> Change:
    """Return a change that was made so many seconds after the morning's begin."""
    return Change(action, session_id, Stamp(MORNING + seconds * SECOND, f"{name}{seconds}"))


@pytest.fixture
def alices(site: Site) -> Site:
    """A site with alice, whose session "desk" is active and "phone" expired from birth."""
    site.add_user("alice")
    with time_machine.travel(MORNING - HOUR, tick=False):
        site.add_session("alice", "desk")
        site.add_session("alice", "phone")
    return site


def arrive(site: Site, *changes: Change) -> None:
    """Carry out changes of alice's sessions in this order, each in a transaction of its own."""
    for change in changes:
        with site.app.app_context():
            assert change.arrive(require_user(db, "alice").id) == change.stamp
            db.session.commit()


def here(site: Site, change: Callable[[int], object]) -> object:
    """Make a change on this host; the function is given alice's id. Return what it returns."""
    with site.app.app_context():
        result = change(require_user(db, "alice").id)
        db.session.commit()
        return result


def noted(site: Site) -> int:
    """Return how many changes are noted."""
    with site.app.app_context():
        return db.session.scalars(sa.select(sa.func.count()).select_from(SessionOrder)).one()


# Late


@pytest.mark.parametrize(
    ("later", "older"),
    [
        (made(2, INVALIDATE), made(1, VERIFY, "phone")),
        (made(2, INVALIDATE), made(1, VERIFY)),
        (made(2, INVALIDATE), made(1, INVALIDATE, "desk")),
        (made(2, VERIFY, "phone"), made(1, INVALIDATE)),
        (made(2, VERIFY, "phone"), made(1, INVALIDATE, "phone")),
        (made(2, VERIFY, "phone"), made(1, VERIFY, "desk")),
        (made(2, VERIFY, "on another host"), made(1, VERIFY, "desk")),
        (made(2, INVALIDATE, "desk"), made(1, INVALIDATE, "desk")),
    ],
)
def test_a_change_that_arrives_after_a_later_one_that_overwrites_it_does_nothing(
    alices: Site, later: Change, older: Change
) -> None:
    """Neither the sessions nor the record of changes are touched, also not after a new login."""
    arrive(alices, later)
    alices.add_session("alice", "new")
    before, record = alices.states("alice"), len(alices.changes())
    arrive(alices, older)
    assert alices.states("alice") == before
    assert len(alices.changes()) == record


def test_a_change_that_arrives_late_takes_effect_when_nothing_overwrites_it(alices: Site) -> None:
    """A verify of one session stands beside a later invalidation of another one."""
    arrive(alices, made(2, INVALIDATE, "desk"), made(1, VERIFY, "phone"))
    assert alices.active("alice") == {"phone"}


def test_an_invalidation_that_arrives_before_the_older_verify_of_the_session_holds(
    alices: Site,
) -> None:
    """The session stays expired, and the verify expires the others all the same."""
    arrive(alices, made(2, INVALIDATE, "phone"), made(1, VERIFY, "phone"))
    assert alices.active("alice") == set()
    arrive(alices, made(3, VERIFY, "phone"))
    assert alices.active("alice") == {"phone"}


def test_a_session_that_a_verify_does_not_make_active_goes_on_waiting(site: Site) -> None:
    """Its person still stands there, and its short code still finds it."""
    site.add_exam_hall()
    blocked = site.blocked().session_id
    arrive(site, made(2, INVALIDATE, blocked), made(1, VERIFY, blocked))
    with site.app.app_context():
        assert [one.session_id for one in waiting_sessions(db)] == [blocked]
    arrive(site, made(3, VERIFY, blocked))
    with site.app.app_context():
        assert not waiting_sessions(db)


def test_a_verify_without_a_session_is_ordered_though_there_is_nothing_to_verify(
    alices: Site,
) -> None:
    """An invalidation that is older does not reach a login that came after the verify."""

    def log_all_out(user_id: int) -> None:
        for session_id in ("desk", "phone"):
            log_out_session(user_id, session_id)

    here(alices, log_all_out)
    arrive(alices, made(2, VERIFY))
    alices.add_session("alice", "new")
    arrive(alices, made(1, INVALIDATE))
    assert alices.active("alice") == {"new"}


@pytest.mark.parametrize(
    "change",
    [
        lambda user_id: made(3, INVALIDATE, "desk").arrive(user_id),
        lambda user_id: invalidate_sessions(user_id, "desk"),
        lambda user_id: invalidate_selected([(user_id, "desk")]),
    ],
)
def test_a_change_of_one_session_leaves_the_order_of_the_others_as_it_is(
    alices: Site, change: Callable[[int], object]
) -> None:
    """What a change of all sessions had overwritten before does nothing afterwards either."""
    arrive(alices, made(2, VERIFY, "phone"))
    here(alices, change)
    arrive(alices, made(1, INVALIDATE))
    assert alices.active("alice") == {"phone"}


def test_a_change_of_one_person_is_not_placed_after_those_of_another(alices: Site) -> None:
    """People are ordered apart from each other."""
    alices.add_user("bob")
    with alices.app.app_context():
        made(2, INVALIDATE).arrive(require_user(db, "bob").id)
        db.session.commit()
    arrive(alices, made(1, VERIFY, "phone"))
    assert alices.active("alice") == {"phone"}


@pytest.mark.parametrize("is_crossed", [False, True])
def test_of_two_changes_of_the_same_microsecond_one_is_the_later_on_every_host(
    alices: Site, is_crossed: bool
) -> None:
    """It is the one with the greater name."""
    changes = [made(1, VERIFY, "desk", "a"), made(1, VERIFY, "phone", "b")]
    arrive(alices, *(reversed(changes) if is_crossed else changes))
    assert alices.active("alice") == {"phone"}


# Twice


@pytest.mark.parametrize(
    "change",
    [
        made(1, VERIFY, "phone"),
        made(1, VERIFY),
        made(1, INVALIDATE, "desk"),
        made(1, INVALIDATE),
    ],
)
@pytest.mark.parametrize(
    "between",
    [
        lambda _: None,
        lambda user_id: verify_session(user_id, "desk"),
        lambda _: invalidate_all_sessions(),
    ],
)
def test_a_change_that_arrives_twice_does_nothing_the_second_time(
    alices: Site, change: Change, between: Callable[[int], object]
) -> None:
    """Not after a new login either, and not after another change of the same sessions."""
    arrive(alices, change)
    here(alices, between)
    alices.add_session("alice", "new")
    before, record, rows = alices.states("alice"), len(alices.changes()), noted(alices)
    arrive(alices, change, change)
    assert alices.states("alice") == before
    assert (len(alices.changes()), noted(alices)) == (record, rows)


def test_a_change_that_arrives_many_times_at_once_is_carried_out_once(alices: Site) -> None:
    """Looking for an earlier arrival and noting this one are a single step."""
    arrival = partial(made(1, VERIFY, "phone").arrive, alices.user_id("alice"))
    all_at_once(alices.app, [arrival] * 8)
    assert alices.active("alice") == {"phone"}
    assert noted(alices) == 1
    assert [one.action for one in alices.changes()].count(VERIFY) == 1


def test_changes_that_arrive_at_the_same_time_end_in_the_state_of_the_latest(alices: Site) -> None:
    """Whichever of them the database lets go first."""
    alice = alices.user_id("alice")
    for start in range(1, 50, 10):
        changes = [
            made(start, VERIFY, "desk"),
            made(start + 1, INVALIDATE),
            made(start + 2, VERIFY, "phone"),
        ]
        all_at_once(alices.app, [partial(change.arrive, alice) for change in changes])
        assert alices.active("alice") == {"phone"}


# Here


def _verify_phone(user_id: int) -> Stamp:
    return verify_session(user_id, "phone")


LOCAL_CHANGES = [
    (_verify_phone, {"phone"}),
    (lambda user_id: verify_session(user_id, None), {"phone"}),
    (lambda user_id: invalidate_sessions(user_id, "desk"), set()),
    (lambda user_id: invalidate_sessions(user_id, None), set()),
    (lambda user_id: verify_selected([(user_id, "phone")]), {"phone"}),
    (lambda user_id: invalidate_selected([(user_id, "desk")]), set()),
    (lambda _: verify_all_sessions(), {"phone"}),
    (lambda _: invalidate_all_sessions(), set()),
]


@pytest.mark.parametrize(("change", "active"), LOCAL_CHANGES)
def test_a_change_that_is_made_here_takes_effect_though_the_clock_is_behind(
    alices: Site, change: Callable[[int], object], active: set[str]
) -> None:
    """It is later than all that this host has heard of, on every host that hears of it."""
    told = made(3600, VERIFY, "desk")
    with time_machine.travel(MORNING, tick=False):
        arrive(alices, made(3599, INVALIDATE, "phone"), told)
        here(alices, change)
        assert alices.active("alice") == active
        arrive(alices, told, made(3598, VERIFY, "desk"))
        assert alices.active("alice") == active


def test_each_of_several_changes_made_here_takes_effect_while_the_clock_is_behind(
    alices: Site,
) -> None:
    """Their stamps rise, also across changes of everybody's sessions."""
    with time_machine.travel(MORNING, tick=False):
        arrive(alices, made(3600, INVALIDATE))
        stamps = [here(alices, _verify_phone)]
        here(alices, lambda _: invalidate_all_sessions())
        assert alices.active("alice") == set()
        stamps.append(here(alices, _verify_phone))
        assert alices.active("alice") == {"phone"}
    assert stamps == sorted(stamps, key=lambda stamp: stamp.at)  # type: ignore[attr-defined]
    assert stamps[0] > made(3600, INVALIDATE).stamp  # type: ignore[operator]


def test_picked_sessions_are_changed_later_than_everybody_though_the_clock_is_behind(
    alices: Site,
) -> None:
    """Their stamp is that of the latest change that is noted."""
    with time_machine.travel(MORNING + HOUR, tick=False):
        here(alices, lambda _: invalidate_all_sessions())
    with time_machine.travel(MORNING, tick=False):
        here(alices, lambda user_id: verify_selected([(user_id, "phone")]))
    with alices.app.app_context():
        in_order = sa.select(SessionOrder.action).order_by(SessionOrder.at)
        assert list(db.session.scalars(in_order)) == [Action.INVALIDATE_ALL, VERIFY]


@pytest.mark.parametrize("change", [verify_all_sessions, invalidate_all_sessions])
def test_a_change_of_everybody_that_finds_nothing_to_do_still_overwrites_older_ones(
    alices: Site, change: Callable[[], int]
) -> None:
    """What arrives later, and was made earlier, does nothing; what was made later takes effect."""
    alices.add_user("bob")  # for whom nothing was noted before
    alices.add_session("bob", "bob's")
    with time_machine.travel(MORNING, tick=False):
        here(alices, lambda _: change())
        assert here(alices, lambda _: change()) == 0
    before = alices.states("alice") | alices.states("bob")
    with alices.app.app_context():
        for name in ("alice", "bob"):
            for older in (made(-1, VERIFY, "desk"), made(-1, INVALIDATE)):
                older.arrive(require_user(db, name).id)
        db.session.commit()
    assert alices.states("alice") | alices.states("bob") == before
    arrive(alices, made(1, VERIFY, "desk"))
    assert alices.active("alice") == {"desk"}


@pytest.mark.parametrize(
    ("change", "older"),
    [
        (verify_selected, made(-1, INVALIDATE)),
        (invalidate_selected, made(-1, VERIFY, "phone")),
    ],
)
def test_picked_sessions_that_are_as_they_should_be_are_ordered_all_the_same(
    alices: Site, change: Callable[[list[tuple[int, str]]], object], older: Change
) -> None:
    """An older change that arrives afterwards does not touch them."""
    verify = change is verify_selected
    with time_machine.travel(MORNING, tick=False):
        here(alices, lambda user_id: change([(user_id, "desk" if verify else "phone")]))
    arrive(alices, older)
    assert alices.active("alice") == ({"desk"} if verify else set())


# In any order


@dataclass(frozen=True)
class Case:
    """Sessions, changes of them, and for each host the order in which they arrive."""

    #: For each session whether it is active, or None if it is logged out.
    sessions: dict[str, bool | None]
    changes: list[Change]
    arrivals: list[list[Change]]

    def final(self) -> set[str]:
        """Return which sessions are active after the changes, each once, as they were made."""
        active = {id_ for id_, is_active in self.sessions.items() if is_active}
        alive = [id_ for id_, is_active in self.sessions.items() if is_active is not None]
        for change in sorted(self.changes, key=lambda one: one.stamp):
            named = change.session_id
            if change.action is INVALIDATE:
                active = set() if named is None else active - {named}
            elif named is None:
                active = set(alive[-1:])
            else:
                active = {named} & set(alive)
        return active


SESSION_IDS = ["s0", "s1", "s2"]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case; several changes may be of the same moment."""
    kinds = st.tuples(
        st.sampled_from([VERIFY, INVALIDATE]),
        st.sampled_from([*SESSION_IDS, None, "on another host"]),
        st.integers(0, 5),
    )
    changes = [
        Change(action, session_id, Stamp(MORNING + at * SECOND, f"c{number}"))
        for number, (action, session_id, at) in enumerate(
            draw(st.lists(kinds, min_size=2, max_size=7))
        )
    ]
    again = st.lists(st.sampled_from(changes), max_size=4)
    return Case(
        {id_: draw(st.sampled_from([True, False, None])) for id_ in SESSION_IDS},
        changes,
        [draw(st.permutations(changes + draw(again))) for _ in range(3)],
    )


@pytest.fixture
def people(site: Site) -> list[int]:
    """The ids of three people, each of whom stands for a host."""
    names = ["u0", "u1", "u2"]
    for name in names:
        site.add_user(name)
    return [site.user_id(name) for name in names]


@given(case=cases())
@settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_in_whichever_order_changes_arrive_and_however_often_all_hosts_end_alike(
    site: Site, people: list[int], case: Case
) -> None:
    """The state is that after the same changes in the order in which they were made, each once."""
    with site.app.app_context():
        rows = [
            {
                "user_id": user_id,
                "session_id": session_id,
                "origin": "",
                "logged_in_at": MORNING + age * SECOND,
                "expired_at": None if is_active else MORNING,
                "logged_out_at": MORNING if is_active is None else None,
            }
            for user_id in people
            for age, (session_id, is_active) in enumerate(case.sessions.items())
        ]
        db.session.execute(sa.insert(UserSession).values(rows))
        for user_id, arrivals in zip(people, case.arrivals, strict=True):
            for change in arrivals:
                change.arrive(user_id)
        active = sa.select(UserSession.user_id, UserSession.session_id).where(
            UserSession.expired_at.is_(None)
        )
        final = {(user_id, session_id) for user_id in people for session_id in case.final()}
        assert {tuple(row) for row in db.session.execute(active)} == final
        db.session.rollback()


# What is kept, and what it costs


def test_only_changes_that_still_count_are_kept(alices: Site) -> None:
    """The latest of all of a person's sessions, and the latest later one of each session."""
    arrive(alices, *[made(at, INVALIDATE, "desk") for at in range(4)])
    assert noted(alices) == 1
    arrive(alices, made(5, INVALIDATE, "phone"))
    assert noted(alices) == 2
    arrive(alices, made(4, VERIFY, "desk"))
    assert noted(alices) == 2
    here(alices, lambda user_id: verify_selected([(user_id, "desk")]))
    assert noted(alices) == 1
    for _ in range(2):
        here(alices, lambda user_id: invalidate_selected([(user_id, "desk"), (user_id, "phone")]))
        assert noted(alices) == 3
    here(alices, lambda _: verify_all_sessions())
    assert noted(alices) == 1


def test_a_change_takes_as_many_statements_after_1_change_as_after_30(alices: Site) -> None:
    """What has been noted before does not matter."""
    counts = []
    verifies = made(-2, VERIFY, "phone"), made(-1, VERIFY, "desk")
    for verify, noted_before in zip(verifies, (range(1), range(1, 30)), strict=True):
        arrive(alices, *[made(at, INVALIDATE, f"s{at}") for at in noted_before])
        with noted_statements(alices) as statements:
            arrive(alices, verify)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_a_persons_changes_are_found_by_an_index(alices: Site) -> None:
    """Looking up and overwriting them does not read those of other people."""
    executed: list[tuple[str, Any]] = []

    def note(_c: Any, _u: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "FROM sessionorder" in statement:
            executed.append((statement, parameters))

    with alices.app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", note)
        alice = require_user(db, "alice").id
        verify_session(alice, "phone")
        invalidate_sessions(alice, "phone")
        verify_selected([(alice, "phone")])
        invalidate_selected([(alice, "phone")])
        sa.event.remove(db.engine, "before_cursor_execute", note)
        connection = db.session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        assert len(executed) == 8
        for statement, parameters in executed:
            explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
            plan = "\n".join(str(row[-1]) for row in rows)
            assert "ix_sessionorder_user_id" in plan
            assert "SCAN sessionorder" not in plan
            assert "Seq Scan" not in plan
