"""The face of the guard: what it answers, what it commits, and whom it tells."""

from collections.abc import Iterator

import pytest

from timApp.database.engine import open_engine
from timApp.database.work import UnitOfWork, Work
from timApp.guard import (
    Action,
    Actor,
    ActorKind,
    Change,
    Claims,
    Cookies,
    Everybody,
    Guard,
    GuardOptions,
    Identity,
    OnePerson,
    Picked,
    Receipt,
    Standing,
    State,
)
from timApp.guard.reading.sessions import latest_sessions
from timApp.guard.rules.clocks import NEVER
from timApp.guard.tables.state import state_of
from timApp.net.network import Host
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP
from timApp.util.errors import BadInput, Conflict, NotFound

_BOSS = Actor(ActorKind.USER, "boss", "192.0.2.1")
_ANN = Identity(
    "ann", real_name="Ann Jones", email="ann@example.org", groups=frozenset({"Students"})
)


def guard_at(url: str, options: GuardOptions | None = None) -> Guard:
    """Return a guard of the database, whose cookies others of this module can read."""
    return Guard(open_engine(url), Cookies(["a key"]), options)


@pytest.fixture
def guard(database_url: str) -> Iterator[Guard]:
    """A guard that allows one active session a person."""
    guard = guard_at(database_url)
    yield guard
    guard.engine.dispose()


def states(guard: Guard, name: str) -> dict[str, State]:
    """Return the states of a person's sessions."""
    person = guard.person(name)
    assert person is not None
    with guard.transaction() as work:
        return {
            one.session_id: state_of(one, NEVER) for one in latest_sessions(work, person.id, 100)
        }


def test_a_cookie_of_an_active_session_is_valid_and_says_whose_it_is(guard: Guard) -> None:
    """The verdict has the person as they were vouched for, and their session."""
    begun = guard.begin(_ANN, "a test")
    verdict = guard.check(begun.cookie)
    assert verdict.standing is Standing.VALID
    assert verdict.visitor is not None
    visitor = verdict.visitor
    assert (visitor.name, visitor.real_name, visitor.email) == (
        "ann",
        "Ann Jones",
        "ann@example.org",
    )
    assert visitor.groups == {"Students"}
    assert visitor.session_id == begun.session_id
    assert not visitor.is_admin
    assert not visitor.is_supervisor


def test_a_login_over_the_limit_is_blocked_until_it_is_verified(guard: Guard) -> None:
    """The second session is expired from birth; verified, it is valid, and the first is not."""
    first, second = guard.begin(_ANN, "here"), guard.begin(_ANN, "there")
    assert (first.state, second.state) == (State.ACTIVE, State.EXPIRED)
    assert guard.check(second.cookie).standing is Standing.BLOCKED
    scope = OnePerson("ann", second.person.id, second.session_id, must_be_here=True)
    receipt = guard.apply(Change(Action.VERIFY, scope, _BOSS))
    assert (receipt.changed, receipt.activated, receipt.ended) == (2, 1, 1)
    assert guard.check(second.cookie).standing is Standing.VALID
    assert guard.check(first.cookie).standing is Standing.BLOCKED


@pytest.mark.parametrize("cookie", [None, "", "nonsense", "e30.aaaaaa.bbbbbb", "\ud800", "\0"])
def test_without_a_cookie_of_ours_it_is_nobody(guard: Guard, cookie: str | None) -> None:
    """No cookie, and one that was not signed by us, are of nobody."""
    assert guard.check(cookie).standing is Standing.ANONYMOUS
    assert guard.check(cookie).visitor is None


def test_a_cookie_of_another_key_is_nobodys(guard: Guard, database_url: str) -> None:
    """Whoever has not the key cannot make a cookie for somebody."""
    begun = guard.begin(_ANN, "a test")
    forged = Cookies(["another key"]).issue(Claims(begun.person.id, begun.session_id))
    assert guard.check(forged).standing is Standing.ANONYMOUS


def test_a_cookie_outlives_no_logout(guard: Guard) -> None:
    """After a logout the cookie, or a copy of it, is nobody's, and no verification revives it."""
    begun = guard.begin(_ANN, "a test")
    scope = OnePerson("ann", begun.person.id, begun.session_id)
    guard.apply(Change(Action.LOGOUT, scope, _BOSS))
    assert guard.check(begun.cookie).standing is Standing.ANONYMOUS
    guard.apply(Change(Action.VERIFY, scope, _BOSS))
    assert guard.check(begun.cookie).standing is Standing.ANONYMOUS


