"""How a webhook is told what it is owed: once, later, or not at all."""

from datetime import timedelta
from threading import Event
from threading import enumerate as enumerate_threads

import pytest
import sqlalchemy as sa

from tests.receivers.conftest import Room
from tests.receivers.inbox import Inbox, opened_inbox, telling
from tests.together import together
from timApp.guard import Action
from timApp.receivers.notice import RECEIVER_BACKOFF_MAX, NoticeState
from timApp.receivers.owe import owe_all
from timApp.receivers.receiver import Receiver
from timApp.receivers.worker import tell_due, tell_forever

LATER = timedelta(minutes=1)


def receiver_of(room: Room) -> sa.Row[tuple[object, ...]]:
    """Return what is known of the only receiver."""
    with room.told.engine.connect() as connection:
        return connection.execute(sa.select(*Receiver.__table__.columns)).one()


def test_a_webhook_is_told_as_standard_webhooks_has_it(room: Room, inbox: Inbox) -> None:
    """The library of Standard Webhooks verifies it; the body says who, what, why and when."""
    secret = room.told.add(inbox).secret
    assert secret is not None
    begun = room.log_in("a")
    room.do(Action.INVALIDATE, begun)
    assert [one.heard.error for one in tell_due(room.told.teller)] == [None]
    (got,) = inbox.got
    said = got.verified(secret)
    assert said["type"] == "session.invalidated"
    assert said["timestamp"] == "2026-12-01T09:00:02.000Z"
    data = said["data"]
    assert begun.session_id not in got.body.decode()
    assert len(data.pop("session")) == 32
    assert data == {
        "user": "ann",
        "by": {"kind": "user", "name": "boss"},
        "reason": "seen",
        "cause": None,
    }
    assert got.headers["webhook-id"] == room.notices()[0].message_id
    with pytest.raises(Exception, match="No matching signature"):
        got.verified("whsec_" + "AAAA" * 8)


def test_each_receiver_is_told_once(room: Room, inbox: Inbox) -> None:
    """However many look at once, each receiver gets each event one time."""
    with opened_inbox() as other:
        room.told.add(inbox, "one")
        room.told.add(other, "another")
        room.block()
        together([lambda: tell_due(telling(room.told.engine).teller)] * 4)
        tell_due(room.told.teller)
        assert inbox.types() == other.types() == ["session.blocked"]


def test_a_failure_is_told_again_with_the_same_id(room: Room, inbox: Inbox) -> None:
    """A receiver that answers 500 is left alone, and told later, under the same webhook-id."""
    secret = room.told.add(inbox).secret
    room.block()
    inbox.status = 500
    (outcome,) = tell_due(room.told.teller)
    assert outcome.heard.error == "It answered 500."
    assert tell_due(room.told.teller) == []  # it is left alone
    known = receiver_of(room)
    assert (known.last_failure, known.failures) == ("It answered 500.", 1)
    assert known.failing_since is not None
    inbox.status = 200
    room.clock.shift(LATER)
    tell_due(room.told.teller)
    first, second = inbox.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.verified(secret or "")["type"] == "session.blocked"
    known = receiver_of(room)
    assert (known.failures, known.failing_since) == (0, None)
    assert [one.state for one in room.notices()] == [NoticeState.DONE]
    room.clock.shift(LATER)
    assert tell_due(room.told.teller) == []


def test_one_that_is_refused_keeps_no_other_back(room: Room, inbox: Inbox) -> None:
    """Events are brought the oldest first; one that fails is passed by until it is due again."""
    room.told.add(inbox)
    room.block()
    inbox.status = 400
    tell_due(room.told.teller)
    inbox.status = 200
    room.log_in("c")
    room.clock.shift(timedelta(seconds=2))
    assert tell_due(room.told.teller) == []
    for _ in range(3):
        room.clock.shift(RECEIVER_BACKOFF_MAX)
        tell_due(room.told.teller)
    assert [one.state for one in room.notices()] == [NoticeState.DONE] * 2


