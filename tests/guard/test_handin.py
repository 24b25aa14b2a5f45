"""What it means for a person to hand an exam in, on both databases."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine

from tests.guard.hall import BOSS, MORNING, Hall, OpenHall
from tests.together import together
from timApp.guard import Action, Actor, ActorKind, AfterEnd, DeviceRule, Identity, Policy
from timApp.guard.exams.handin import HandedIn, exams_sat_by, hand_in
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.receipt import ForgedReceipt, HandInReceipt, HandInReceipts
from timApp.guard.exams.run import end_exam
from timApp.guard.rules.exam import EXAM_POLICY
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.handin import HandIn
from timApp.user.usergroup import ADMIN_GROUP
from timApp.util.errors import BadInput, Conflict

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ACTIVE, HANDED_IN = "active", "logged_out: handed in"
OVER, HELD = "expired: over limit", "expired: held"


@pytest.fixture
def hall(open_hall: OpenHall, clock: time_machine.Traveller) -> Hall:
    """A hall in which ann sits an exam from now on for three hours, and is not logged in."""
    hall = open_hall(Policy(after_end=AfterEnd.FREE, device=DeviceRule.ANY))
    hall.log_in("at home")
    hall.do(Action.LOGOUT)
    add(hall, "Algebra")
    clock.shift(MINUTE)
    return hall


def add(hall: Hall, title: str, policy: Policy = EXAM_POLICY) -> None:
    """Let an exam run that ann sits."""
    with hall.guard.transaction() as work:
        plan = ExamPlan(title, MORNING, MORNING + 3 * HOUR, ["Course"], policy=policy)
        add_exam(work, plan)


def give(hall: Hall, title: str | None = None, device: str | None = None) -> HandedIn:
    """Let ann hand in, in the session of a device if one is named."""
    ann = Actor(ActorKind.USER, "ann", "10.0.0.1")
    session_id = None if device is None else hall.begun[device].session_id
    with hall.guard.transaction() as work:
        return hand_in(work, hall.ann, ann, hall.guard.options.clocks, title, session_id)


def test_all_sessions_end_for_good(hall: Hall, clock: time_machine.Traveller) -> None:
    """The active one and the blocked ones are over, nobody can verify them, and it is recorded."""
    assert hall.log_in("laptop") == ACTIVE
    assert hall.log_in("phone") == OVER
    done = give(hall)
    assert (done.title, done.at, done.is_new) == ("Algebra", MORNING + MINUTE, True)
    for device in ("laptop", "phone"):
        assert hall.told(device) == HANDED_IN
        assert not hall.passes(device)
    with pytest.raises(Conflict):
        hall.do(Action.VERIFY, "laptop")
    with hall.guard.transaction() as work:
        entry = work.session.scalars(
            sa.select(SessionChange).where(SessionChange.action == Action.HAND_IN)
        ).one()
        said = (entry.actor, entry.address, entry.reason, entry.user_id, entry.session_count)
    assert said == ("ann", "10.0.0.1", "Algebra", hall.ann, 2)


def test_the_exam_counts_for_the_person_no_more(hall: Hall, clock: time_machine.Traveller) -> None:
    """Holds of the exam are settled, and its policies are the site's again for that person."""
    hall.log_in("laptop")
    assert hall.log_in("phone") == OVER
    clock.shift(MINUTE)
    hall.do(Action.INVALIDATE)
    assert hall.log_in("laptop") == HELD
    give(hall)
    assert not hall.is_held()
    assert hall.log_in("tablet") == ACTIVE
    hall.do(Action.INVALIDATE)
    assert hall.log_in("phone") == ACTIVE


def test_it_is_of_one_person_alone(hall: Hall) -> None:
    """The others of the exam go on, under its policies."""
    hall.log_in("laptop")
    others = Identity("bob", groups=frozenset({"Course"}))
    first = hall.guard.begin(others, "a test", device="one")
    give(hall)
    assert hall.guard.check(first.cookie).visitor is not None
    with hall.guard.transaction() as work:
        assert [one.handed_in_at for one in exams_sat_by(work, first.person.id)] == [None]
    assert hall.guard.begin(others, "a test", device="two").state.value == "expired"


