"""What becomes of a login whose cookie was copied, on both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
import time_machine

from tests.together import together
from timApp.database.engine import open_engine
from timApp.guard import (
    Action,
    Actor,
    ActorKind,
    AfterEnd,
    Change,
    Clocks,
    Cookies,
    Everybody,
    Guard,
    GuardOptions,
    Identity,
    OnePerson,
    Picked,
    Place,
    Policy,
    Standing,
)
from timApp.guard.reading.heir import both_origins
from timApp.guard.reading.sessions import latest_sessions
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import state_of
from timApp.user.usergroup import ADMIN_GROUP

MORNING = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
HOLD = Policy(after_end=AfterEnd.HOLD)
_BOSS = Actor(ActorKind.USER, "boss")


class Bearer:
    """Somebody with a cookie, who keeps the new ones."""

    def __init__(self, guard: Guard, cookie: str, origin: str) -> None:
        self.guard, self.cookie, self.origin = guard, cookie, origin
        self.takes_cookies = True
        self.given = 0

    def ask(self) -> Standing:
        """Ask with the cookie."""
        verdict = self.guard.check(self.cookie, lambda: Place(self.origin, "192.0.2.1"))
        self.given += verdict.cookie is not None
        if verdict.cookie is not None and self.takes_cookies:
            self.cookie = verdict.cookie
        return verdict.standing

    def copied(self, origin: str = "a copy") -> "Bearer":
        """Return somebody else with the same cookie."""
        return Bearer(self.guard, self.cookie, origin)

    @property
    def session_id(self) -> str:
        """The session that the cookie names."""
        claims = self.guard.cookies.claims(self.cookie)
        assert claims is not None
        assert claims.session_id is not None
        return claims.session_id


class Room:
    """A guard whose clock stands still until it is moved."""

    def __init__(self, guard: Guard, clock: time_machine.Traveller) -> None:
        self.guard, self._clock = guard, clock

    def log_in(self, name: str = "ann", origin: str = "home", *groups: str) -> Bearer:
        """Let somebody log in."""
        begun = self.guard.begin(Identity(name, groups=frozenset(groups)), origin)
        return Bearer(self.guard, begun.cookie, origin)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._clock.shift(timedelta(seconds=seconds))

    def told(self, name: str = "ann") -> list[str]:
        """Return what the person's sessions are, and where, the oldest first."""
        person = self.guard.person(name)
        assert person is not None
        with self.guard.transaction() as work:
            return [
                f"{one.origin}: {state_of(one, self.guard.options.clocks).value}"
                + (f", {one.cause.value}" if one.cause else "")
                for one in reversed(latest_sessions(work, person.id, 99))
            ]

    def recorded(self) -> list[str]:
        """Return what the record has, in order."""
        with self.guard.transaction() as work:
            rows = work.session.scalars(sa.select(SessionChange).order_by(SessionChange.id))
            return [
                row.action.value if row.cause is None else f"{row.action.value}: {row.cause.value}"
                for row in rows
            ]

    def count(self, table: type[CopiedSession | SessionHold]) -> int:
        """Return how many rows a table has."""
        with self.guard.transaction() as work:
            return work.session.scalars(sa.select(sa.func.count()).select_from(table)).one()

    def do(self, action: Action, bearer: Bearer, name: str = "ann") -> int:
        """Do something to the session of a bearer."""
        person = self.guard.person(name)
        assert person is not None
        scope = OnePerson(name, person.id, bearer.session_id, must_be_here=True)
        return self.guard.apply(Change(action, scope, _BOSS)).changed

    def find_copy(self, owner: Bearer, thief: Bearer) -> None:
        """Let both use the cookie until it is found."""
        found = self.recorded().count("copy: copied")
        for _ in range(30):
            self.wait(5)
            owner.ask()
            thief.ask()
            if self.recorded().count("copy: copied") > found:
                break
        for one in (owner, thief):
            assert one.ask() is Standing.BLOCKED


OpenRoom = Callable[..., Room]


@pytest.fixture
def open_room(database_url: str) -> Iterator[OpenRoom]:
    """Makes a room with the options of a guard."""
    engine = open_engine(database_url)
    with time_machine.travel(MORNING, tick=False) as clock:
        yield lambda **options: Room(
            Guard(engine, Cookies(["a key"]), GuardOptions(**options)), clock
        )
    engine.dispose()


