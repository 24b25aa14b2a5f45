"""What hosts are owed, and how they come to be told of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from itertools import product
from threading import Barrier, Event, Thread

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.changes import verify_session
from tests.conftest import MakeApp
from tests.hosts import OK, Host, MakeHost, says
from tests.live import PATIENCE, free_port
from tests.signing import proves
from tests.site import Site
from timApp.auth.session.util import distribute_session_verification
from timApp.auth.site import current_site, db
from timApp.guard.vocabulary import Action
from timApp.hosts.outbox.debts import owe
from timApp.hosts.outbox.delivery import (
    Delivery,
    DeliveryState,
    HostChange,
    Outcome,
    backoff_after,
    is_due,
    state_after,
)
from timApp.hosts.outbox.forget import KEPT_FOR, forget_settled
from timApp.hosts.outbox.lease import Lease
from timApp.hosts.outbox.worker import deliver, deliver_due, deliver_forever
from timApp.net.call import Reply
from timApp.net.calllog import HostCall
from timApp.net.note import ChangeNote, read_change_note
from timApp.net.peer import known_peers
from timApp.net.wrongsecret import WrongSecret, record_wrong_secret
from timApp.user.user import require_user
from timApp.util.clock import now
from timApp.util.stamp import Stamp

SECRET = "s3cr3t of all hosts"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OWED, DONE, UNKNOWN_THERE, SUPERSEDED, EXPIRED = DeliveryState


class Sender:
    """A server that tells other hosts of changes."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def owe(
        self,
        action: str,
        user: str = "alice",
        session: str | None = None,
        at: datetime | None = None,
    ) -> list[Lease]:
        """Owe a change to all hosts, and commit."""
        with self.app.app_context():
            change = HostChange(
                Action(action), user, session, ChangeNote(Stamp(at or now()), "boss", "why")
            )
            leases = owe(db, current_site().network, current_site().network.hosts, change)
            db.session.commit()
            return leases

    def tell(self, action: str, user: str = "alice", session: str | None = None) -> list[Outcome]:
        """Owe a change to all hosts, commit and deliver it, as the console does."""
        leases = self.owe(action, user, session)
        with self.app.app_context():
            return deliver(current_site().network, db.engine, leases)

    def deliver_due(self) -> list[Outcome]:
        """Do one round of the worker."""
        with self.app.app_context():
            return deliver_due(current_site().network, db.engine)

    def deliveries(self) -> list[Delivery]:
        """Return all deliveries, oldest first."""
        with self.app.app_context():
            return list(db.session.scalars(sa.select(Delivery).order_by(Delivery.id)))

    @property
    def states(self) -> list[DeliveryState]:
        """The states of all deliveries, oldest first."""
        return [delivery.state for delivery in self.deliveries()]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands still at noon until it is moved."""
    with time_machine.travel(NOON, tick=False) as coordinates:
        yield coordinates


class MakeSender:
    """Returns senders on one database, which know these hosts."""

    def __init__(self, database_url: str, make_app: MakeApp) -> None:
        self._database_url, self._make_app = database_url, make_app

    def __call__(self, *hosts: Host | str, **options: object) -> Sender:
        urls = [host if isinstance(host, str) else host.url for host in hosts]
        chosen = {
            "DIST_RIGHTS_HOSTS": {"exam": {"hosts": urls}},
            "DIST_RIGHTS_SEND_SECRET": SECRET,
            **options,
        }
        return Sender(self._make_app(self._database_url, **chosen))


@pytest.fixture
def make_sender(database_url: str, make_app: MakeApp) -> MakeSender:
    """What makes senders, on a fresh database of each kind."""
    return MakeSender(database_url, make_app)


def told(host: Host) -> list[tuple[str, str, str | None]]:
    """Return what a host was told, in order: action, user, session."""
    return [
        (asked.path.rpartition("/")[2], asked.body["username"], asked.body["session_id"])
        for asked in host.asked
    ]


UNAVAILABLE = says(503, '{"error": "not now"}')
UNKNOWN_USER = says(404, '{"error": "There is no user."}')


# Telling at once


def test_what_was_delivered_is_done_and_recorded(
    make_sender: MakeSender, make_host: MakeHost
) -> None:
    """All hosts are told with the change's stamp, actor and reason; each call is recorded."""
    hosts = [make_host() for _ in range(3)]
    sender = make_sender(*hosts)
    outcomes = sender.tell("verify", session="one")
    assert [outcome.host.url for outcome in outcomes] == [host.url for host in hosts]
    assert {(outcome.state, outcome.error) for outcome in outcomes} == {(DONE, None)}
    assert sender.states == [DONE, DONE, DONE]
    assert sender.deliver_due() == []
    stamps = set()
    for host in hosts:
        assert told(host) == [("verify", "alice", "one")]
        note = read_change_note(host.asked[0].headers["TimApp-Change"])
        assert note is not None
        assert (note.by, note.reason) == ("boss", "why")
        stamps.add(note.stamp)
    assert len(stamps) == 1
    with sender.app.app_context():
        calls = db.session.scalars(sa.select(HostCall)).all()
        assert {(call.host, call.action, call.user_name, call.error) for call in calls} == {
            (host.url, "verify", "alice", None) for host in hosts
        }
        assert all(call.seconds > 0 for call in calls)
        peers = known_peers(db.engine, current_site().network.hosts)
        assert all(peers[host.url].last_success_at for host in hosts)