def test_repeated_it_changes_nothing(hall: Hall, clock: time_machine.Traveller) -> None:
    """Whoever has logged in again and hands in once more stays logged in, and is told when."""
    hall.log_in("laptop")
    at = give(hall).at
    clock.shift(MINUTE)
    assert hall.log_in("laptop") == ACTIVE
    for title in (None, " algebra "):
        assert give(hall, title) == HandedIn("Algebra", at, is_new=False)
    assert hall.passes("laptop")
    assert hall.recorded().count("hand in") == 1


def test_two_at_once_are_one(hall: Hall) -> None:
    """A double click hands in once."""
    hall.log_in("laptop")
    done = together([lambda: give(hall) for _ in range(4)])
    assert sorted(one.is_new for one in done) == [False, False, False, True]
    assert len({one.at for one in done}) == 1


def _end(hall: Hall) -> None:
    with hall.guard.transaction() as work:
        end_exam(work, "Algebra", BOSS)


@pytest.mark.parametrize(
    ("before", "title"),
    [
        (lambda _, clock: clock.move_to(MORNING + 3 * HOUR), None),
        (lambda _, clock: clock.move_to(MORNING - MINUTE), None),
        (lambda hall, _: _end(hall), None),
        (lambda *_: None, "Geometry"),
        (lambda *_: None, "a\0b"),
    ],
    ids=["over by the clock", "to come", "over by hand", "another title", "no title"],
)
def test_without_an_exam_nothing_changes(
    hall: Hall,
    clock: time_machine.Traveller,
    before: Callable[[Hall, time_machine.Traveller], object],
    title: str | None,
) -> None:
    """Only what runs can be handed in; the person stays logged in."""
    hall.log_in("laptop")
    before(hall, clock)
    with pytest.raises(Conflict) as refused:
        give(hall, title)
    assert refused.value.field == "exam"
    assert hall.told("laptop") == ACTIVE
    assert "hand in" not in hall.recorded()


def test_administrators_sit_no_exam(hall: Hall) -> None:
    """They have nothing to hand in."""
    boss = hall.guard.begin(Identity("boss", groups=frozenset({"Course", ADMIN_GROUP})), "a test")
    with hall.guard.transaction() as work, pytest.raises(Conflict):
        hand_in(work, boss.person.id, BOSS, hall.guard.options.clocks)


def test_of_two_exams_the_other_one_goes_on(hall: Hall) -> None:
    """Without a title the one is meant that counts, and then the next; by title any that runs."""
    add(hall, "Botany", Policy())
    hall.log_in("laptop")
    assert give(hall, "Algebra").title == "Algebra"
    hall.log_in("laptop")
    assert hall.log_in("phone") == OVER
    assert give(hall).title == "Botany"
    with hall.guard.transaction() as work:
        rows = work.session.scalars(sa.select(HandIn.user_id)).all()
    assert rows == [hall.ann] * 2


def test_a_receipt_says_what_was_written_and_nothing_else_is_one() -> None:
    """It is read by every server with the key; one that was changed or made up is refused."""
    receipt = HandInReceipt("änn", "Änn Archer", "Algebra 1", MORNING)
    token = HandInReceipts("old", "new").write(receipt)
    assert HandInReceipts("new").read(token) == receipt
    for forged in ("", "x", token + "x", HandInReceipts("another key").write(receipt)):
        with pytest.raises(ForgedReceipt) as refused:
            HandInReceipts("new").read(forged)
        assert isinstance(refused.value, BadInput)
        assert refused.value.field == "receipt"


@pytest.mark.parametrize("action", [Action.INVALIDATE, Action.PAUSE, Action.END])
def test_who_was_stopped_meanwhile_hands_nothing_in(hall: Hall, action: Action) -> None:
    """A request that was on its way finds the session stopped, and does not let the hold go."""
    hall.log_in("laptop")
    hall.do(action)
    with pytest.raises(Conflict):
        give(hall, device="laptop")
    assert hall.is_held()
    assert "hand in" not in hall.recorded()


def test_two_at_once_of_one_session_hand_in_one_exam_of_two(hall: Hall) -> None:
    """Whichever comes first, the others tell what it has handed in."""
    add(hall, "Botany")
    hall.log_in("laptop")
    done = together([lambda: give(hall, device="laptop") for _ in range(4)])
    assert {one.title for one in done} == {"Botany"}
    assert sorted(one.is_new for one in done) == [False, False, False, True]
    with hall.guard.transaction() as work:
        assert [one.handed_in_at is None for one in exams_sat_by(work, hall.ann)] == [False, True]