@pytest.mark.parametrize("is_fixed", [False, True])
def test_a_browser_goes_on_alone(open_room: OpenRoom, *, is_fixed: bool) -> None:
    """Whoever uses a cookie alone is never stopped, also if they never take a new one."""
    room = open_room()
    owner = room.log_in()
    owner.takes_cookies = not is_fixed
    for seconds in (1, 30, 29, 1, 59, 2, 100_000, 5, 61, 20, 9, 1, 1, 40):
        room.wait(seconds)
        assert owner.ask() is Standing.VALID
    assert owner.given >= 3
    assert room.told() == ["home: active"]


def test_a_copy_in_use_is_found(open_room: OpenRoom) -> None:
    """Both are blocked, each in a session of their own, where they are; all of it is recorded."""
    room = open_room()
    owner = room.log_in()
    thief = owner.copied()
    room.find_copy(owner, thief)
    assert owner.session_id != thief.session_id
    home, *both = room.told()
    assert home == "home: logged_out, copied"
    assert set(both) == {"home: expired, copied", "a copy: expired, copied"}
    assert room.recorded() == ["login", "copy: copied", *["blocked login: copied"] * 2]
    with room.guard.transaction() as work:
        person = room.guard.person("ann")
        assert person is not None
        assert both_origins(work, person.id, owner.session_id) == ["home", "a copy"]
        assert both_origins(work, person.id, thief.session_id) == ["a copy", "home"]


def test_a_copy_that_takes_no_cookies_is_found(open_room: OpenRoom) -> None:
    """A script that goes on with what it has is found as well, and led on at each request."""
    room = open_room()
    owner = room.log_in()
    thief = owner.copied()
    thief.takes_cookies = False
    room.find_copy(owner, thief)
    room.wait(120)
    assert thief.ask() is Standing.BLOCKED
    assert len(room.told()) == 3


def test_a_copy_is_found_when_the_owner_returns(open_room: OpenRoom) -> None:
    """Whoever uses a copy while the owner is away is found when the owner comes."""
    room = open_room()
    owner = room.log_in()
    thief = owner.copied()
    for _ in range(10):
        room.wait(61)
        assert thief.ask() is Standing.VALID
    assert owner.ask() is Standing.BLOCKED
    assert thief.ask() is Standing.BLOCKED
    assert set(room.told()[1:]) == {"home: expired, copied", "a copy: expired, copied"}


@pytest.mark.parametrize("is_owner", [True, False])
@pytest.mark.parametrize("how", ["one", "picked", "everybody"])
def test_the_one_that_is_verified_goes_on(open_room: OpenRoom, how: str, *, is_owner: bool) -> None:
    """The other one is nobody's from then on, however the verification was made."""
    room = open_room(policy=HOLD)
    owner = room.log_in()
    thief = owner.copied()
    room.find_copy(owner, thief)
    assert room.count(SessionHold) == 2
    chosen, other = (owner, thief) if is_owner else (thief, owner)
    if how == "everybody":
        room.guard.apply(Change(Action.VERIFY, Everybody(), _BOSS))
        chosen, other = sorted((owner, thief), key=lambda one: one.ask().value, reverse=True)
    elif how == "picked":
        person = room.guard.person("ann")
        assert person is not None
        scope = Picked([(person.id, chosen.session_id)])
        assert room.guard.apply(Change(Action.VERIFY, scope, _BOSS)).activated == 1
    else:
        room.do(Action.VERIFY, chosen)
    assert chosen.ask() is Standing.VALID
    assert other.ask() is Standing.ANONYMOUS
    assert room.count(SessionHold) == 0
    for _ in range(9):
        room.wait(70)
        assert chosen.ask() is Standing.VALID
        assert other.ask() is Standing.ANONYMOUS


def test_both_may_be_ended(open_room: OpenRoom) -> None:
    """A supervisor may end both; then both are nobody's, and nothing is held."""
    room = open_room(policy=HOLD)
    owner = room.log_in()
    thief = owner.copied()
    room.find_copy(owner, thief)
    assert [room.do(Action.END, one) for one in (owner, thief)] == [1, 1]
    assert [one.ask() for one in (owner, thief)] == [Standing.ANONYMOUS] * 2
    assert room.count(SessionHold) == 0


