"""What the guard does to sessions is what the table of their life says, on both databases."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from timApp.database.engine import open_engine
from timApp.guard import (
    Action,
    Actor,
    ActorKind,
    AllButOne,
    Change,
    Claims,
    Cookies,
    Everybody,
    Guard,
    GuardOptions,
    Identity,
    OnePerson,
    OverLimit,
    Picked,
    Policy,
    State,
)
from timApp.guard.changes.change import Scope
from timApp.guard.exams.handin import hand_in
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.run import begin_exam
from timApp.guard.reading.sessions import latest_sessions
from timApp.guard.rules.clocks import NEVER
from timApp.guard.rules.lifetime import FOR_THE_OTHERS, LIFE, Event
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import state_of
from timApp.util.clock import now
from timApp.util.errors import Conflict

_BOSS = Actor(ActorKind.COMMAND_LINE, "boss")
#: The session that everything happens to, one that began before it, and one that began after it.
_ONE, _EARLIER, _LATER = "one", "earlier", "later"

#: How each state is come to, by what is done to a new session.
_WAYS_TO: dict[State, list[Action]] = {
    State.ACTIVE: [],
    State.EXPIRED: [Action.INVALIDATE],
    State.LOGGED_OUT: [Action.LOGOUT],
}


@dataclass(frozen=True)
class Hall:
    """One person with three sessions, and the guard."""

    guard: Guard
    person_id: int

    def do(self, action: Action, scope: Scope) -> None:
        """Change something and commit."""
        self.guard.apply(Change(action, scope, _BOSS))

    def states(self) -> dict[str, State]:
        """Return the state of each session."""
        with self.guard.transaction() as work:
            found = latest_sessions(work, self.person_id, 10)
            return {session.session_id: state_of(session, NEVER) for session in found}

    def bring(self, session_id: str, state: State) -> None:
        """Bring an active session into a state."""
        for action in _WAYS_TO[state]:
            self.do(action, OnePerson("ann", self.person_id, session_id))


@pytest.fixture
def hall(database_url: str) -> Iterator[Hall]:
    """A person who may have any number of sessions, and has three active ones."""
    guard = Guard(open_engine(database_url), Cookies(["a key"]), GuardOptions(limit=None))
    for session_id in (_EARLIER, _ONE, _LATER):
        begun = guard.begin(Identity("ann"), "a test", session_id=session_id)
        assert begun.state is State.ACTIVE
    yield Hall(guard, begun.person.id)
    guard.engine.dispose()


#: The ways in which each event happens to the session `_ONE`.
_CAUSES: dict[str, tuple[Event, Action, Callable[[int], Scope]]] = {
    "verify it": (Event.VERIFIED, Action.VERIFY, lambda who: OnePerson("ann", who, _ONE)),
    "verify it among those picked": (
        Event.VERIFIED,
        Action.VERIFY,
        lambda who: Picked([(who, _ONE)]),
    ),
    "verify a later one": (
        Event.ANOTHER_VERIFIED,
        Action.VERIFY,
        lambda who: OnePerson("ann", who, _LATER),
    ),
    "verify the latest": (Event.ANOTHER_VERIFIED, Action.VERIFY, lambda who: OnePerson("ann", who)),
    "verify one of another server": (
        Event.ANOTHER_VERIFIED,
        Action.VERIFY,
        lambda who: OnePerson("ann", who, "far away"),
    ),
    "verify everybody's latest": (Event.ANOTHER_VERIFIED, Action.VERIFY, lambda _: Everybody()),
    "invalidate it": (
        Event.INVALIDATED,
        Action.INVALIDATE,
        lambda who: OnePerson("ann", who, _ONE),
    ),
    "invalidate all of the person": (
        Event.INVALIDATED,
        Action.INVALIDATE,
        lambda who: OnePerson("ann", who),
    ),
    "invalidate it among those picked": (
        Event.INVALIDATED,
        Action.INVALIDATE,
        lambda who: Picked([(who, _ONE)]),
    ),
    "invalidate everybody": (Event.INVALIDATED, Action.INVALIDATE, lambda _: Everybody()),
    "pause the person": (Event.PAUSED, Action.PAUSE, lambda who: OnePerson("ann", who)),
    "log it out": (Event.LOGGED_OUT, Action.LOGOUT, lambda who: OnePerson("ann", who, _ONE)),
    "end it": (Event.ENDED, Action.END, lambda who: OnePerson("ann", who, _ONE)),
    "end all of the person": (Event.ENDED, Action.END, lambda who: OnePerson("ann", who)),
    "set a new password": (
        Event.NEW_CREDENTIALS,
        Action.NEW_CREDENTIALS,
        lambda who: AllButOne("ann", who, None),
    ),
    "close the account": (Event.DISABLED, Action.DISABLE, lambda who: OnePerson("ann", who)),
    "end it among those picked": (Event.ENDED, Action.END, lambda who: Picked([(who, _ONE)])),
    "log all others out": (
        Event.LOGGED_OUT,
        Action.LOGOUT,
        lambda who: AllButOne("ann", who, _LATER),
    ),
}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("cause", _CAUSES)
def test_a_session_becomes_what_the_table_says(hall: Hall, cause: str, before: State) -> None:
    """Whatever happens to a session, in whichever way, it is then what the table says."""
    event, action, scope_of = _CAUSES[cause]
    hall.bring(_ONE, before)
    scope = scope_of(hall.person_id)
    if isinstance(scope, Picked) and action is Action.VERIFY and before is State.LOGGED_OUT:
        with pytest.raises(Conflict):
            hall.do(action, scope)
    else:
        hall.do(action, scope)
    assert hall.states()[_ONE] is LIFE[before][event]


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize(
    "cause", [name for name, (event, _, _) in _CAUSES.items() if event is Event.VERIFIED]
)
def test_the_persons_other_sessions_become_what_the_table_says(
    hall: Hall, cause: str, before: State
) -> None:
    """What a verification is to the other sessions of the person stands in the table, too."""
    event, action, scope_of = _CAUSES[cause]
    hall.bring(_EARLIER, before)
    hall.bring(_ONE, State.EXPIRED)
    hall.do(action, scope_of(hall.person_id))
    expected = {_ONE: State.ACTIVE}
    expected[_EARLIER] = LIFE[before][FOR_THE_OTHERS[event]]
    expected[_LATER] = LIFE[State.ACTIVE][FOR_THE_OTHERS[event]]
    assert hall.states() == expected


#: What only a login brings about, by the policy that does.
_BY_LOGIN = {
    Event.CONTINUED: Policy(),
    Event.DISPLACED: Policy(OverLimit.EXPIRE_OLDEST),
    Event.ALL_BLOCKED: Policy(OverLimit.BLOCK_ALL),
}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("event", _BY_LOGIN)
def test_a_login_does_to_a_session_what_the_table_says(
    hall: Hall, event: Event, before: State
) -> None:
    """What a login does to the person's other sessions stands in the table, too."""
    hall.do(Action.LOGOUT, AllButOne("ann", hall.person_id, _ONE))
    hall.bring(_ONE, before)
    # Brings the person to the limit, if the session itself does not.
    if before is not State.ACTIVE:
        hall.guard.begin(Identity("ann"), "a test")
    guard = Guard(
        hall.guard.engine, hall.guard.cookies, GuardOptions(limit=1, policy=_BY_LOGIN[event])
    )
    former = Claims(hall.person_id, _ONE) if event is Event.CONTINUED else None
    guard.begin(Identity("ann"), "a test", former=former)
    assert hall.states()[_ONE] is LIFE[before][event]


