"""How sessions begin when several do at once, and what becomes of those that cannot."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.conftest import MakeApp
from tests.live import eventually
from tests.site import Site
from tests.together import TakingTurns
from timApp.auth.site import db
from timApp.database.driver.connections import use_driver
from timApp.database.engine import open_engine
from timApp.database.work import Work
from timApp.guard import Cookies, Guard, GuardOptions, Identity
from timApp.guard.changes.lock import lock_everybody, lock_people
from timApp.guard.logins.begin import Beginning, Started, _together, _transact, begin_session
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Actor, ActorKind, State
from timApp.user.people import remember
from timApp.user.user import require_user
from timApp.util.errors import BadInput

NOBODY = 999_999
PEOPLE = ("alice", "bob", "carol")


def begin(app: Flask, user_id: int, session_id: str) -> bool:
    """Begin a session as the login does, in a transaction of its own."""
    actor = Actor(ActorKind.USER, "somebody")
    with app.app_context():
        beginning = Beginning(user_id, "somebody", session_id, "Firefox", 1, actor)
        return begin_session(db, beginning).state is State.ACTIVE


@contextmanager
def kept_waiting(app: Flask, logins: Sequence[tuple[int, str]]) -> Iterator[list[Future[bool]]]:
    """Yield logins, of which the first has held up the others, so that those come together."""
    with app.app_context(), ThreadPoolExecutor() as pool:
        lock_everybody(db)  # one person who is locked would hold up nobody else
        found = [pool.submit(begin, app, *logins[0])]
        eventually(lambda: _together.waiting(db.engine) == 0 or None)
        found += [pool.submit(begin, app, *login) for login in logins[1:]]
        eventually(lambda: _together.waiting(db.engine) == len(logins) - 1 or None)
        db.session.rollback()
        yield found


def add_people(app: Flask, site: Site) -> list[int]:
    """Add three people, and return their ids."""
    for name in PEOPLE:
        site.add_user(name)
    with app.app_context():
        return [require_user(db, name).id for name in PEOPLE]


def test_logins_that_are_written_together_fail_alone(app: Flask, site: Site) -> None:
    """Of logins that are committed together, one that the database refuses harms no other."""
    alice, bob, carol = add_people(app, site)
    logins = [(alice, "one"), (NOBODY, "one"), (bob, "one"), (carol, "one")]
    with kept_waiting(app, logins) as (first, nobody, *others):
        with pytest.raises(sa.exc.IntegrityError):
            nobody.result()
        assert [one.result() for one in (first, *others)] == [True] * 3
    assert [len(site.active(name)) for name in PEOPLE] == [1, 1, 1]


def test_logins_that_are_written_together_have_each_their_own_answer(
    app: Flask, site: Site
) -> None:
    """Whoever may is let in, who is over the limit is blocked, and of a used id it is told."""
    alice, bob, carol = add_people(app, site)
    assert begin(app, carol, "one")
    logins = [(alice, "one"), (carol, "two"), (bob, "one"), (carol, "one"), (bob, "two")]
    with kept_waiting(app, logins) as (first, blocked, bob_one, used, bob_two):
        assert first.result()
        assert not blocked.result()
        with pytest.raises(BadInput):
            used.result()
        assert {bob_one.result(), bob_two.result()} == {True, False}
    assert [len(site.active(name)) for name in PEOPLE] == [1, 1, 1]
    assert [len(site.sessions(name)) for name in PEOPLE] == [1, 2, 2]


def test_a_login_gives_its_turn_to_others_while_it_waits(app: Flask, site: Site) -> None:
    """With one turn for all requests, a reader is answered while somebody cannot be let in yet."""
    alice, *_ = add_people(app, site)

    def answer(environ: dict[str, str], _start: object) -> list[bytes]:
        if environ["PATH_INFO"] == "/login":
            begin(app, alice, "one")
        return [environ["PATH_INFO"].encode()]

    turns = TakingTurns(answer, 1)
    with app.app_context(), ThreadPoolExecutor(2) as people:
        lock_everybody(db)
        login = people.submit(turns, {"PATH_INFO": "/login"}, print)
        eventually(lambda: _together.waiting(db.engine) == 0 or None)
        reader = people.submit(turns, {"PATH_INFO": "/read"}, print)
        assert reader.result(60) == [b"/read"]
        assert not login.done()
        db.session.rollback()
        assert login.result(60) == [b"/login"]


def test_a_login_that_fails_leaves_nothing_behind(app: Flask, site: Site) -> None:
    """After a login of nobody, and one with a used id, the next one begins as if they had not."""
    site.add_user("alice")
    with app.app_context():
        alice = require_user(db, "alice").id
        db.session.rollback()
    assert begin(app, alice, "one")
    with pytest.raises(BadInput):
        begin(app, alice, "one")
    with pytest.raises(sa.exc.IntegrityError):
        begin(app, NOBODY, "one")
    assert not begin(app, alice, "two")
    assert set(site.sessions("alice")) == {"one", "two"}


def test_a_login_notices_what_came_between_its_look_and_its_lock(
    postgresql_url: str, make_app: MakeApp
) -> None:
    """A login that seemed to be over the limit is let in if the other session ends meanwhile."""
    app = make_app(postgresql_url)
    site = Site(app)
    site.add_user("alice")
    with app.app_context():
        alice = require_user(db, "alice").id
        db.session.rollback()
    assert begin(app, alice, "one")
    with app.app_context(), ThreadPoolExecutor() as pool:
        # Somebody is about to end the first session, and holds the lock until it is committed.
        db.session.execute(
            sa.text("SELECT FROM useraccount WHERE id = :id FOR NO KEY UPDATE"), {"id": alice}
        )
        db.session.execute(
            sa.text("UPDATE usersession SET expired_at = now() WHERE user_id = :id"), {"id": alice}
        )
        second = pool.submit(begin, app, alice, "two")
        eventually(lambda: _waiting_for_locks() or None)
        db.session.commit()
        assert second.result()


def test_of_logins_that_wait_for_a_lock_together_as_many_are_let_in_as_may_be(
    postgresql_url: str, make_app: MakeApp
) -> None:
    """Of two that come together and seemed to be over the limit, one is let in."""
    app = make_app(postgresql_url)
    site = Site(app)
    alice, *_ = add_people(app, site)
    assert begin(app, alice, "one")
    with app.app_context(), ThreadPoolExecutor() as pool:
        lock_people(db, [alice])
        db.session.execute(
            sa.text("UPDATE usersession SET expired_at = now() WHERE user_id = :id"), {"id": alice}
        )
        found = [pool.submit(begin, app, alice, name) for name in ("two", "three")]
        eventually(lambda: _waiting_for_locks() == len(found) or None)
        db.session.commit()
        assert {one.result() for one in found} == {True, False}
    assert len(site.active("alice")) == 1


def _waiting_for_locks() -> int:
    query = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return int(db.session.scalar(query) or 0)


@pytest.mark.parametrize("is_remembered", [True, False])
def test_without_tracking_no_session_begins(engine: sa.Engine, is_remembered: bool) -> None:
    """While the tracking is off, no session and no change is written, whoever begins."""
    guard = Guard(engine, Cookies(["key"]), GuardOptions(tracks_sessions=False))
    with guard.transaction() as work:
        alice = remember(work, Identity("alice"))
    begun = guard.begin(alice if is_remembered else Identity("alice"), "Firefox")
    assert begun.person == alice
    with Work(engine) as work:
        for table in (UserSession, SessionChange):
            assert work.session.scalars(sa.select(table)).all() == []


def test_an_id_counts_once_among_logins_that_are_written_together(app: Flask, site: Site) -> None:
    """Of two of one person with one id one begins; somebody else may have the same id."""
    alice, bob, carol = add_people(app, site)
    logins = [(carol, "one"), (alice, "same"), (alice, "same"), (bob, "same")]
    with kept_waiting(app, logins) as (first, one, again, others):
        assert first.result()
        # Whichever of the two threads came first.
        (refused,) = (login for login in (one, again) if login.exception())
        with pytest.raises(BadInput, match="ids are not used again"):
            refused.result()
        assert others.result()
    assert [set(site.sessions(name)) for name in PEOPLE] == [{"same"}, {"same"}, {"one"}]


def test_a_batch_takes_as_many_round_trips_as_one_login(postgresql_url: str) -> None:
    """However many sessions begin together, PostgreSQL is waited for as often, and not often."""
    engine = open_engine(postgresql_url)
    with Work(engine) as work:
        people = [remember(work, Identity(f"p{number}")) for number in range(50)]
        work.commit()
    actor = Actor(ActorKind.USER, "somebody")
    waits: list[int] = []
    for number in (1, 2, 10, 50, 1):
        beginnings = [
            Beginning(one.id, one.name, f"s{len(waits)}", "Firefox", None, actor)
            for one in people[:number]
        ]
        with tempfile.TemporaryFile() as trace:
            use_driver(engine, lambda driver: driver.pgconn.trace(trace.fileno()))
            expected = [Started(State.ACTIVE, one.session_id) for one in beginnings]
            assert _transact(engine, beginnings) == expected
            use_driver(engine, lambda driver: driver.pgconn.untrace())
            trace.seek(0)
            # The database says that it is ready each time when it is asked to answer all.
            waits.append(trace.read().count(b"ReadyForQuery"))
    engine.dispose()
    assert len(set(waits)) == 1
    assert 1 <= waits[0] <= 4
