"""What an exam promises about logins, by hand and by the clock, on both databases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
import time_machine

from tests.guard.hall import BOSS, MORNING, Hall, OpenHall
from tests.together import together
from timApp.guard import (
    Action,
    AfterEnd,
    Change,
    Clocks,
    DeviceRule,
    Everybody,
    Identity,
    OverLimit,
    Policy,
    Standing,
    State,
)
from timApp.guard.exams.browser import BrowserPlan
from timApp.guard.exams.find import all_exams, find_exam, lock_exam
from timApp.guard.exams.plan import ExamPlan, add_exam, change_exam, plan_of
from timApp.guard.exams.run import (
    Effect,
    begin_exam,
    effect_of_begin,
    end_exam,
)
from timApp.guard.rules.exam import (
    EXAM_POLICY,
    Part,
    Phase,
    changeable,
    end_of,
    phase_of,
    start_of,
)
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.guard.tables.exam import Exam
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP
from timApp.util.errors import BadInput, Conflict, NotFound, TimError

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ACTIVE, OVER, HELD = "active", "expired: over limit", "expired: held"
OTHER, BEGAN = "expired: other device", "logged_out: exam began"
FREE = Policy()


def plan(
    hall: Hall,
    start: datetime,
    end: datetime,
    *,
    title: str = "Algebra",
    policy: Policy = EXAM_POLICY,
) -> None:
    """Plan an exam that ann sits, who is known from then on."""
    with hall.guard.transaction() as work:
        if hall.guard.person("ann") is None:
            hall.log_in("at home")
            hall.do(Action.LOGOUT)
        add_exam(work, ExamPlan(title, start, end, ["Course"], policy=policy))


def begin(hall: Hall, title: str = "Algebra") -> Effect | None:
    """Begin it by hand; return whom it has hit."""
    with hall.guard.transaction() as work:
        return begin_exam(work, title, BOSS, hall.guard.options.clocks).effect


def end(hall: Hall, title: str = "Algebra") -> bool:
    """End it by hand; return whether it ran."""
    with hall.guard.transaction() as work:
        return end_exam(work, title, BOSS).is_new


#: Ways to come to be in an exam from nine to twelve, and out of it again.
_BY_HAND_OR_CLOCK: dict[
    str,
    tuple[
        Callable[[Hall, time_machine.Traveller], object],
        Callable[[Hall, time_machine.Traveller], object],
    ],
] = {
    "by hand": (lambda hall, _: begin(hall), lambda hall, _: end(hall)),
    "by the clock": (
        lambda _, clock: clock.move_to(MORNING + HOUR),
        lambda _, clock: clock.move_to(MORNING + 4 * HOUR),
    ),
}


@pytest.mark.parametrize("way", _BY_HAND_OR_CLOCK)
def test_the_exams_policy_counts_while_it_runs(
    open_hall: OpenHall, clock: time_machine.Traveller, way: str
) -> None:
    """Whoever is ended in an exam is held in it; before and after the site's own policy counts."""
    go_in, go_out = _BY_HAND_OR_CLOCK[way]
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    hall.log_in("laptop")
    hall.do(Action.INVALIDATE)
    assert hall.log_in("laptop") == ACTIVE
    hall.do(Action.LOGOUT)
    go_in(hall, clock)
    assert hall.log_in("laptop") == ACTIVE
    assert hall.log_in("phone") == OVER
    hall.do(Action.LOGOUT)
    assert hall.log_in("laptop") == HELD
    go_out(hall, clock)
    assert hall.log_in("tablet") == ACTIVE


@pytest.mark.parametrize("way", _BY_HAND_OR_CLOCK)
@pytest.mark.parametrize("action", [Action.INVALIDATE, Action.END])
def test_holds_of_an_exam_end_with_it(
    open_hall: OpenHall, clock: time_machine.Traveller, way: str, action: Action
) -> None:
    """Though the site holds, too, what happened in an exam holds nobody after it."""
    go_in, go_out = _BY_HAND_OR_CLOCK[way]
    hall = open_hall(Policy(after_end=AfterEnd.HOLD))
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    go_in(hall, clock)
    hall.log_in("laptop")
    clock.shift(MINUTE)
    hall.do(action)
    assert hall.log_in("laptop") == HELD
    clock.shift(MINUTE)
    go_out(hall, clock)
    assert hall.log_in("laptop") == ACTIVE
    clock.shift(MINUTE)
    hall.do(action)
    assert hall.log_in("laptop") == HELD


