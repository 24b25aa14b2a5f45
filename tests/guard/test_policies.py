"""What each policy promises about logins, on both databases."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
import time_machine

from tests.guard.hall import BOSS, Hall, OpenHall
from timApp.guard import (
    Action,
    Actor,
    ActorKind,
    AfterEnd,
    Cause,
    Change,
    Clocks,
    DeviceRule,
    Everybody,
    Identity,
    OnePerson,
    OverLimit,
    Picked,
    Policy,
    Standing,
    State,
)
from timApp.guard.changes.change import Scope
from timApp.guard.reading.sessions import latest_sessions

MINUTE = timedelta(minutes=1)
HOLD = Policy(after_end=AfterEnd.HOLD)
SAME = Policy(device=DeviceRule.SAME)
EXAM = Policy(after_end=AfterEnd.HOLD, device=DeviceRule.SAME)

ACTIVE, OVER = "active", "expired: over limit"


def test_a_login_over_the_limit_is_blocked(open_hall: OpenHall) -> None:
    """By default the newcomer is blocked, and nothing happens to whoever was there first."""
    hall = open_hall()
    assert [hall.log_in("laptop"), hall.log_in("phone")] == [ACTIVE, OVER]
    assert hall.passes("laptop")
    assert not hall.passes("phone")
    assert hall.recorded() == ["login", "blocked login: over limit"]


def test_a_login_over_the_limit_displaces_the_oldest(open_hall: OpenHall) -> None:
    """With `expire_oldest` the newcomer is let in, and as many of the oldest go as are too many."""
    hall = open_hall(Policy(OverLimit.EXPIRE_OLDEST), limit=2)
    assert [hall.log_in(one) for one in ("a", "b", "c")] == [ACTIVE] * 3
    assert hall.told("a") == "expired: displaced"
    assert (hall.passes("a"), hall.passes("b"), hall.passes("c")) == (False, True, True)
    assert hall.recorded()[2:] == ["displace: displaced", "login: over limit"]
    assert not hall.is_held()


def test_a_login_over_the_limit_blocks_all(open_hall: OpenHall) -> None:
    """With `block_all` nobody is in until one is verified, whoever logs in and out meanwhile."""
    hall = open_hall(Policy(OverLimit.BLOCK_ALL))
    assert [hall.log_in("laptop"), hall.log_in("phone")] == [ACTIVE, OVER]
    assert hall.told("laptop") == "expired: all blocked"
    assert hall.log_in("tablet") == "expired: held"
    hall.do(Action.LOGOUT, "phone")
    assert hall.log_in("other") == "expired: held"
    hall.do(Action.VERIFY, "laptop")
    assert hall.passes("laptop")
    assert not hall.is_held()
    hall.do(Action.LOGOUT, "laptop")
    assert hall.log_in("phone") == ACTIVE


def test_a_login_over_the_limit_is_recorded_only(open_hall: OpenHall) -> None:
    """With `observe` everybody is let in, and the record says who was one too many."""
    hall = open_hall(Policy(OverLimit.OBSERVE))
    assert [hall.log_in("laptop"), hall.log_in("phone")] == [ACTIVE, ACTIVE]
    assert hall.recorded() == ["login", "login: over limit"]


@pytest.mark.parametrize("over_limit", OverLimit)
def test_nobody_has_more_than_the_limit_unless_it_is_observed(
    open_hall: OpenHall, over_limit: OverLimit
) -> None:
    """Whatever a login beyond the limit does, the limit holds after it."""
    hall = open_hall(Policy(over_limit), limit=2)
    for number in range(5):
        hall.log_in(f"device {number}")
        count = sum(hall.passes(one) for one in hall.begun)
        assert count <= 2 or over_limit is OverLimit.OBSERVE
    assert over_limit is not OverLimit.OBSERVE or count == 5


_ENDS: list[Callable[[Hall], object]] = [
    lambda hall: hall.do(Action.INVALIDATE, "laptop"),
    lambda hall: hall.do(Action.INVALIDATE),
    lambda hall: hall.do(Action.END, "laptop"),
    lambda hall: hall.do(Action.END),
    lambda hall: hall.guard.apply(Change(Action.INVALIDATE, Everybody(), BOSS)),
    *(
        lambda hall, action=action: hall.guard.apply(
            Change(action, Picked([(hall.ann, hall.begun["laptop"].session_id)]), BOSS)
        )
        for action in (Action.INVALIDATE, Action.END)
    ),
]


@pytest.mark.parametrize("number", range(len(_ENDS)))
@pytest.mark.parametrize("device", ["laptop", "phone", None])
def test_whoever_was_ended_is_held(open_hall: OpenHall, number: int, device: str | None) -> None:
    """With `hold`, whoever was invalidated or ended is blocked again until one is verified."""
    hall = open_hall(HOLD)
    hall.log_in("laptop")
    _ENDS[number](hall)
    assert hall.log_in(device) == "expired: held"
    hall.do(Action.LOGOUT, str(device))
    assert hall.log_in(device) == "expired: held"
    hall.do(Action.VERIFY)
    assert hall.passes(str(device))
    hall.do(Action.LOGOUT)
    assert hall.log_in("tablet") == ACTIVE


@pytest.mark.parametrize("number", range(len(_ENDS)))
def test_whoever_was_ended_finds_the_slot_free(open_hall: OpenHall, number: int) -> None:
    """With `free`, the next login is as any other, and the end is forgotten with it."""
    hall = open_hall()
    hall.log_in("laptop")
    _ENDS[number](hall)
    assert hall.is_held()
    assert hall.log_in("laptop") == ACTIVE
    assert not hall.is_held()


def test_everybodys_end_holds_those_who_were_in(open_hall: OpenHall) -> None:
    """Invalidating everybody holds nobody who was not logged in: they have done nothing."""
    hall = open_hall(HOLD)
    hall.log_in("laptop")
    bob = hall.guard.begin(Identity("bob"), "here")
    hall.guard.apply(Change(Action.LOGOUT, OnePerson("bob", bob.person.id), BOSS))
    hall.guard.apply(Change(Action.INVALIDATE, Everybody(), BOSS))
    assert hall.guard.begin(Identity("bob"), "here").state is State.ACTIVE
    assert hall.log_in("laptop") == "expired: held"
    hall.guard.apply(Change(Action.VERIFY, Everybody(), BOSS))
    assert hall.passes("laptop")
    assert not hall.is_held()


def test_somebody_may_be_invalidated_who_is_not_here(open_hall: OpenHall) -> None:
    """What another host tells of somebody without a session here holds their first login here."""
    hall = open_hall(HOLD)
    hall.log_in("laptop")
    hall.do(Action.LOGOUT)
    scope: Scope = OnePerson("ann", hall.ann, "a session of another host")
    hall.guard.apply(Change(Action.INVALIDATE, scope, Actor(ActorKind.HOST, "there")))
    assert hall.log_in("laptop") == "expired: held"
    hall.guard.apply(Change(Action.VERIFY, scope, Actor(ActorKind.HOST, "there")))
    hall.do(Action.LOGOUT)
    assert hall.log_in("laptop") == ACTIVE


def test_the_slot_is_not_passed_from_hand_to_hand(open_hall: OpenHall) -> None:
    """With `hold`, whoever is blocked does not get in because the first one logs out."""
    hall = open_hall(HOLD)
    hall.log_in("laptop")
    assert hall.log_in("phone") == OVER
    hall.do(Action.LOGOUT, "laptop")
    assert hall.log_in("phone") == OVER
    assert hall.log_in("phone", former="phone") == "expired: held"
    assert hall.log_in("tablet") == "expired: held"
    hall.do(Action.LOGOUT)
    assert hall.log_in("laptop") == "expired: held"


def test_the_slot_is_passed_on_by_default(open_hall: OpenHall) -> None:
    """With `free`, the next login finds the slot that the first one has left."""
    hall = open_hall()
    hall.log_in("laptop")
    assert hall.log_in("phone") == OVER
    hall.do(Action.LOGOUT, "laptop")
    assert hall.log_in("tablet") == ACTIVE


def test_a_blocked_login_is_settled_by_its_end(open_hall: OpenHall) -> None:
    """A supervisor's end of the blocked login settles it, and of none but that one."""
    hall = open_hall(HOLD)
    hall.log_in("laptop")
    hall.log_in("phone")
    hall.log_in("tablet")
    hall.do(Action.LOGOUT, "laptop")
    assert hall.do(Action.END, "phone") == 1
    assert hall.log_in("laptop") == "expired: held"
    hall.do(Action.END, "tablet")
    hall.do(Action.END, "laptop")
    assert not hall.is_held()
    assert hall.log_in("laptop") == ACTIVE


