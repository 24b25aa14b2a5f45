"""People who log in for the first time, and whom somebody else vouches for."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.together import together
from timApp.database.work import Work
from timApp.guard import Begun, Claims, Cookies, Guard, GuardOptions, Identity, State
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action, ActorKind
from timApp.user.people import find_person, remember
from timApp.user.user import User
from timApp.user.usergroup import UserGroup, membership
from timApp.util.errors import BadInput, Conflict

ALICE = Identity("alice", "Alice", "alice@example.org", frozenset({"Course", "Year 1"}))


def guard_of(engine: sa.Engine, limit: int | None = 1) -> Guard:
    """Return a guard of the database."""
    return Guard(engine, Cookies(["key"]), GuardOptions(limit=limit))


def begin(guard: Guard, identity: Identity) -> Callable[[], Begun]:
    """Return what lets a session begin, in transactions of its own."""
    return lambda: guard.begin(identity, "Firefox")


def count(engine: sa.Engine, table: type[User | UserGroup | UserSession] | sa.Table) -> int:
    """Return how many rows there are."""
    with engine.connect() as connection:
        return connection.scalars(sa.select(sa.func.count()).select_from(table)).one()


def test_a_first_login_remembers_the_person_and_begins_a_session(engine: sa.Engine) -> None:
    """It is active, recorded as the person's own, and the next one is over the limit."""
    guard = guard_of(engine)
    first = guard.begin(ALICE, "Firefox")
    second = guard.begin(ALICE, "Chromium")
    assert first.person == second.person == guard.person("alice")
    assert (first.state, second.state) == (State.ACTIVE, State.EXPIRED)
    with Work(engine) as work:
        changes = work.session.scalars(sa.select(SessionChange).order_by(SessionChange.id)).all()
        assert [(one.action, one.actor_kind, one.actor) for one in changes] == [
            (Action.LOGIN, ActorKind.USER, "alice"),
            (Action.BLOCKED_LOGIN, ActorKind.USER, "alice"),
        ]


@pytest.mark.parametrize(("number", "limit"), [(2, 1), (12, 1), (12, 3), (12, None)])
def test_of_first_logins_of_one_person_at_the_same_moment_each_succeeds(
    engine: sa.Engine, number: int, limit: int | None
) -> None:
    """They leave one person, the groups once, and exactly as many active sessions as allowed."""
    guard = guard_of(engine, limit)
    begun = together([begin(guard, ALICE)] * number)
    assert {one.person.id for one in begun} == {begun[0].person.id}
    assert len({one.session_id for one in begun}) == number
    allowed = number if limit is None else limit
    assert [one.state for one in begun].count(State.ACTIVE) == allowed
    assert count(engine, User) == 1
    assert count(engine, UserGroup) == 3
    assert count(engine, membership) == 3
    assert count(engine, UserSession) == number
    with Work(engine) as work:
        active = sa.select(UserSession).where(~UserSession.expired)
        assert len(work.session.scalars(active).all()) == allowed


def test_first_logins_of_a_whole_class_at_the_same_moment_each_succeed(engine: sa.Engine) -> None:
    """Their groups are new too, and are made once."""
    guard = guard_of(engine)
    groups = [frozenset({"Course", f"Year {number % 3}"}) for number in range(12)]
    class_ = [Identity(f"p{number}", groups=groups[number]) for number in range(12)]
    begun = together([begin(guard, one) for one in class_])
    assert [one.state for one in begun] == [State.ACTIVE] * 12
    assert [one.person.groups for one in begun] == groups
    assert count(engine, User) == 12
    assert count(engine, UserGroup) == 12 + 4


def test_what_is_said_of_one_person_at_the_same_moment_is_written_one_after_the_other(
    engine: sa.Engine,
) -> None:
    """Of several that say something else each, one is remembered, whole."""
    guard = guard_of(engine)
    guard.begin(ALICE, "Firefox")
    said = [
        Identity("alice", f"Alice {number}", f"{number}@x", frozenset({f"g{number}", "Course"}))
        for number in range(8)
    ]
    begun = together([begin(guard, one) for one in said])
    assert len(begun) == 8
    person = guard.person("alice")
    assert person is not None
    assert Identity(person.name, person.real_name, person.email, person.groups) in said
    assert count(engine, User) == 1