@pytest.mark.parametrize("policy", [Policy(), HOLD])
def test_whoever_logs_in_again_is_treated_as_the_policy_says(
    open_room: OpenRoom, policy: Policy
) -> None:
    """The blocked bearers hold, if blocked logins do; and take no slot."""
    room = open_room(policy=policy)
    owner = room.log_in()
    room.find_copy(owner, owner.copied())
    standing = room.log_in(origin="again").ask()
    assert standing is (Standing.BLOCKED if policy is HOLD else Standing.VALID)


def test_it_is_found_once(open_room: OpenRoom) -> None:
    """However many requests find the copy at the same moment, there are two sessions."""
    room = open_room()
    owner = room.log_in()
    thief = owner.copied()
    room.wait(61)
    owner.ask()
    owner.ask()
    room.wait(11)
    many = [thief.copied(f"thread {number}") for number in range(8)]
    standings = together([partial(Bearer.ask, one) for one in many])
    assert standings == [Standing.BLOCKED] * 8
    assert len({one.session_id for one in many}) == 1
    assert len(room.told()) == 3
    assert owner.ask() is Standing.BLOCKED


def test_it_is_found_again(open_room: OpenRoom) -> None:
    """A cookie that was copied once more, after a verification, is found once more."""
    room = open_room()
    owner = room.log_in()
    room.find_copy(owner, owner.copied())
    room.do(Action.VERIFY, owner)
    room.find_copy(owner, owner.copied("the next"))
    assert room.recorded().count("copy: copied") == 2
    assert room.told()[-2:] != room.told()[-4:-2]


def test_many_are_told_only_what_needs_no_cookie(open_room: OpenRoom) -> None:
    """Where something is to be written of a cookie, a look at many says and writes nothing."""
    room = open_room()
    owner = room.log_in()

    def standing() -> Standing | None:
        claims = room.guard.cookies.claims(owner.cookie)
        assert claims is not None
        (verdict,) = room.guard.check_all([claims])
        return None if verdict is None else verdict.standing

    assert standing() is Standing.VALID
    room.wait(61)
    assert [standing(), standing()] == [None, None]
    owner.ask()
    assert standing() is None  # the first use of its number
    owner.ask()
    assert standing() is Standing.VALID
    room.wait(59)
    assert standing() is Standing.VALID


def test_at_once_nothing_is_said_where_something_is_to_be_written(open_room: OpenRoom) -> None:
    """A look that may not wait writes nothing; a new number is due only where it can be sent."""
    room = open_room()
    if room.guard.engine.dialect.name == "postgresql":
        return  # nobody is answered at once there
    owner = room.log_in()

    def standing(*, renews: bool) -> Standing | None:
        claims = room.guard.cookies.claims(owner.cookie)
        assert claims is not None
        verdict = room.guard.check_at_once(claims, renews=renews)
        return None if verdict is None else verdict.standing

    owner.ask()
    assert standing(renews=True) is Standing.VALID
    room.wait(61)
    assert standing(renews=True) is None
    thief = owner.copied()
    owner.ask()
    owner.ask()
    room.wait(11)
    owner = thief
    assert standing(renews=False) is None  # a copy, which is found out elsewhere


def test_requests_on_their_way_are_no_copies(open_room: OpenRoom) -> None:
    """For ten seconds after a new number is used, the one before it passes."""
    room = open_room()
    owner = room.log_in()
    before = owner.copied("home")
    before.takes_cookies = False
    room.wait(61)
    owner.ask()
    owner.ask()
    room.wait(10)
    assert before.ask() is Standing.VALID
    assert before.given == 0
    room.wait(1)
    assert before.ask() is Standing.BLOCKED


def test_nobody_is_looked_at_without_renewal(open_room: OpenRoom) -> None:
    """With None, and while sessions are not tracked, no cookie is renewed and none is a copy."""
    room = open_room()
    owner = room.log_in()
    old = owner.copied()
    old.takes_cookies = False
    room.wait(61)
    owner.ask()
    owner.ask()
    room.wait(20)
    for options in ({"token_renewal": None}, {"tracks_sessions": False}):
        other = open_room(**options)
        for bearer in (owner, old):
            bearer.guard, bearer.given = other.guard, 0
            assert bearer.ask() is Standing.VALID
            assert bearer.given == 0
    old.guard = room.guard
    assert old.ask() is Standing.BLOCKED