#: What an exam brings about.
_OF_EXAMS = {Event.EXAM_BEGAN, Event.HANDED_IN}
#: What comes of a cookie that was copied.
_BY_COPY = {Event.COPIED, Event.TWIN_VERIFIED}


@pytest.mark.parametrize("before", State)
def test_a_copied_cookie_does_to_its_session_what_the_table_says(hall: Hall, before: State) -> None:
    """Also to a session that is expired, or that somebody has ended meanwhile."""
    hall.bring(_ONE, before)
    used = {"token_issued": 257, "token_used": 257, "token_since": None}
    with hall.guard.transaction() as work:
        is_one = UserSession.session_id == _ONE
        work.session.execute(sa.update(UserSession).where(is_one).values(used))
    hall.guard.check(hall.guard.cookies.issue(Claims(hall.person_id, _ONE)))
    assert hall.states()[_ONE] is LIFE[before][Event.COPIED]
    assert len(hall.states()) == (3 if before is State.LOGGED_OUT else 5)


@pytest.mark.parametrize("before", State)
def test_a_verification_does_to_the_other_bearer_what_the_table_says(
    hall: Hall, before: State
) -> None:
    """Of two that are left by a copied cookie, the other one is over, whatever it was."""
    hall.bring(_ONE, before)
    copied = CopiedSession(
        user_id=hall.person_id,
        session_id="copied",
        older_until=0,
        older_session_id=_ONE,
        newer_session_id=_LATER,
    )
    with hall.guard.transaction() as work:
        work.session.add(copied)
    hall.do(Action.VERIFY, OnePerson("ann", hall.person_id, _LATER))
    assert hall.states()[_ONE] is LIFE[before][Event.TWIN_VERIFIED]
    assert hall.states()[_LATER] is State.ACTIVE