def test_who_cannot_be_remembered_begins_no_session(engine: sa.Engine) -> None:
    """The error is that of the identity, however often it was tried, and nothing is left."""
    guard = guard_of(engine)
    guard.begin(ALICE, "Firefox")
    with pytest.raises(Conflict, match="Course"):
        guard.begin(Identity("Course"), "Firefox")
    with pytest.raises(Conflict, match="alice"):
        guard.begin(Identity("bob", groups=frozenset({"alice"})), "Firefox")
    with pytest.raises(BadInput):
        guard.begin(Identity("a\0b"), "Firefox")
    assert count(engine, User) == 1
    assert count(engine, UserSession) == 1


def test_a_session_that_cannot_begin_is_an_error_and_the_person_stays_remembered(
    engine: sa.Engine,
) -> None:
    """They have proved who they are, if not with an id that fits."""
    guard = guard_of(engine)
    with pytest.raises(BadInput) as caught:
        guard.begin(ALICE, "Firefox", session_id="")
    assert caught.value.field == "session_id"
    assert guard.person("alice") is not None
    guard.begin(ALICE, "Firefox", session_id="one")
    with pytest.raises(BadInput, match="ids are not used again"):
        guard.begin(ALICE, "Firefox", session_id="one")
    assert count(engine, UserSession) == 1


def test_with_a_unit_of_work_all_of_it_is_the_callers(engine: sa.Engine) -> None:
    """Person and session are written at the commit, or not at all."""
    guard = guard_of(engine)
    with Work(engine) as work:
        begun = guard.begin(ALICE, "Firefox", work=work)
        assert begun.state is State.ACTIVE
        assert find_person(work, "alice") == begun.person
    assert count(engine, User) == 0
    with guard.transaction() as work:
        guard.begin(ALICE, "Firefox", work=work)
    assert count(engine, User) == 1
    assert count(engine, UserSession) == 1


def test_two_browsers_that_swap_two_people_do_not_wait_for_each_other(engine: sa.Engine) -> None:
    """Each of them logs the other's person in, of whom something new is said."""
    guard = guard_of(engine, None)
    with guard.transaction() as work:
        one, two = (remember(work, Identity(name)) for name in ("one", "two"))
    for number in range(10):
        first, second = (guard.begin(person, "Firefox").session_id for person in (one, two))

        def swap(identity: Identity, former: Claims) -> Callable[[], Begun]:
            def log_in() -> Begun:
                with guard.transaction() as work:
                    return guard.begin(identity, "Firefox", former=former, work=work)

            return log_in

        together(
            [
                swap(Identity("two", str(number)), Claims(one.id, first)),
                swap(Identity("one", str(number)), Claims(two.id, second)),
            ]
        )
    with Work(engine) as work:
        ended = sa.select(UserSession).where(UserSession.logged_out_at.is_not(None))
        assert len(work.session.scalars(ended).all()) == 20


def test_a_former_session_in_the_same_browser_ends_by_its_own_person(engine: sa.Engine) -> None:
    """One that is nobody's any more, or had no session, is nothing to end."""
    guard = guard_of(engine)
    alice = guard.begin(ALICE, "Firefox")
    guard.begin(Identity("bob"), "Firefox", former=Claims(alice.person.id, alice.session_id))
    for nothing in (
        Claims(alice.person.id, "other"),
        Claims(alice.person.id, None),
        Claims(99, "x"),
    ):
        guard.begin(Identity("bob"), "Firefox", former=nothing)
    with Work(engine) as work:
        logouts = sa.select(SessionChange).where(SessionChange.action == Action.LOGOUT)
        [logout] = work.session.scalars(logouts)
        assert (logout.user_id, logout.actor, logout.session_id) == (
            alice.person.id,
            "alice",
            alice.session_id,
        )
