"""What receivers are owed is noted by the database, in the transaction of the change."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.guard.hall import BOSS
from tests.receivers.conftest import Room
from tests.receivers.inbox import opened_inbox
from tests.statements import noted_statements_of
from timApp.guard import (
    Action,
    Change,
    Everybody,
    OnePerson,
    Place,
)
from timApp.guard.changes.undo import undo
from timApp.guard.seen import Here
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.tidying import CLOSE, OPEN
from timApp.receivers.event import EventType
from timApp.receivers.notice import (
    FIRST_BACKOFF,
    GIVE_UP_AFTER,
    KEPT_FOR,
    LAST_BACKOFF,
    Notice,
    NoticeState,
    UntoldChange,
    backoff_after,
)
from timApp.receivers.owe import forget_old, owe_all
from timApp.receivers.receiver import ReceiverKind


@pytest.fixture
def webhook(room: Room) -> Iterator[None]:
    """A webhook, which nobody tells anything here."""
    with opened_inbox() as inbox:
        room.told.add(inbox)
        yield


@pytest.mark.usefixtures("webhook")
def test_a_blocked_login_is_owed_once(room: Room) -> None:
    """One event for each blocked login, and none for what the blocked one then asks for."""
    room.log_in("a")
    blocked = room.log_in("b")
    for _ in range(3):
        assert room.guard.check(blocked.cookie).visitor is not None
    assert room.owed() == [("session.blocked", blocked.session_id)]
    assert room.owed() == [("session.blocked", blocked.session_id)]


@pytest.mark.usefixtures("webhook")
def test_a_verification_tells_of_the_session_that_it_blocks(room: Room) -> None:
    """The verified session comes first, and then the one that is blocked by it."""
    first, second = room.log_in("a"), room.log_in("b")
    room.do(Action.VERIFY, second)
    assert room.owed()[1:] == [
        ("session.verified", second.session_id),
        ("session.invalidated", first.session_id),
    ]


@pytest.mark.usefixtures("webhook")
def test_an_invalidation_and_an_end_are_owed(room: Room) -> None:
    """A session is invalidated, and then ended for good."""
    begun = room.log_in("a")
    room.do(Action.INVALIDATE, begun)
    room.do(Action.END, begun)
    assert room.owed() == [
        ("session.invalidated", begun.session_id),
        ("session.ended", begun.session_id),
    ]


@pytest.mark.usefixtures("webhook")
def test_all_sessions_of_a_person_are_told_one_by_one(room: Room) -> None:
    """What names no session is told of each that it has changed."""
    begun = [room.log_in(device) for device in "abc"]
    room.owed()
    room.do(Action.END, None)
    ended = sorted(room.owed()[2:])
    assert ended == sorted(("session.ended", one.session_id) for one in begun)


@pytest.mark.usefixtures("webhook")
def test_everybodys_sessions_are_told_one_by_one(room: Room) -> None:
    """Invalidating everybody tells of each session that was active."""
    begun = room.log_in("a")
    room.guard.apply(Change(Action.INVALIDATE, Everybody(), BOSS))
    assert room.owed() == [("session.invalidated", begun.session_id)]


@pytest.mark.usefixtures("webhook")
def test_a_copied_cookie_is_owed_with_two_blocked_logins(room: Room) -> None:
    """The session of a copied cookie is told of, and the blocked login of each bearer."""
    begun = room.log_in("a")
    here: Here = lambda: Place("a copy", "192.0.2.1")  # noqa: E731
    cookie = begun.cookie
    for _ in range(2):
        room.clock.shift(timedelta(minutes=6))
        verdict = room.guard.check(cookie, here)
        cookie = verdict.cookie or cookie
    room.guard.check(cookie, here)
    room.clock.shift(timedelta(minutes=6))
    room.guard.check(begun.cookie, here)
    owed = room.owed()
    assert owed[0] == ("session.copied", begun.session_id)
    assert [kind for kind, _ in owed[1:]] == ["session.blocked"] * 2


@pytest.mark.usefixtures("webhook")
def test_what_was_taken_back_is_owed_as_restored(room: Room) -> None:
    """Who was told of a decision is told that it counts no more."""
    begun = room.log_in("a")
    room.do(Action.INVALIDATE, begun, can_be_undone=True)
    with room.guard.transaction() as work:
        person = room.guard.person("ann")
        assert person is not None
        undo(work, OnePerson("ann", person.id), 2, BOSS)
    assert room.owed()[1:] == [("session.restored", None)]


@pytest.mark.usefixtures("webhook")
def test_what_is_undone_is_not_owed(room: Room) -> None:
    """Nothing is owed of a change that was rolled back; it is noted before the commit of one."""
    begun = room.log_in("a")
    person = room.guard.person("ann")
    assert person is not None
    change = Change(Action.END, OnePerson("ann", person.id, begun.session_id), BOSS)
    with pytest.raises(RuntimeError), room.guard.transaction() as work:  # noqa: PT012
        room.guard.apply(change, work)
        raise RuntimeError
    assert room.untold() == 0
    with room.guard.transaction() as work:
        room.guard.apply(change, work)
        assert work.session.scalars(sa.select(UntoldChange.change_id)).all()
    assert room.untold() == 1


def test_nothing_is_noted_while_nobody_is_told(room: Room) -> None:
    """Without a receiver nothing is written down; nor is it told later to one that comes then."""
    room.log_in("a")
    room.log_in("b")
    assert room.untold() == 0
    with opened_inbox() as inbox:
        room.told.add(inbox)
        assert room.owed() == []


def test_a_receiver_costs_no_statement_of_a_change(room: Room) -> None:
    """A change has as many statements with ten receivers as without any."""
    first = room.log_in("a")
    counts = []
    with opened_inbox() as inbox:
        for receivers in (0, 10):
            for number in range(receivers):
                room.told.add(inbox, f"receiver {number}")
            with noted_statements_of(room.told.engine) as statements:
                room.do(Action.INVALIDATE, first)
            counts.append(len(statements))
            room.do(Action.VERIFY, first)
    assert counts[0] == counts[1]
    assert room.untold() == 2


@pytest.mark.usefixtures("webhook")
def test_many_changes_are_owed_by_a_fixed_number_of_statements(room: Room) -> None:
    """Whether one login was blocked or thirty: finding out whom to tell is as many statements."""
    room.log_in("first")
    counts = []
    for blocked in (1, 30):
        for number in range(blocked):
            room.log_in(f"{blocked} {number}")
        with noted_statements_of(room.told.engine) as statements:
            assert owe_all(room.told.engine) == blocked
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_each_receiver_is_owed_what_it_wants(room: Room) -> None:
    """A receiver of ended sessions is owed those, and one that has said that it is gone nothing."""
    with opened_inbox() as inbox:
        room.told.add(inbox, "ends", events=[EventType.ENDED])
        room.told.add(inbox, "all")
        room.told.add(None, "signals", kind=ReceiverKind.SSF_POLL)
        begun = room.log_in("a")
        room.log_in("b")
        room.do(Action.END, begun)
        kinds = sorted(kind for kind, _ in room.owed())
        # Signals know no blocked login.
        assert kinds == ["session.blocked", *["session.ended"] * 3]


@pytest.mark.usefixtures("webhook")
def test_what_is_old_is_given_up_and_then_forgotten(room: Room) -> None:
    """A notice is owed for three days; what has become of it is kept for a week from its event."""
    room.log_in("a")
    blocked = room.log_in("b")
    assert room.owed()
    assert forget_old(room.told.engine) == 0
    room.clock.shift(GIVE_UP_AFTER + timedelta(seconds=1))
    assert forget_old(room.told.engine) == 1
    with room.told.engine.connect() as connection:
        assert connection.scalars(sa.select(Notice.state)).all() == [NoticeState.GIVEN_UP]
    assert room.owed() == [("session.blocked", blocked.session_id)]
    room.clock.shift(KEPT_FOR)
    assert forget_old(room.told.engine) == 1
    assert room.owed() == []


@pytest.mark.usefixtures("webhook")
def test_what_the_record_has_forgotten_is_given_up(room: Room) -> None:
    """A notice of an entry that was tidied away could say nothing, and is not sent."""
    room.block()
    assert room.owed()
    with room.told.engine.begin() as connection:
        connection.execute(OPEN)
        connection.execute(sa.delete(SessionChange))
        connection.execute(CLOSE)
    assert forget_old(room.told.engine) == 1
    assert [one.state for one in room.notices()] == [NoticeState.GIVEN_UP]


def test_backing_off_doubles_with_a_little_chance() -> None:
    """The first failure costs some seconds, a late one some hours, and never the same for all."""
    assert len({backoff_after(1) for _ in range(20)}) > 1
    for attempts in range(1, 40):
        delay = backoff_after(attempts)
        assert 0.8 * FIRST_BACKOFF <= delay <= 1.2 * LAST_BACKOFF
    assert backoff_after(40) >= 0.8 * LAST_BACKOFF
    assert backoff_after(40, FIRST_BACKOFF) <= 1.2 * FIRST_BACKOFF