def test_one_that_is_gone_is_told_nothing_any_more(room: Room, inbox: Inbox) -> None:
    """410 ends the receiver, with what it is owed, and nothing is noted for it from then on."""
    room.told.add(inbox)
    room.block()
    room.log_in("c")
    inbox.status = 410
    tell_due(room.told.teller)
    assert len(inbox.got) == 1
    assert receiver_of(room).ended_at is not None
    assert {one.state for one in room.notices()} == {NoticeState.GIVEN_UP}
    room.log_in("d")
    assert room.untold() == 0
    room.clock.shift(RECEIVER_BACKOFF_MAX * 2)
    assert tell_due(room.told.teller) == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(room: Room, inbox: Inbox, status: int) -> None:
    """What a receiver points at is not told: it was not what the administrator has named."""
    with opened_inbox() as other:
        room.told.add(inbox)
        room.block()
        inbox.status, inbox.location = status, other.url
        (outcome,) = tell_due(room.told.teller)
        assert "redirect" in (outcome.heard.error or "")
        assert other.got == []


def test_a_private_address_is_told_nothing(room: Room, inbox: Inbox) -> None:
    """Without WEBHOOK_NETWORKS nothing is sent to this machine; the receiver shows why."""
    room.told.add(inbox)
    room.block()
    tell_due(telling(room.told.engine, networks=()).teller)
    assert inbox.got == []
    assert "WEBHOOK_NETWORKS" in str(receiver_of(room).last_failure)


def test_what_a_receiver_says_is_kept_short(room: Room, inbox: Inbox) -> None:
    """Of an answer's body nothing is kept, but for the words of an error of Shared Signals."""
    room.told.add(inbox)
    room.block()
    inbox.status, inbox.words = 500, b"<html>" + b"secret " * 5_000
    tell_due(room.told.teller)
    assert receiver_of(room).last_failure == "It answered 500."
    room.clock.shift(LATER)
    inbox.words = b'{"err": "invalid_key", "description": "%s"}' % (b"x" * 4_000)
    tell_due(room.told.teller)
    assert len(str(receiver_of(room).last_failure)) == 200


def test_a_slow_receiver_keeps_nobody_waiting(room: Room, inbox: Inbox) -> None:
    """While one receiver is silent, another one is told."""
    let_go, stop, told = Event(), Event(), Event()
    with opened_inbox() as quick:
        room.told.add(inbox, "slow")
        room.told.add(quick, "quick")
        inbox.before = lambda: let_go.wait(30)
        quick.before = told.set
        room.block()

        def end() -> None:
            assert told.wait(30)
            assert inbox.got == []
            let_go.set()
            stop.set()

        together([lambda: tell_forever(room.told.teller, stop, bool), end])
        for thread in enumerate_threads():
            if thread.name.startswith("tell "):
                thread.join(30)


def test_what_was_committed_before_a_crash_is_told_later(room: Room, inbox: Inbox) -> None:
    """A process that ends after the commit, or while it tells, leaves all of it to the next one."""
    room.told.add(inbox)
    room.block()
    assert room.untold() == 1
    # It found out whom to tell, took the receiver, and was killed.
    owe_all(room.told.engine)
    assert len(room.told.teller.claim_due()) == 1
    assert tell_due(room.told.teller) == []
    room.clock.shift(LATER)
    tell_due(room.told.teller)
    assert inbox.types() == ["session.blocked"]


def test_many_are_told_in_their_order(room: Room, inbox: Inbox) -> None:
    """More than are read at once arrive one after the other, the oldest first."""
    room.told.add(inbox)
    room.log_in("first")
    for number in range(60):
        room.log_in(str(number))
    tell_due(room.told.teller)
    times = [one.said["timestamp"] for one in inbox.got]
    assert len(times) == 60
    assert times == sorted(times)