def test_what_failed_stays_owed_and_is_delivered_later(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """A host that fails is told again after a growing time, and nobody else is."""
    good, bad = make_host(), make_host(UNAVAILABLE)
    sender = make_sender(good, bad)
    first, second = sender.tell("invalidate")
    assert (first.state, second.state) == (DONE, OWED)
    assert "not now" in (second.error or "")
    for seconds in (2, 4, 8, 16, 30, 30):
        clock.shift(timedelta(seconds=seconds - 1))
        assert sender.deliver_due() == []
        clock.shift(SECOND)
        (again,) = sender.deliver_due()
        assert (again.state, again.host.url) == (OWED, bad.url)
    bad.answer = OK
    clock.shift(30 * SECOND)
    assert [outcome.state for outcome in sender.deliver_due()] == [DONE]
    assert sender.states == [DONE, DONE]
    assert len(good.asked) == 1
    delivery = sender.deliveries()[1]
    assert (delivery.attempts, delivery.last_error) == (8, None)


def test_a_host_without_the_user_is_not_asked_again(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """The answer that there is no such user settles a delivery."""
    host = make_host(UNKNOWN_USER)
    sender = make_sender(host)
    (outcome,) = sender.tell("verify")
    assert outcome.state is UNKNOWN_THERE
    assert "There is no user" in (outcome.error or "")
    clock.shift(60 * SECOND)
    assert sender.deliver_due() == []
    assert len(host.asked) == 1


def test_that_somebody_is_unknown_there_is_no_failure(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """A host that signs says so, which settles the delivery; nobody else is believed."""
    unknown = {"status": "ok", "known": False}
    sender = make_sender(make_host(proves(200, unknown)), make_host(says(200, json.dumps(unknown))))
    outcomes = sender.tell("verify")
    assert [(outcome.state, outcome.error) for outcome in outcomes] == [
        (UNKNOWN_THERE, None),
        (DONE, None),
    ]
    clock.shift(60 * SECOND)
    assert sender.deliver_due() == []


def test_without_a_secret_nobody_is_told_and_all_stay_owed(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """The error names the option; once the secret is there, the hosts are told."""
    host = make_host()
    sender = make_sender(host, DIST_RIGHTS_SEND_SECRET=None)
    (outcome,) = sender.tell("invalidate")
    assert outcome.state is OWED
    assert "DIST_RIGHTS_SEND_SECRET" in (outcome.error or "")
    clock.shift(60 * SECOND)
    (again,) = sender.deliver_due()
    assert again == outcome
    assert host.asked == []
    clock.shift(60 * SECOND)
    assert [outcome.state for outcome in make_sender(host).deliver_due()] == [DONE]


def test_fifty_hosts_take_as_many_statements_as_three(
    make_sender: MakeSender, make_host: MakeHost
) -> None:
    """Owing and settling is a fixed number of statements, also when all hosts fail."""
    host = make_host()

    def statements(number: int) -> int:
        """Count those of a verification that all hosts fail, and of one that all carry out."""
        sender = make_sender(*(f"{host.url}/{number}/{one}" for one in range(number)))
        count = 0

        def note(*_args: object) -> None:
            nonlocal count
            count += 1

        with sender.app.app_context():
            sa.event.listen(db.engine, "before_cursor_execute", note)
        host.answer = UNAVAILABLE
        sender.tell("invalidate")
        host.answer = OK
        sender.tell("verify")
        return count

    assert statements(50) == statements(3)


# distribute_session_verification


def distribute(sender: Sender, *, is_committed: bool) -> list[str]:
    """Verify alice's session at all hosts, from a transaction that is committed, or is not."""
    with sender.app.app_context():
        errors = distribute_session_verification("verify", "alice", "one", ["exam"])
        if is_committed:
            db.session.commit()
    return errors


def test_what_was_distributed_in_vain_is_owed_if_the_caller_commits(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """Hosts that failed are told later on; without a commit nothing is noted."""
    good, bad = make_host(), make_host(UNAVAILABLE)
    sender = make_sender(good, bad)
    assert len(distribute(sender, is_committed=False)) == 1
    assert sender.deliveries() == []
    (error,) = distribute(sender, is_committed=True)
    assert error == f"{bad.url}: refused with status 503: not now"
    assert sender.states == [DONE, OWED]
    bad.answer = OK
    clock.shift(2 * SECOND)
    assert [outcome.state for outcome in sender.deliver_due()] == [DONE]
    assert told(bad) == [("verify", "alice", "one")] * 3
    first, second, third = (asked.headers["TimApp-Change"] for asked in bad.asked)
    assert first != second == third


def test_others_can_write_while_hosts_are_asked(
    make_sender: MakeSender, make_host: MakeHost
) -> None:
    """What distributes holds no lock before it has the answers."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        other.owe("verify", "bob")
        OK(handler)

    host = make_host(answer)
    sender, other = make_sender(host), make_sender(host)
    assert distribute(sender, is_committed=True) == []
    assert sender.states == [OWED, DONE]


@pytest.mark.parametrize("name", ["nobody", "NUL \0", "half of a pair \ud800"])
def test_any_name_can_be_distributed(
    make_sender: MakeSender, make_host: MakeHost, name: str
) -> None:
    """A name that no database holds is sent, and noted, as one that it can hold."""
    host = make_host(UNKNOWN_USER)
    sender = make_sender(host)
    with sender.app.app_context():
        errors = distribute_session_verification("invalidate", name, name, ["exam"])
        db.session.commit()
    assert len(errors) == len(host.asked) == 1
    assert sender.states == [UNKNOWN_THERE]


def test_a_distributed_change_is_later_than_all_that_is_known(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """Where this server's clock is behind, hosts that know a later change carry it out too."""
    host = make_host()
    sender = make_sender(host)
    Site(sender.app).add_user("alice")
    ahead = Stamp(NOON + 60 * SECOND)
    with sender.app.app_context():
        verify_session(require_user(db, "alice").id, "one", stamp=ahead)
        db.session.commit()
    distribute(sender, is_committed=True)
    note = read_change_note(host.asked[0].headers["TimApp-Change"])
    assert note is not None
    assert note.stamp > ahead


# A crash


def test_a_crash_between_commit_and_sending_loses_nothing(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """What was owed but never sent is sent by another process once the lease has run out."""
    host = make_host()
    make_sender(host).owe("verify", session="one")
    other = make_sender(host)
    assert other.deliver_due() == []  # the one who made the change is about to send it
    clock.shift(16 * SECOND)
    assert [outcome.state for outcome in other.deliver_due()] == [DONE]
    assert told(host) == [("verify", "alice", "one")]


def test_a_change_that_is_not_committed_is_owed_to_nobody(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """The note of what is owed is undone with the change."""
    host = make_host()
    sender = make_sender(host)
    with sender.app.app_context():
        change = HostChange(Action.VERIFY, "alice", None, ChangeNote(Stamp(now())))
        owe(db, current_site().network, current_site().network.hosts, change)
        db.session.rollback()
    clock.shift(60 * SECOND)
    assert sender.deliver_due() == []
    assert sender.deliveries() == []


def test_two_workers_at_once_tell_a_host_once(make_sender: MakeSender, make_host: MakeHost) -> None:
    """Of what is due each delivery is made by one of the workers."""
    host = make_host()
    senders = [make_sender(host) for _ in range(4)]
    with time_machine.travel(NOON) as clock:
        for number in range(20):
            senders[0].owe("invalidate", f"user{number}")
        clock.shift(60 * SECOND)
        barrier = Barrier(len(senders))
        outcomes: list[Outcome] = []

        def work(sender: Sender) -> None:
            barrier.wait(PATIENCE)
            outcomes.extend(sender.deliver_due())

        threads = [Thread(target=work, args=(sender,)) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert [outcome.state for outcome in outcomes] == [DONE] * 20
    assert sorted(told(host)) == sorted(("invalidate", f"user{n}", None) for n in range(20))


def test_many_changes_of_the_same_people_at_once_are_all_settled(
    make_sender: MakeSender, make_host: MakeHost
) -> None:
    """Whoever changes, tells and drops at the same time, nobody fails, and nothing stays behind."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (UNAVAILABLE if len(flaky.asked) % 2 else OK)(handler)

    flaky, host = make_host(answer), make_host()
    senders = [make_sender(flaky, host, f"{host.url}/other") for _ in range(4)]
    changes = list(product(["verify", "invalidate"], ["alice", "bob"], [None, "one", "two"]))
    errors: list[Exception] = []

    def work(sender: Sender, seed: int) -> None:
        try:
            for number in range(12):
                sender.tell(*changes[(5 * number + 3 * seed) % len(changes)])
                sender.deliver_due()
        except Exception as error:
            errors.append(error)

    threads = [Thread(target=work, args=(sender, seed)) for seed, sender in enumerate(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert errors == []
    flaky.answer = OK
    with time_machine.travel(now() + 60 * SECOND, tick=False) as clock:
        for _ in range(3):
            senders[0].deliver_due()
            clock.shift(60 * SECOND)
    assert len(senders[0].states) == 4 * 12 * 3
    assert set(senders[0].states) == {DONE, SUPERSEDED}


# Order


def test_a_host_that_is_back_is_told_in_order(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """A dead host is probed with the oldest change; when it is back it hears all, oldest first."""
    port = free_port()
    sender = make_sender(f"http://127.0.0.1:{port}")
    for number in range(4):
        assert [outcome.state for outcome in sender.tell("verify", f"user{number}")] == [OWED]
        clock.shift(SECOND)
        assert len(sender.deliver_due()) <= 1
    for _ in range(3):
        clock.shift(30 * SECOND)
        (probe,) = sender.deliver_due()
        assert probe.change.user_name == "user0"
        assert "cannot be reached" in (probe.error or "")
        assert sender.deliver_due() == []
    host = make_host(port=port)
    clock.shift(30 * SECOND)
    assert [outcome.state for outcome in sender.deliver_due()] == [DONE] * 4
    assert told(host) == [("verify", f"user{number}", None) for number in range(4)]


def test_a_change_that_a_host_chokes_on_does_not_stop_the_others(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """A host that answers one change with an error, whenever it is told, is told the later ones."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (UNAVAILABLE if host.asked[-1].body["username"] == "bad" else OK)(handler)

    host = make_host(answer)
    sender = make_sender(host)
    for name in ("bad", "good", "better"):
        sender.owe("invalidate", name)
        clock.shift(SECOND)
    clock.shift(60 * SECOND)
    assert [outcome.change.user_name for outcome in sender.deliver_due()] == ["bad"]
    clock.shift(2 * SECOND)
    sender.deliver_due()
    clock.shift(2 * SECOND)
    sender.deliver_due()
    assert sender.states == [OWED, DONE, DONE]


def test_a_host_that_hangs_delays_no_other(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """While one host is silent, another one is told all that it is owed, in the same round."""
    may_answer = Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        may_answer.wait(PATIENCE)
        OK(handler)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        OK(handler)
        if len(host.asked) == 3:
            may_answer.set()

    hanging, host = make_host(hang), make_host(answer)
    sender = make_sender(hanging, host, DIST_RIGHTS_TIMEOUT=PATIENCE)
    for number in range(3):
        sender.owe("invalidate", f"user{number}")
    clock.shift(timedelta(minutes=5))
    assert [outcome.state for outcome in sender.deliver_due()] == [DONE] * 6


def test_a_session_is_not_invalidated_before_its_owed_verification(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """An invalidation waits for the older verification of the session, and others do not."""
    host = make_host(UNAVAILABLE)
    sender = make_sender(host)
    sender.tell("verify", session="one")
    host.answer = OK
    clock.shift(SECOND)
    (later,) = sender.tell("invalidate", session="one")
    assert later.state is OWED
    assert [outcome.state for outcome in sender.tell("invalidate", session="two")] == [DONE]
    clock.shift(30 * SECOND)
    assert [outcome.state for outcome in sender.deliver_due()] == [DONE, DONE]
    assert told(host)[-2:] == [("verify", "alice", "one"), ("invalidate", "alice", "one")]


# What supersedes what


@pytest.mark.parametrize(
    ("older", "later", "is_superseded_at_once"),
    [
        (("verify", "one"), ("invalidate", None), True),
        (("invalidate", "one"), ("invalidate", None), True),
        (("invalidate", None), ("invalidate", None), True),
        (("invalidate", "one"), ("invalidate", "one"), True),
        (("invalidate", "one"), ("invalidate", "two"), False),
        (("invalidate", None), ("invalidate", "one"), False),
        (("verify", "one"), ("invalidate", "one"), False),
        (("invalidate", None), ("verify", "one"), False),
        (("verify", "one"), ("verify", "one"), False),
    ],
)
def test_a_later_change_supersedes_what_it_makes_pointless(
    make_sender: MakeSender,
    older: tuple[str, str | None],
    later: tuple[str, str | None],
    is_superseded_at_once: bool,
) -> None:
    """An invalidation of all, and one like an owed one, supersede at once; nothing else does."""
    sender = make_sender("http://127.0.0.1:1")
    sender.owe(older[0], session=older[1])
    sender.owe(older[0], "bob", session=older[1])
    sender.owe(later[0], session=later[1])
    assert sender.states == [SUPERSEDED if is_superseded_at_once else OWED, OWED, OWED]


def test_an_older_change_supersedes_nothing(make_sender: MakeSender) -> None:
    """A change that is noted late, with an older stamp, leaves the later one owed."""
    sender = make_sender("http://127.0.0.1:1")
    sender.owe("verify", at=NOON + SECOND)
    sender.owe("invalidate", at=NOON)
    assert sender.states == [OWED, OWED]


def test_a_verification_supersedes_once_it_has_been_told(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """A host that was told to verify is not told the person's older changes any more."""
    host, other = make_host(UNAVAILABLE), make_host(UNAVAILABLE)
    sender = make_sender(host, other)
    sender.tell("invalidate")
    clock.shift(SECOND)
    sender.tell("verify", "bob")
    host.answer = OK
    clock.shift(SECOND)
    assert [outcome.state for outcome in sender.tell("verify")] == [DONE, OWED]
    assert sender.states == [SUPERSEDED, OWED, OWED, OWED, DONE, OWED]


def test_what_is_superseded_while_it_waits_its_turn_is_not_told(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """A worker that has leased several tells none that has become pointless meanwhile."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if len(host.asked) == 1:
            sender.owe("invalidate", "alice")
        OK(handler)

    host = make_host(answer)
    sender = make_sender(host)
    sender.owe("verify", "bob")
    clock.shift(SECOND)
    sender.owe("verify", "alice")
    clock.shift(60 * SECOND)
    sender.deliver_due()
    assert told(host) == [("verify", "bob", None)]
    assert sender.states == [DONE, SUPERSEDED, OWED]


# What gets too old


def test_a_verification_gets_too_old_and_an_invalidation_does_not(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """After the time of the option a verification is dropped, and shown as such."""
    host = make_host(UNAVAILABLE)
    sender = make_sender(host, DIST_RIGHTS_VERIFY_MAX_AGE=120)
    sender.tell("invalidate")
    clock.shift(SECOND)
    sender.tell("verify")
    clock.shift(120 * SECOND)
    sender.deliver_due()
    assert sender.states == [OWED, OWED]
    host.answer = OK
    clock.shift(SECOND)
    (dropped,) = sender.deliver_due()
    assert (dropped.state, dropped.change.action) == (EXPIRED, Action.VERIFY)
    clock.shift(timedelta(days=1))
    assert [outcome.state for outcome in sender.deliver_due()] == [DONE]
    assert sender.states == [DONE, EXPIRED]
    assert told(host)[-1] == ("invalidate", "alice", None)


def test_a_host_that_left_the_configuration_is_never_called(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """It stays owed its invalidations until it is back; verifications get too old all the same."""
    host = make_host()
    sender = make_sender(host)
    sender.owe("verify")
    sender.owe("invalidate", "bob")
    clock.shift(timedelta(hours=1))
    other = make_sender()
    assert [outcome.state for outcome in other.deliver_due()] == [EXPIRED]
    assert host.asked == []
    assert sender.states == [EXPIRED, OWED]
    assert [outcome.state for outcome in sender.deliver_due()] == [DONE]


# Working on and on


def test_the_worker_survives_errors_and_stops_when_told(
    make_sender: MakeSender,
    make_host: MakeHost,
    clock: time_machine.Traveller,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An error of the database is logged and ends one round; the next one delivers."""
    host = make_host()
    sender = make_sender(host)
    sender.owe("invalidate")
    clock.shift(60 * SECOND)
    stop = Event()
    with sender.app.app_context():

        @sa.event.listens_for(db.engine, "before_cursor_execute", once=True)
        def fail(*_args: object) -> None:
            raise sa.exc.OperationalError("SELECT", {}, Exception("the database restarts"))

        deliver_forever(current_site().network, db.engine, stop, lambda _: stop.set())
    assert told(host) == [("invalidate", "alice", None)]
    assert "the database restarts" in caplog.text
    assert "Traceback" not in caplog.text


# Pure rules


def test_what_was_settled_long_ago_is_forgotten(
    make_sender: MakeSender, make_host: MakeHost, clock: time_machine.Traveller
) -> None:
    """Deliveries, calls and wrong secrets go after a month; what is owed stays."""
    sender = make_sender(make_host())
    sender.tell("invalidate")
    sender.owe("invalidate", "bob")
    with sender.app.app_context():
        record_wrong_secret(db.engine, "192.0.2.1", "/x")
        assert forget_settled(db.engine) == 0
        clock.shift(KEPT_FOR + SECOND)
        assert forget_settled(db.engine) == 3
        assert db.session.scalars(sa.select(HostCall)).all() == []
        assert db.session.scalars(sa.select(WrongSecret)).all() == []
    assert [one.user_name for one in sender.deliveries()] == ["bob"]


def test_the_time_between_attempts_grows_to_an_end() -> None:
    """A host that fails is asked after 2, 4, 8, 16 and then every 30 seconds, for ever."""
    delays = [backoff_after(attempts).total_seconds() for attempts in (1, 2, 3, 4, 5, 6, 10**6)]
    assert delays == [2, 4, 8, 16, 30, 30, 30]


def test_a_time_before_a_clock_was_set_back_puts_nothing_off(engine: sa.Engine) -> None:
    """What is due in an hour, though nobody backs off for so long, is due now."""
    moment = now()
    with engine.connect() as connection:
        for seconds, due in ((-1, True), (0, True), (1, False), (90, False), (91, True)):
            attempt_at = sa.literal(moment + timedelta(seconds=seconds), Delivery.at.type)
            delivery = sa.select(attempt_at.label("next_attempt_at")).subquery().c
            is_met = sa.select(is_due(moment, delivery))  # type: ignore[arg-type]
            assert bool(connection.scalar(is_met)) is due, seconds


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply(None), DONE),
        (Reply("no such user", is_unknown_there=True), UNKNOWN_THERE),
        (Reply(None, signs=True, is_unknown_there=True), UNKNOWN_THERE),
        (Reply("wrong secret"), OWED),
        (Reply("no answer", is_silent=True), OWED),
    ],
)
def test_a_reply_settles_a_delivery_or_does_not(reply: Reply, state: DeliveryState) -> None:
    """What is neither done nor about somebody unknown there stays owed."""
    assert state_after(reply) is state