def test_many_are_checked_as_each_is(guard: Guard) -> None:
    """Whoever is asked about, however often and in whatever order, has the verdict of one alone."""
    ann = [guard.begin(_ANN, "here") for _ in range(2)]
    boss = guard.begin(Identity("boss", groups=frozenset({ADMIN_GROUP})), "here")
    gone = guard.begin(Identity("gone"), "here")
    guard.apply(Change(Action.LOGOUT, OnePerson("gone", gone.person.id, gone.session_id), _BOSS))
    claims = [
        *(Claims(one.person.id, one.session_id) for one in (*ann, boss, gone, ann[0])),
        Claims(ann[0].person.id, None),
        Claims(ann[0].person.id, boss.session_id),
        Claims(2**31 - 1, "nobody's"),
    ]
    verdicts = [one for one in guard.check_all(claims) if one is not None]
    alone = [guard.check(guard.cookies.issue(one)) for one in claims]
    assert [one.standing for one in verdicts] == [one.standing for one in alone]
    assert [one.visitor and vars(one.visitor) for one in verdicts] == [
        one.visitor and vars(one.visitor) for one in alone
    ]
    assert {one.standing for one in verdicts} == set(Standing)
    assert guard.check_all([]) == []


def test_at_once_the_same_is_said_or_nothing(guard: Guard) -> None:
    """On SQLite one is told at once what is told of many; on PostgreSQL one has to wait."""
    ann = [guard.begin(_ANN, "here") for _ in range(2)]
    gone = guard.begin(Identity("gone"), "here")
    guard.apply(Change(Action.LOGOUT, OnePerson("gone", gone.person.id, gone.session_id), _BOSS))
    claims = [Claims(one.person.id, one.session_id) for one in (*ann, gone)]
    claims += [Claims(ann[0].person.id, None), Claims(2**31 - 1, "nobody's")]
    together = guard.check_all(claims)
    at_once = [guard.check_at_once(one) for one in claims]
    if guard.engine.dialect.name == "postgresql":
        assert at_once == [None] * len(claims)
        return
    assert [one and one.standing for one in at_once] == [one and one.standing for one in together]
    assert [one and one.visitor and vars(one.visitor) for one in at_once] == [
        one and one.visitor and vars(one.visitor) for one in together
    ]


def test_at_once_nothing_is_said_of_whom_more_would_have_to_be_asked(sqlite_url: str) -> None:
    """Whoever may owe a passkey is asked about elsewhere, others are not."""
    options = GuardOptions(second_factor_groups=frozenset({"Students"}))
    guard = guard_at(sqlite_url, options)
    said = []
    for person in (_ANN, Identity("bob")):
        begun = guard.begin(person, "here")
        claims = Claims(begun.person.id, begun.session_id)
        guard.check_all([claims])
        said.append(guard.check_at_once(claims) is not None)
    assert said == [False, True]
    guard.engine.dispose()


def test_administrators_need_no_active_session_and_supervisors_do(guard: Guard) -> None:
    """An administrator passes with an expired session; a supervisor is blocked by it."""
    for name, group, expected in (
        ("root", ADMIN_GROUP, Standing.VALID),
        ("sam", SUPERVISOR_GROUP, Standing.BLOCKED),
    ):
        begun = guard.begin(Identity(name, groups=frozenset({group})), "a test")
        guard.apply(Change(Action.INVALIDATE, OnePerson(name, begun.person.id), _BOSS))
        assert guard.check(begun.cookie).standing is expected


def test_supervisors_may_have_any_number_of_sessions(guard: Guard) -> None:
    """The limit of a group counts in place of the site's."""
    sam = Identity("sam", groups=frozenset({SUPERVISOR_GROUP}))
    assert [guard.begin(sam, "a test").state for _ in range(3)] == 3 * [State.ACTIVE]


def test_without_tracking_nothing_is_written_and_everybody_passes(database_url: str) -> None:
    """A guard that does not track adds no session, and blocks nobody."""
    guard = guard_at(database_url, GuardOptions(tracks_sessions=False))
    begun = [guard.begin(_ANN, "a test") for _ in range(2)]
    assert [guard.check(one.cookie).standing for one in begun] == 2 * [Standing.VALID]
    assert states(guard, "ann") == {}
    guard.engine.dispose()


def test_a_login_ends_the_former_session_of_the_same_browser(guard: Guard) -> None:
    """Whoever logs in again where they are logged in is not blocked by themselves."""
    first = guard.begin(_ANN, "a test")
    former = Claims(first.person.id, first.session_id)
    second = guard.begin(_ANN, "a test", former=former)
    assert second.state is State.ACTIVE
    assert states(guard, "ann") == {
        first.session_id: State.LOGGED_OUT,
        second.session_id: State.ACTIVE,
    }