@pytest.mark.parametrize("before", State)
def test_the_beginning_of_an_exam_does_what_the_table_says(hall: Hall, before: State) -> None:
    """What an exam that is begun does to the sessions from before it stands in the table, too."""
    hall.bring(_ONE, before)
    with hall.guard.transaction() as work:
        soon = now() + timedelta(hours=1)
        add_exam(work, ExamPlan("Algebra", soon, soon + timedelta(hours=1), ["ann"]))
        begin_exam(work, "Algebra", _BOSS, NEVER)
    assert hall.states()[_ONE] is LIFE[before][Event.EXAM_BEGAN]


@pytest.mark.parametrize("before", State)
def test_a_hand_in_does_what_the_table_says(hall: Hall, before: State) -> None:
    """Also to sessions of the person that are expired."""
    hall.bring(_ONE, before)
    with hall.guard.transaction() as work:
        add_exam(work, ExamPlan("Algebra", now(), now() + timedelta(hours=1), ["ann"]))
        hand_in(work, hall.person_id, Actor(ActorKind.USER, "ann"), NEVER)
    assert hall.states()[_ONE] is LIFE[before][Event.HANDED_IN]


def test_each_event_is_caused_by_something() -> None:
    """The walks above leave no event of the table out."""
    walked = {event for event, _, _ in _CAUSES.values()}
    assert walked | _BY_LOGIN.keys() | _BY_COPY | _OF_EXAMS == set(Event)


@pytest.mark.parametrize(
    ("action", "scope"),
    [
        (Action.LOGOUT, Everybody()),
        (Action.LOGOUT, Picked([])),
        (Action.END, Everybody()),
        (Action.END, AllButOne("ann", 1, None)),
        (Action.VERIFY, AllButOne("ann", 1, None)),
        (Action.PAUSE, Everybody()),
        (Action.PAUSE, Picked([(1, "x")])),
        (Action.LOGIN, OnePerson("ann", 1)),
        (Action.VERIFY_ALL, Everybody()),
    ],
)
def test_an_action_that_a_scope_does_not_have_is_refused(
    hall: Hall, action: Action, scope: Scope
) -> None:
    """A mistake in the program changes nothing, and says what it is."""
    before = hall.states()
    with pytest.raises(ValueError, match=f"{action.value} cannot be done"):
        hall.do(action, scope)
    assert hall.states() == before