def test_a_blocked_login_is_settled_after_its_logout(open_hall: OpenHall) -> None:
    """Whoever is blocked and logs out has settled nothing; a supervisor's end does all the same."""
    hall = open_hall(HOLD)
    hall.log_in("laptop")
    hall.log_in("phone")
    hall.do(Action.LOGOUT)
    assert hall.do(Action.END, "phone") == 0
    assert hall.log_in("laptop") == ACTIVE


def test_the_browser_that_is_in_stays_in(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """Whatever is unsettled, the browser whose session goes on continues after a crash."""
    hall = open_hall(EXAM)
    hall.log_in("laptop")
    assert hall.log_in("phone") == OVER
    first = hall.begun["laptop"].session_id
    clock.shift(11 * MINUTE)
    assert hall.log_in("laptop") == ACTIVE
    assert first != hall.begun["laptop"].session_id
    assert hall.recorded()[-2:] == ["logout: continued", "login"]
    # That somebody else has tried is not forgotten by it.
    hall.do(Action.LOGOUT, "laptop")
    assert hall.log_in("laptop") == "expired: held"


@pytest.mark.parametrize("over_limit", OverLimit)
@pytest.mark.parametrize("has_cookie", [True, False])
@pytest.mark.parametrize("has_name", [True, False])
def test_a_login_in_the_same_browser_continues(
    open_hall: OpenHall, over_limit: OverLimit, *, has_cookie: bool, has_name: bool
) -> None:
    """By its name or by its session, a browser is known again, and takes its own slot."""
    hall = open_hall(Policy(over_limit, AfterEnd.HOLD))
    name = "laptop" if has_name else None
    for number in range(3):
        former = str(name) if number and has_cookie else None
        state = hall.log_in(name, former=former)
        is_known = number == 0 or has_cookie or has_name
        assert (state == ACTIVE) is (
            is_known or over_limit in {OverLimit.EXPIRE_OLDEST, OverLimit.OBSERVE}
        )
    with hall.guard.transaction() as work:
        open_ones = [one for one in latest_sessions(work, hall.ann, 9) if not one.logged_out_at]
    assert (len(open_ones) == 1) is (has_cookie or has_name)


@pytest.mark.parametrize("policy", [Policy(), EXAM, Policy(OverLimit.BLOCK_ALL)])
def test_a_login_that_is_repeated_is_one(
    open_hall: OpenHall, clock: time_machine.Traveller, policy: Policy
) -> None:
    """A browser that does not know yet that it is logged in, or blocked, gets the same session."""
    hall = open_hall(policy)
    for device, outcome in (("laptop", ACTIVE), ("phone", OVER)):
        sessions = set()
        for _ in range(4):
            assert hall.log_in(device).startswith(outcome)
            sessions.add(hall.begun[device].session_id)
            clock.shift(MINUTE)
        assert len(sessions) == 1
        assert hall.passes(device) is (device == "laptop")
    assert len(hall.recorded()) == 2 + (policy.over_limit is OverLimit.BLOCK_ALL)


def test_an_ended_session_is_not_continued(open_hall: OpenHall) -> None:
    """With `hold`, whom a supervisor has ended or blocked is no better off in the same browser."""
    hall = open_hall(HOLD)
    hall.log_in("laptop")
    hall.do(Action.INVALIDATE, "laptop")
    assert hall.log_in("laptop", former="laptop") == "expired: held"
    assert hall.log_in("laptop", former="laptop") == "expired: held"
    hall.do(Action.VERIFY)
    assert hall.passes("laptop")


def test_a_free_slot_is_for_the_browser_that_had_it(open_hall: OpenHall) -> None:
    """With `same`, whoever logs out does not hand the slot on, and comes back themselves."""
    hall = open_hall(SAME)
    assert hall.log_in("laptop") == ACTIVE
    hall.do(Action.LOGOUT, "laptop")
    assert hall.log_in("phone") == "expired: other device"
    assert hall.log_in(None) == "expired: other device"
    assert hall.log_in("laptop") == ACTIVE


def test_a_verification_moves_the_binding(open_hall: OpenHall) -> None:
    """With `same`, the browser that a supervisor has verified is the person's from then on."""
    hall = open_hall(SAME)
    hall.log_in("laptop")
    hall.do(Action.LOGOUT, "laptop")
    hall.log_in("phone")
    hall.do(Action.VERIFY, "phone")
    hall.do(Action.LOGOUT, "phone")
    assert hall.log_in("laptop") == "expired: other device"
    assert hall.log_in("phone") == ACTIVE


def test_blocked_logins_move_no_binding(open_hall: OpenHall) -> None:
    """With `same`, no number of blocked logins makes a browser the person's."""
    hall = open_hall(SAME)
    hall.log_in("laptop")
    hall.do(Action.LOGOUT, "laptop")
    for number in range(5):
        assert hall.log_in("phone" if number % 2 else f"phone {number}") != ACTIVE
    hall.do(Action.LOGOUT)
    assert hall.log_in("phone") == "expired: other device"
    assert hall.log_in("laptop") == ACTIVE


def test_each_slot_may_have_a_browser(open_hall: OpenHall) -> None:
    """With `same`, whoever may have two sessions may have them in two browsers, and no third."""
    hall = open_hall(SAME, limit=2)
    assert [hall.log_in("laptop"), hall.log_in("tablet")] == [ACTIVE, ACTIVE]
    hall.do(Action.LOGOUT)
    assert hall.log_in("phone") == "expired: other device"
    assert [hall.log_in("laptop"), hall.log_in("tablet")] == [ACTIVE, ACTIVE]


def test_whoever_has_no_limit_is_bound_to_no_browser(open_hall: OpenHall) -> None:
    """With `same`, supervisors carry as many devices as they like."""
    hall = open_hall(SAME, limit=None)
    assert [hall.log_in(one) for one in ("a", "b", "c", None)] == [ACTIVE] * 4


def test_the_binding_ends_with_the_lifetime(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """With `same`, a browser that had the slot longer ago than the lifetime has it no more."""
    hall = open_hall(SAME, Clocks(lifetime=60 * MINUTE))
    hall.log_in("laptop")
    clock.shift(MINUTE)
    hall.do(Action.LOGOUT, "laptop")
    clock.shift(58 * MINUTE)
    assert hall.log_in("phone") == "expired: other device"
    clock.shift(MINUTE)
    assert hall.log_in("phone") == ACTIVE


@pytest.mark.parametrize(
    ("clocks", "cause"),
    [(Clocks(idle_end=30 * MINUTE), Cause.IDLE), (Clocks(lifetime=30 * MINUTE), Cause.TOO_OLD)],
)
def test_a_clock_ends_a_session(
    open_hall: OpenHall, clock: time_machine.Traveller, clocks: Clocks, cause: Cause
) -> None:
    """What a clock has ended is over for the limit and for the guard, and does not come back."""
    hall = open_hall(HOLD, clocks)
    hall.log_in("laptop")
    clock.shift(29 * MINUTE)
    assert hall.log_in("phone") == OVER
    hall.do(Action.END, "phone")
    clock.shift(MINUTE)
    for _ in range(3):
        assert not hall.passes("laptop")
        assert hall.told("laptop") == f"expired: {cause.value}"
        clock.shift(11 * timedelta(seconds=1))
    assert hall.log_in("phone") == ACTIVE
    assert hall.passes("phone")
    assert not hall.passes("laptop")


def test_whoever_is_seen_is_not_idle(open_hall: OpenHall, clock: time_machine.Traveller) -> None:
    """A session that asks within the idle end goes on, however long; "last seen" keeps up."""
    hall = open_hall(clocks=Clocks(idle_end=timedelta(seconds=40)))
    hall.log_in("laptop")
    for _ in range(50):
        clock.shift(timedelta(seconds=29))
        assert hall.passes("laptop")
    assert hall.log_in("phone") == OVER
    clock.shift(timedelta(seconds=51))
    assert not hall.passes("laptop")


@pytest.mark.parametrize("idle_end", [4, 40, 400, 4000])
def test_last_seen_is_written_four_times_in_an_idle_end(
    open_hall: OpenHall, clock: time_machine.Traveller, idle_end: int
) -> None:
    """How old "last seen" may become is a quarter of the idle end, and a minute at the most."""
    hall = open_hall(clocks=Clocks(idle_end=timedelta(seconds=idle_end)))
    hall.log_in("laptop")
    written = set()
    for _ in range(40):
        clock.shift(timedelta(seconds=idle_end / 40))
        assert hall.passes("laptop")
        with hall.guard.transaction() as work:
            (session,) = latest_sessions(work, hall.ann, 1)
            written.add(session.last_seen_at)
    assert len(written) >= 4


@pytest.mark.parametrize("clocks", [Clocks(idle_end=30 * MINUTE), Clocks(lifetime=30 * MINUTE)])
def test_a_verification_sets_the_clocks_back(
    open_hall: OpenHall, clock: time_machine.Traveller, clocks: Clocks
) -> None:
    """Whoever is verified after a clock has ended their session has it for as long again."""
    hall = open_hall(clocks=clocks)
    hall.log_in("laptop")
    clock.shift(40 * MINUTE)
    assert not hall.passes("laptop")
    assert hall.do(Action.VERIFY, "laptop") == 1
    assert hall.passes("laptop")
    clock.shift(29 * MINUTE)
    assert hall.log_in("phone") == OVER
    clock.shift(2 * MINUTE)
    assert hall.told("laptop").startswith("expired: ") is (clocks.lifetime is not None) or (
        clocks.idle_end is not None
    )


def test_what_a_clock_ends_holds_nobody(open_hall: OpenHall, clock: time_machine.Traveller) -> None:
    """With `hold` and `same`, whose session the clock has ended logs in again as before."""
    hall = open_hall(EXAM, Clocks(idle_end=30 * MINUTE))
    hall.log_in("laptop")
    clock.shift(31 * MINUTE)
    assert hall.log_in("laptop") == ACTIVE


def test_an_end_is_for_good(open_hall: OpenHall) -> None:
    """Whoever is ended is nobody, and no verification brings the session back."""
    hall = open_hall()
    hall.log_in("laptop")
    assert hall.do(Action.END, "laptop") == 1
    assert hall.told("laptop") == "logged_out: ended"
    assert hall.guard.check(hall.begun["laptop"].cookie).standing is Standing.ANONYMOUS
    scope = OnePerson("ann", hall.ann, hall.begun["laptop"].session_id)
    assert hall.guard.apply(Change(Action.VERIFY, scope, BOSS)).changed == 0
    assert hall.do(Action.END, "laptop") == 0
    assert hall.recorded() == ["login", "end"]


_ANY_POLICY = [Policy(*values) for values in product(OverLimit, AfterEnd, DeviceRule)]
PAUSED = "expired: paused"


@pytest.mark.parametrize("policy", _ANY_POLICY)
def test_whoever_left_the_room_is_blocked_whatever_the_policy(
    open_hall: OpenHall, policy: Policy
) -> None:
    """In whichever browser they log in, until one session is verified: that one goes on."""
    hall = open_hall(policy)
    hall.log_in("laptop")
    assert hall.do(Action.PAUSE) == 1
    assert hall.told("laptop") == PAUSED
    assert hall.log_in("laptop") == PAUSED
    assert hall.log_in("phone") == PAUSED
    hall.do(Action.LOGOUT)
    hall.do(Action.END)
    assert hall.log_in("laptop") == PAUSED
    assert not hall.passes("laptop")
    hall.do(Action.VERIFY, "laptop")
    assert hall.passes("laptop")
    assert not hall.is_held()
    hall.do(Action.LOGOUT, "laptop")
    assert hall.log_in("laptop") == ACTIVE


def test_whoever_has_no_session_is_paused_too(open_hall: OpenHall) -> None:
    """The next login is blocked; repeated it changes nothing, and the record has it once."""
    hall = open_hall(Policy())
    hall.log_in("laptop")
    hall.do(Action.LOGOUT)
    change = Change(Action.PAUSE, OnePerson("ann", hall.ann), BOSS)
    assert hall.guard.apply(change).takes_effect
    assert not hall.guard.apply(change).takes_effect
    assert hall.recorded().count("pause") == 1
    assert hall.log_in("laptop") == PAUSED


def test_a_session_that_a_clock_has_ended_does_not_lead_past_a_pause(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """Who was idle before they were paused is blocked as they come back in the same browser."""
    hall = open_hall(Policy(), Clocks(idle_end=MINUTE))
    hall.log_in("laptop")
    clock.shift(2 * MINUTE)
    assert hall.do(Action.PAUSE) == 0
    assert hall.log_in("laptop") == PAUSED


def test_who_is_stopped_after_a_clock_ended_them_is_held(
    open_hall: OpenHall, clock: time_machine.Traveller
) -> None:
    """A session that was over by itself does not take its slot back from a supervisor."""
    idle = Clocks(idle_end=timedelta(minutes=5))
    hall = open_hall(Policy(after_end=AfterEnd.HOLD), idle)
    assert hall.log_in("laptop") == "active"
    clock.shift(timedelta(minutes=6))
    assert hall.log_in("laptop") == "active"
    clock.shift(timedelta(minutes=6))
    hall.do(Action.INVALIDATE)
    assert hall.log_in("laptop") == "expired: held"