def test_a_session_id_is_used_once(guard: Guard) -> None:
    """The id of an earlier session of the person, and what is no id, are refused."""
    guard.begin(_ANN, "a test", session_id="one")
    for session_id in ("one", "", "x" * 256, "nul\0"):
        with pytest.raises(BadInput) as caught:
            guard.begin(_ANN, "a test", session_id=session_id)
        assert caught.value.field == "session_id"
    assert states(guard, "ann") == {"one": State.ACTIVE}


def test_a_name_that_is_a_groups_is_nobodys(guard: Guard) -> None:
    """Somebody cannot be remembered by the name of a group, and no session begins."""
    guard.begin(_ANN, "a test")
    with pytest.raises(Conflict):
        guard.begin(Identity("Students"), "a test")
    assert guard.person("Students") is None


def test_what_is_not_here_is_not_found_and_nothing_changes(guard: Guard) -> None:
    """A change that has to be here is refused for a session that is not."""
    begun = guard.begin(_ANN, "a test")
    scope = OnePerson("ann", begun.person.id, "far away", must_be_here=True)
    for action in (Action.VERIFY, Action.INVALIDATE, Action.LOGOUT):
        with pytest.raises(NotFound, match="'ann' has no session 'far away'"):
            guard.apply(Change(action, scope, _BOSS))
    assert states(guard, "ann") == {begun.session_id: State.ACTIVE}


def test_a_stranger_is_told_of_and_changes_nothing_here(guard: Guard) -> None:
    """A change of somebody unknown has a stamp for the hosts, and no effect on this server."""
    told: list[Receipt] = []
    guard.listeners.append(lambda _work, receipt: told.append(receipt))
    scope = OnePerson("stranger", None, "far away")
    change = Change(Action.VERIFY, scope, _BOSS, audience=[Host("https://b.example.org")])
    receipt = guard.apply(change)
    assert told == [receipt]
    assert receipt.stamp is not None
    assert (receipt.changed, receipt.takes_effect) == (0, False)


def test_listeners_are_told_in_the_transaction_of_the_change(guard: Guard) -> None:
    """What a listener writes is committed with the change; if it fails, neither is."""
    begun = guard.begin(_ANN, "a test")
    change = Change(Action.INVALIDATE, OnePerson("ann", begun.person.id), _BOSS)

    def fail(work: UnitOfWork, _receipt: Receipt) -> None:
        assert work.is_in_transaction()
        raise OSError("the listener is out of order")

    guard.listeners.append(fail)
    with pytest.raises(OSError, match="out of order"):
        guard.apply(change)
    assert states(guard, "ann") == {begun.session_id: State.ACTIVE}
    guard.listeners.clear()
    guard.apply(change)
    assert states(guard, "ann") == {begun.session_id: State.EXPIRED}


def test_a_change_in_a_unit_of_work_is_the_callers_to_commit(guard: Guard) -> None:
    """Given a unit of work, the guard writes into it and commits nothing."""
    begun = guard.begin(_ANN, "a test")
    change = Change(Action.INVALIDATE, Everybody(), _BOSS)
    with Work(guard.engine) as work:
        assert guard.apply(change, work).changed == 1
    assert states(guard, "ann") == {begun.session_id: State.ACTIVE}
    with guard.transaction() as work:
        guard.apply(change, work)
    assert states(guard, "ann") == {begun.session_id: State.EXPIRED}


def test_a_person_whom_nobody_has_is_a_stranger(guard: Guard) -> None:
    """An id of no person is as good as none: there is nothing to change here."""
    for action in (Action.VERIFY, Action.INVALIDATE, Action.LOGOUT):
        receipt = guard.apply(Change(action, OnePerson("ann", 4711), _BOSS))
        assert receipt.changed == 0


def test_text_that_no_database_can_hold_names_no_session_and_is_no_error(guard: Guard) -> None:
    """NUL in an id, a reason, or the name of who acts is the same on both databases."""
    begun = guard.begin(_ANN, "nul\0", actor=Actor(ActorKind.USER, "a\0nn", "\0"))
    boss = Actor(ActorKind.USER, "bo\0ss", "192.0.2.1\0")
    for action in (Action.VERIFY, Action.INVALIDATE, Action.LOGOUT):
        guard.apply(Change(action, OnePerson("ann", begun.person.id, "on\0e"), boss, "nul\0"))
    with pytest.raises(NotFound):
        guard.apply(Change(Action.INVALIDATE, Picked([(begun.person.id, "on\0e")]), boss))
    assert states(guard, "ann") == {begun.session_id: State.EXPIRED}