def test_an_administrator_logs_in_again(open_room: OpenRoom) -> None:
    """Who passes without an active session is not blocked: a copied cookie of theirs is over."""
    room = open_room()
    owner = room.log_in("root", "home", ADMIN_GROUP)
    thief = owner.copied()
    standings = set()
    for _ in range(20):
        room.wait(5)
        standings = {owner.ask(), thief.ask()}
    assert standings == {Standing.ANONYMOUS}
    assert room.told("root") == ["home: logged_out, copied"]
    assert room.recorded() == ["login", "copy: copied"]
    assert room.log_in("root", "home", ADMIN_GROUP).ask() is Standing.VALID


def test_a_session_from_before_there_were_numbers(open_room: OpenRoom) -> None:
    """A session and its cookie from before the upgrade are as others from the first request on."""
    room = open_room()
    owner = room.log_in()
    with room.guard.transaction() as work:
        work.session.execute(sa.update(UserSession).values(token_since=None))
    thief = owner.copied()
    assert owner.ask() is Standing.VALID
    assert owner.given == 1
    room.find_copy(owner, thief)


def test_a_blocked_login_may_be_copied(open_room: OpenRoom) -> None:
    """Also who waits for a supervisor is found to be two, so that not both are let in."""
    room = open_room(policy=HOLD)
    room.log_in()
    owner = room.log_in(origin="phone")
    thief = owner.copied()
    room.find_copy(owner, thief)
    assert owner.session_id != thief.session_id
    assert room.count(SessionHold) == 2
    room.do(Action.VERIFY, owner)
    assert [owner.ask(), thief.ask()] == [Standing.VALID, Standing.ANONYMOUS]


def test_what_a_clock_has_ended_is_no_copy(open_room: OpenRoom) -> None:
    """Whoever comes back after the idle end, with any number, logs in again."""
    room = open_room(clocks=Clocks(idle_end=timedelta(seconds=200)))
    owner = room.log_in()
    thief = owner.copied()
    thief.takes_cookies = False
    room.wait(61)
    owner.ask()
    owner.ask()
    room.wait(300)
    assert [owner.ask(), thief.ask()] == [Standing.BLOCKED] * 2
    assert room.told() == ["home: expired"]
    assert room.recorded() == ["login"]


def test_a_login_whose_answer_was_lost_has_a_number_of_its_own(open_room: OpenRoom) -> None:
    """A browser that has lost its cookie and logs in again is in the same session, and no copy."""
    room = open_room()
    begun = room.guard.begin(Identity("ann"), "home", device="laptop")
    first = Bearer(room.guard, begun.cookie, "home")
    for seconds in (1, 61, 1):
        room.wait(seconds)
        first.ask()
    room.wait(60)
    again = room.guard.begin(Identity("ann"), "home", device="laptop")
    assert again.session_id == begun.session_id
    second = Bearer(room.guard, again.cookie, "home")
    for seconds in (1, 61, 15, 61):
        room.wait(seconds)
        assert second.ask() is Standing.VALID
    assert room.told() == ["home: active"]
    assert first.ask() is Standing.BLOCKED  # who goes on with the cookie of before is another one


def test_a_renewal_is_two_small_writes(open_room: OpenRoom) -> None:
    """One with that it was seen, and one when its number is used; no other request writes."""
    room = open_room()
    owner = room.log_in()
    written = []
    for second in range(0, 190, 5):
        with room.guard.transaction() as work:
            row = sa.select(UserSession.last_seen_at, UserSession.token_since)
            before = work.session.execute(row).one()
            owner.ask()
            if work.session.execute(row).one() != before:
                written.append(second)
        room.wait(5)
    assert written == [0, 60, 65, 125, 130]


def test_where_it_is_seen_is_written_down(open_room: OpenRoom) -> None:
    """A session that is seen elsewhere says so, and no longer once it is back."""
    room = open_room()
    owner = room.log_in()

    def seen() -> str | None:
        with room.guard.transaction() as work:
            return work.session.scalars(sa.select(UserSession.seen_origin)).one()

    for origin, expected in (("home", None), ("train", "train"), ("home", None)):
        owner.origin = origin
        room.wait(61)
        owner.ask()
        assert seen() == expected
    owner.origin = "train"
    room.wait(61)
    owner.ask()
    room.wait(200)
    room.guard.check(owner.cookie)
    assert seen() == "train"  # who does not say where they are changes nothing