def test_what_was_held_before_counts_again_after_the_exam(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """An exam that the clock begins looks at nothing of before, and settles nothing of it."""
    hall = open_hall(Policy(after_end=AfterEnd.HOLD))
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    hall.log_in("laptop")
    clock.shift(MINUTE)
    hall.do(Action.INVALIDATE)
    assert hall.log_in("laptop") == HELD
    clock.move_to(MORNING + HOUR)
    assert hall.log_in("tablet") == ACTIVE
    hall.do(Action.LOGOUT)
    clock.move_to(MORNING + 4 * HOUR)
    assert hall.log_in("tablet") == HELD
    hall.do(Action.VERIFY)
    assert not hall.is_held()


def test_a_beginning_by_hand_ends_what_was_before(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """All open sessions of those who sit it end and are recorded, and their holds are settled."""
    hall = open_hall(Policy(after_end=AfterEnd.HOLD))
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    bob = hall.guard.begin(Identity("bob", groups=frozenset({"Other"})), "there")
    hall.log_in("yesterday")
    hall.log_in("blocked")
    with hall.guard.transaction() as work:
        exam = find_exam(work, " ALGEBRA ")
        assert exam is not None
        foreseen = effect_of_begin(work, exam)
    assert foreseen == Effect(people=1, sessions=2, people_hit=1)
    clock.shift(MINUTE)
    assert begin(hall) == foreseen
    assert [hall.told("yesterday"), hall.told("blocked")] == [BEGAN, BEGAN]
    assert hall.guard.check(hall.begun["yesterday"].cookie).standing is Standing.ANONYMOUS
    assert hall.guard.check(bob.cookie).standing is Standing.VALID
    assert hall.recorded()[-2:] == ["end: exam began"] * 2
    assert not hall.is_held()
    assert hall.log_in("hall") == ACTIVE
    assert begin(hall) is None
    assert hall.passes("hall")


def test_a_beginning_by_hand_after_the_clock_ends_what_was_before_the_clocks(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """Whoever logged in since the clock has begun the exam goes on, and what was since is held."""
    hall = open_hall(limit=2)
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    hall.log_in("yesterday")
    clock.move_to(MORNING + HOUR)
    hall.log_in("hall")
    assert hall.log_in("phone") == OVER
    clock.shift(5 * MINUTE)
    assert begin(hall) == Effect(people=1, sessions=1, people_hit=1)
    assert hall.passes("hall")
    assert hall.told("yesterday") == BEGAN
    assert hall.is_held()
    with hall.guard.transaction() as work:
        (exam,) = all_exams(work)
        assert (start_of(exam), exam.begun_by) == (MORNING + HOUR, "boss")


def test_a_beginning_by_the_clock_ends_nothing(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """Whoever is in as the clock begins the exam stays in, and their browser is the one."""
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    hall.log_in("laptop")
    clock.move_to(MORNING + HOUR)
    assert hall.passes("laptop")
    clock.shift(MINUTE)
    hall.do(Action.LOGOUT)
    assert hall.log_in("phone") == OTHER
    hall.do(Action.END, "phone")
    assert hall.log_in("laptop") == ACTIVE


def test_only_browsers_of_the_exam_are_bound(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """In an exam a browser of before is nothing, one of it is bound longer than the lifetime."""
    hall = open_hall(Policy(device=DeviceRule.SAME), Clocks(lifetime=10 * MINUTE))
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    clock.move_to(MORNING + 51 * MINUTE)
    hall.log_in("at home")
    clock.move_to(MORNING + 59 * MINUTE)
    hall.do(Action.LOGOUT)
    clock.move_to(MORNING + HOUR)
    assert hall.log_in("hall") == ACTIVE
    clock.shift(30 * MINUTE)
    assert hall.log_in("at home") == OTHER
    hall.do(Action.VERIFY, "at home")
    hall.do(Action.LOGOUT)
    clock.shift(30 * MINUTE)
    assert hall.log_in("hall") == OTHER
    hall.do(Action.END, "hall")
    assert hall.log_in("at home") == ACTIVE
    end(hall)
    clock.shift(20 * MINUTE)
    assert hall.log_in("hall") == ACTIVE


def test_what_a_clock_has_ended_before_the_exam_is_not_of_it(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """A session that was idle for too long as the exam began binds no browser in it."""
    hall = open_hall(clocks=Clocks(idle_end=10 * MINUTE))
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    hall.log_in("at home")
    clock.move_to(MORNING + HOUR)
    assert hall.log_in("hall") == ACTIVE


@pytest.mark.parametrize("over_limit", OverLimit)
def test_each_policy_can_be_an_exams(
    open_hall: OpenHall, clock: time_machine.Traveller, over_limit: OverLimit
) -> None:
    """What a login beyond the limit does in an exam is what the exam says, and not the site."""
    is_default = over_limit is OverLimit.BLOCK_NEW
    hall = open_hall(Policy(OverLimit.OBSERVE) if is_default else FREE)
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR, policy=Policy(over_limit))
    clock.move_to(MORNING + HOUR)
    hall.log_in("laptop")
    outcome = hall.log_in("phone")
    assert (outcome == ACTIVE) is (over_limit in {OverLimit.EXPIRE_OLDEST, OverLimit.OBSERVE})
    assert hall.passes("laptop") is (over_limit in {OverLimit.BLOCK_NEW, OverLimit.OBSERVE})


def test_of_two_exams_the_one_that_began_last_counts(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """For a person of two exams the later one decides, and when it is over the other one does."""
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 6 * HOUR)
    plan(hall, MORNING + 2 * HOUR, MORNING + 4 * HOUR, title="Logic", policy=FREE)
    clock.move_to(MORNING + HOUR)
    assert [hall.log_in("laptop"), hall.log_in("phone")] == [ACTIVE, OVER]
    clock.move_to(MORNING + 2 * HOUR)
    hall.do(Action.LOGOUT)
    assert hall.log_in("phone") == ACTIVE
    hall.do(Action.LOGOUT)
    end(hall, "Logic")
    assert hall.log_in("phone") == HELD


@pytest.mark.parametrize(
    ("groups", "is_sitting"),
    [
        (["Course"], True),
        (["Other"], False),
        (["Course", ADMIN_GROUP], False),
        (["Course", "Teachers"], False),
        (["Course", SUPERVISOR_GROUP], True),
    ],
)
def test_who_sits_an_exam(open_hall: OpenHall, groups: list[str], *, is_sitting: bool) -> None:
    """Members of its groups, but for administrators and those who supervise it."""
    hall = open_hall()
    eve = Identity("eve", groups=frozenset(groups))
    for group in ("Course", "Teachers"):
        hall.guard.begin(Identity(f"of {group}", groups=frozenset({group})), "here")
    first = hall.guard.begin(eve, "at home", device="home")
    with hall.guard.transaction() as work:
        add_exam(
            work, ExamPlan("Algebra", MORNING + HOUR, MORNING + 2 * HOUR, ["Course"], ["Teachers"])
        )
    with time_machine.travel(MORNING, tick=False):
        effect = begin(hall)
        assert effect is not None
        assert effect.people == 1 + is_sitting
        standing = hall.guard.check(first.cookie).standing
        assert (standing is Standing.ANONYMOUS) is is_sitting


def test_one_person_may_sit_an_exam(open_hall: OpenHall, clock: time_machine.Traveller) -> None:
    """Each person is a group of their own, so an exam may be for some people by name."""
    hall = open_hall()
    hall.log_in("laptop")
    with hall.guard.transaction() as work:
        add_exam(work, ExamPlan("Retake", MORNING + HOUR, MORNING + 2 * HOUR, ["Ann"]))
    assert begin(hall, "Retake") == Effect(1, 1, 1)


_WRONG: dict[str, tuple[ExamPlan, type[TimError], str]] = {
    "title": (ExamPlan(" ", MORNING, MORNING + HOUR), BadInput, "title"),
    "no title": (ExamPlan("", MORNING, MORNING + HOUR), BadInput, "title"),
    "known title": (ExamPlan("aLGEBRA", MORNING, MORNING + HOUR), Conflict, "title"),
    "no time": (ExamPlan("New", MORNING, MORNING), BadInput, "to"),
    "turned round": (ExamPlan("New", MORNING + HOUR, MORNING), BadInput, "to"),
    "past": (ExamPlan("New", MORNING - HOUR, MORNING), BadInput, "to"),
    "group": (ExamPlan("New", MORNING, MORNING + HOUR, ["Nobody"]), NotFound, "group"),
    "supervisors": (ExamPlan("New", MORNING, MORNING + HOUR, [], ["No"]), NotFound, "group"),
}


@pytest.mark.parametrize("name", _WRONG)
def test_a_wrong_plan_is_refused(
    open_hall: OpenHall, clock: time_machine.Traveller, name: str
) -> None:
    """What cannot be an exam is refused with the field at fault, and nothing is added."""
    exam, error, at_fault = _WRONG[name]
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 2 * HOUR)
    with pytest.raises(error) as caught, hall.guard.transaction() as work:
        add_exam(work, exam)
    assert caught.value.field == at_fault
    with hall.guard.transaction() as work:
        assert [one.title for one in all_exams(work)] == ["Algebra"]


_MAY_CHANGE = {
    Phase.TO_COME: frozenset(Part),
    Phase.RUNS: frozenset(
        {Part.TITLE, Part.END, Part.MORE_GROUPS, Part.DOCUMENTS, Part.SUPERVISORS, Part.BROWSER}
    ),
    Phase.OVER: frozenset({Part.TITLE}),
}
_CHANGES: dict[Part, Callable[[ExamPlan], ExamPlan]] = {
    Part.TITLE: lambda old: replace(old, title="Logic"),
    Part.START: lambda old: replace(old, starts_at=MORNING + 30 * MINUTE),
    Part.END: lambda old: replace(old, ends_at=MORNING + 3 * HOUR + 10 * MINUTE),
    Part.MORE_GROUPS: lambda old: replace(old, groups=["Course", "Other"]),
    Part.FEWER_GROUPS: lambda old: replace(old, groups=[]),
    Part.SUPERVISORS: lambda old: replace(old, supervisors=["Other"]),
    Part.POLICY: lambda old: replace(old, policy=FREE),
    Part.BROWSER: lambda old: replace(old, browser=BrowserPlan(BrowserRule.SHOWN)),
}


@pytest.mark.parametrize("phase", Phase)
def test_what_may_change_depends_on_what_the_exam_is(
    open_hall: OpenHall, clock: time_machine.Traveller, phase: Phase
) -> None:
    """Everything, then what harms nobody who sits it, then its title; else it stays as it was."""
    hall = open_hall()
    hall.guard.begin(Identity("bob", groups=frozenset({"Other"})), "there")
    plan(hall, MORNING + HOUR, MORNING + 3 * HOUR)
    clock.move_to(MORNING + {Phase.TO_COME: 0, Phase.RUNS: 2, Phase.OVER: 3}[phase] * HOUR)
    assert changeable(phase) == _MAY_CHANGE[phase]
    for part, of in _CHANGES.items():
        with hall.guard.transaction() as work:
            exam = lock_exam(work, "Algebra")
            old = plan_of(exam)
            new = of(old)
            if part in _MAY_CHANGE[phase]:
                assert change_exam(work, exam, new) == {part}
                assert sorted(plan_of(exam).groups) == sorted(new.groups)
                assert plan_of(exam) == replace(new, groups=plan_of(exam).groups)
            else:
                with pytest.raises(Conflict) as caught:
                    change_exam(work, exam, new)
                assert caught.value.field == part.field
                assert plan_of(exam) == old
            work.session.rollback()
    with hall.guard.transaction() as work:
        exam = lock_exam(work, "Algebra")
        assert not change_exam(work, exam, plan_of(exam))


def test_more_time_is_more_time(open_hall: OpenHall, clock: time_machine.Traveller) -> None:
    """An exam with a later end runs until then, and with an earlier one until that."""
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 2 * HOUR)
    clock.move_to(MORNING + HOUR)
    begin(hall)
    hall.log_in("laptop")
    hall.do(Action.INVALIDATE)

    def end_at(moment: datetime) -> None:
        with hall.guard.transaction() as work:
            exam = lock_exam(work, "Algebra")
            change_exam(work, exam, replace(plan_of(exam), ends_at=moment))

    end_at(MORNING + 2 * HOUR + 10 * MINUTE)
    clock.move_to(MORNING + 2 * HOUR + MINUTE)
    assert hall.log_in("laptop") == HELD
    for past in (MORNING + HOUR, MORNING + 2 * HOUR + MINUTE):
        with pytest.raises(BadInput, match=r"past already|after it begins"):
            end_at(past)
    end_at(MORNING + 2 * HOUR + 2 * MINUTE)
    clock.shift(MINUTE)
    assert hall.log_in("laptop") == ACTIVE
    with pytest.raises(Conflict, match="is over"):
        end_at(MORNING + 4 * HOUR)


def test_an_exam_begun_early_may_end_before_it_was_to_begin(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """Its end follows its beginning, and that is the one by hand."""
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 2 * HOUR)
    begin(hall)
    with hall.guard.transaction() as work:
        exam = lock_exam(work, "Algebra")
        change_exam(work, exam, replace(plan_of(exam), ends_at=MORNING + 30 * MINUTE))
    with hall.guard.transaction() as work:
        (exam,) = all_exams(work)
        times = (start_of(exam), end_of(exam))
        assert times == (MORNING, MORNING + 30 * MINUTE)
        assert phase_of(exam, MORNING + 29 * MINUTE) is Phase.RUNS


def test_one_title_is_one_exam(open_hall: OpenHall, clock: time_machine.Traveller) -> None:
    """Of several that plan an exam of one title at once, one does."""
    hall = open_hall()

    def add() -> str:
        try:
            plan(hall, MORNING + HOUR, MORNING + 2 * HOUR)
        except (Conflict, sa.exc.OperationalError) as error:
            return type(error).__name__
        return "added"

    hall.log_in("at home")
    assert sorted(together([add] * 3)).count("added") == 1
    with hall.guard.transaction() as work:
        assert len(all_exams(work)) == 1


def test_what_is_out_of_turn_is_refused(open_hall: OpenHall, clock: time_machine.Traveller) -> None:
    """An exam is not ended before it begins, nor begun after it is over; repeated is no error."""
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 2 * HOUR)
    with pytest.raises(Conflict, match="not begun"):
        end(hall)
    with pytest.raises(NotFound):
        begin(hall, "Unknown")
    assert begin(hall) is not None
    assert [end(hall), end(hall)] == [True, False]
    with pytest.raises(Conflict, match="is over"):
        begin(hall)
    plan(hall, MORNING + HOUR, MORNING + 2 * HOUR, title="Logic")
    clock.move_to(MORNING + 2 * HOUR)
    assert not end(hall, "Logic")
    with pytest.raises(Conflict, match="is over"):
        begin(hall, "Logic")


@pytest.mark.parametrize(
    ("begun", "ended", "phases"),
    [
        (None, None, ["to come", "runs", "over"]),
        (-5, None, ["runs", "runs", "over"]),
        (5, None, ["runs", "runs", "over"]),
        (-5, 30, ["over", "over", "over"]),
    ],
)
def test_an_exams_time_is_worked_out(
    begun: int | None, ended: int | None, phases: list[str]
) -> None:
    """It runs from the first of two beginnings to the first of two ends, by hand or clock."""

    def minutes(number: int | None) -> datetime | None:
        return None if number is None else MORNING + number * MINUTE

    exam = Exam(
        starts_at=MORNING,
        ends_at=MORNING + HOUR,
        begun_at=minutes(begun),
        ended_at=minutes(ended),
    )
    moments = [MORNING - MINUTE, MORNING, MORNING + HOUR]
    assert [phase_of(exam, moment).value for moment in moments] == phases
    assert start_of(exam) == MORNING + min(begun or 0, 0) * MINUTE
    assert end_of(exam) == MORNING + (60 if ended is None else ended) * MINUTE


def test_a_login_and_a_beginning_do_not_miss_each_other(open_hall: OpenHall) -> None:
    """A login at the moment of a beginning comes before it, and is ended, or after it."""
    hall = open_hall(Policy(OverLimit.OBSERVE))
    hall.log_in("at home")
    for number in range(8):
        title = f"Exam {number}"
        start = datetime.now(MORNING.tzinfo) + HOUR
        plan(hall, start, start + HOUR, title=title)
        tasks: list[Callable[[], object]] = [
            partial(hall.log_in, f"device {number} {one}") for one in range(4)
        ]
        tasks.append(partial(begin, hall, title))
        together(tasks)
        # As the limit is one in the exam, at most one that began within it is active.
        active = [one for one in hall.begun if hall.told(one) == ACTIVE]
        assert len(active) <= 1
        end(hall, title)


def test_everybody_can_be_verified_in_an_exam(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """Changes of everybody's sessions settle and hold in an exam as outside of one."""
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    begin(hall)
    hall.log_in("laptop")
    clock.shift(MINUTE)
    hall.guard.apply(Change(Action.INVALIDATE, Everybody(), BOSS))
    assert hall.log_in("laptop") == HELD
    hall.guard.apply(Change(Action.VERIFY, Everybody(), BOSS))
    assert hall.passes("laptop")


def test_an_older_end_does_not_hide_a_new_one(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """An end after an exam holds, though one within it was noted and is over."""
    hall = open_hall(Policy(after_end=AfterEnd.HOLD))
    plan(hall, MORNING + HOUR, MORNING + 2 * HOUR)
    begin(hall)
    hall.log_in("laptop")
    clock.shift(MINUTE)
    hall.do(Action.INVALIDATE)
    clock.shift(MINUTE)
    end(hall)
    clock.shift(MINUTE)
    hall.do(Action.INVALIDATE)
    assert hall.log_in("laptop") == HELD
    assert hall.guard.begin(Identity("bob"), "here").state is State.ACTIVE


def test_a_pause_holds_in_the_exam_in_which_it_was_made(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """Also where the exam's policy is free; it ends with the exam."""
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR, policy=FREE)
    begin(hall)
    hall.log_in("laptop")
    hall.do(Action.PAUSE)
    assert hall.log_in("laptop") == "expired: paused"
    assert hall.do(Action.PAUSE) == 0
    clock.move_to(MORNING + 4 * HOUR)
    assert hall.log_in("laptop") == ACTIVE
    assert hall.do(Action.PAUSE) == 1
    assert hall.log_in("phone") == "expired: paused"


@pytest.mark.parametrize("way", ["by hand", "by the clock"])
@pytest.mark.parametrize(
    ("action", "told"), [(Action.PAUSE, "expired: paused"), (Action.INVALIDATE, HELD)]
)
def test_what_happened_in_an_exam_counts_though_another_begins(
    open_hall: OpenHall, clock: time_machine.Traveller, way: str, action: Action, told: str
) -> None:
    """While both run, whoever was stopped in the first stays so, also after the second is over."""
    hall = open_hall()
    plan(hall, MORNING + HOUR, MORNING + 4 * HOUR)
    plan(hall, MORNING + 2 * HOUR, MORNING + 3 * HOUR, title="Botany")
    clock.move_to(MORNING + HOUR)
    hall.log_in("laptop")
    clock.shift(MINUTE)
    hall.do(action)
    assert hall.log_in("laptop") == told
    if way == "by hand":
        begin(hall, "Botany")
    else:
        clock.move_to(MORNING + 2 * HOUR)
    clock.shift(MINUTE)
    assert hall.log_in("laptop") == told
    assert hall.log_in("phone") == told
    end(hall, "Botany")
    clock.shift(MINUTE)
    assert hall.log_in("tablet") == told
    end(hall)
    assert hall.log_in("tablet") == ACTIVE
