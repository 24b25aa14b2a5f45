"""What has been kept for long enough goes: in steps, and in nobody's way."""

import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy import orm

from tests.database.waiting import written_after
from tests.site import Site
from tests.statements import noted_statements_of
from tests.together import together
from timApp.auth.site import db
from timApp.database.dialects.sqlite import SQLITE_BUSY_TIMEOUT
from timApp.database.engine import begin_write, open_engine
from timApp.guard import Guard
from timApp.guard.cookie import MAX_AGE, Cookies
from timApp.guard.keeping import tidy as tidy_module
from timApp.guard.keeping import worker
from timApp.guard.keeping.retention import Retention
from timApp.guard.keeping.tidy import Tidied, chores, next_rows, still_between, tidy
from timApp.guard.options import GuardOptions
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.tidying import OPEN
from timApp.guard.tables.waiting import WaitingSession
from timApp.guard.vocabulary import Action, ActorKind
from timApp.user.attempts.failed import FailedLogin, record_failed_login
from timApp.user.user import User
from timApp.util.clock import now
from timApp.util.errors import Busy

DAY = timedelta(days=1)
RETENTION = Retention(100 * DAY, 31 * DAY)


def add_alice(engine: sa.Engine) -> int:
    """Add a person, and return their number."""
    with orm.Session(engine) as session:
        user = User(name="alice", password_hash=None)
        session.add(user)
        session.commit()
        return user.id


@pytest.fixture
def alice(engine: sa.Engine) -> int:
    """A person, by their number."""
    return add_alice(engine)


def add_session(
    engine: sa.Engine, user_id: int, name: str, age: timedelta, ended: timedelta | None = None
) -> None:
    """Add a session that began that long ago, and an entry of the record; it may have ended."""
    moment = now()
    over = None if ended is None else moment - ended
    with engine.begin() as connection:
        connection.execute(
            sa.insert(UserSession).values(
                user_id=user_id,
                session_id=name,
                logged_in_at=moment - age,
                expired_at=over,
                logged_out_at=over,
                origin="[192.0.2.1] Firefox",
                seat="B-14",
                address_seat="",
            )
        )
        connection.execute(
            sa.insert(SessionChange).values(
                at=moment - age,
                actor_kind=ActorKind.USER,
                actor="alice",
                address="192.0.2.1",
                action=Action.LOGIN,
                user_id=user_id,
                session_id=name,
                session_count=1,
            )
        )


def kept(engine: sa.Engine) -> dict[str, str]:
    """Return the sessions that are there, by their ids, and where they came from."""
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(
                UserSession.session_id,
                UserSession.origin,
                UserSession.seat,
                UserSession.address_seat,
            )
        ).all()
        # Where they were goes with where they came from.
        seats = {(bool(row.origin), row.seat, row.address_seat) for row in rows}
        assert seats <= {(True, "B-14", ""), (False, None, None)}
        return {row.session_id: row.origin for row in rows}


def recorded(engine: sa.Engine) -> dict[str | None, str | None]:
    """Return the entries of the record, by the sessions' ids, and the addresses in them."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(SessionChange.session_id, SessionChange.address))
        return {row.session_id: row.address for row in rows}


def no_pause(_seconds: float) -> None:
    """Go on at once."""


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of three rows."""
    monkeypatch.setattr(tidy_module, "BATCH", 3)


def test_first_the_texts_go_and_then_the_rows(engine: sa.Engine, alice: int) -> None:
    """After the period where somebody came from is forgotten, after twice that that they came."""
    for name, days in (("young", 99), ("old", 101), ("ancient", 201)):
        add_session(engine, alice, name, days * DAY, days * DAY)
        add_session(engine, alice, f"active {name}", days * DAY)
    assert tidy(engine, RETENTION, no_pause) == Tidied(4, 4, 1, 2)
    text = "[192.0.2.1] Firefox"
    assert kept(engine) == {
        "young": text,
        "active young": text,
        "old": "",
        "active old": "",
        "active ancient": "",
    }
    assert recorded(engine) == {
        "young": "192.0.2.1",
        "active young": "192.0.2.1",
        "old": None,
        "active old": None,
    }
    assert tidy(engine, RETENTION, no_pause) == Tidied()


def test_failed_logins_go_with_the_texts(engine: sa.Engine, alice: int) -> None:
    """After the period nothing is left of them: what they say is where somebody came from."""
    moment = now()
    ages = {f"192.0.2.{days}": days * DAY for days in (99, 101, 201)}
    with engine.begin() as connection:
        for number, (address, age) in enumerate(ages.items()):
            whose = alice if number else None
            record_failed_login(connection, whose, address, moment - age)
    assert tidy(engine, RETENTION, no_pause) == Tidied(failed_logins=2)
    with engine.connect() as connection:
        assert connection.scalars(sa.select(FailedLogin.address)).all() == ["192.0.2.99"]


def test_a_session_stays_as_long_as_its_cookie_could_be_shown(
    engine: sa.Engine, alice: int
) -> None:
    """With a short period, too, a session that has ended makes its cookie nobody's."""
    short = Retention(DAY, 31 * DAY)
    add_session(engine, alice, "just ended", 300 * DAY, 31 * DAY)
    add_session(engine, alice, "long ended", 300 * DAY, 33 * DAY)
    tidy(engine, short, no_pause)
    assert kept(engine) == {"just ended": ""}


def test_a_copy_of_a_cookie_is_nobodys_before_and_after(hall: Site) -> None:
    """From the logout on, whatever has been tidied up, a stolen cookie opens nothing."""
    browser = hall.logged_in("alice")
    cookie = browser.client.get_cookie("timapp")
    assert cookie is not None
    browser.log_out()
    thief = hall.browser()
    thief.client.set_cookie("timapp", cookie.value)
    with hall.app.app_context():
        engine = db.engine
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(40):
            clock.shift(DAY)
            tidy(engine, Retention(DAY, MAX_AGE), no_pause)
            assert thief.get("/user/sessions/current").status_code == 403
    assert kept(engine) == {}


def test_a_session_that_waits_goes_with_its_code(engine: sa.Engine, alice: int) -> None:
    """What refers to a session is in no way of it."""
    add_session(engine, alice, "blocked", 300 * DAY, 300 * DAY)
    with engine.begin() as connection:
        values = {"user_id": alice, "session_id": "blocked", "code": "KX47", "since": now()}
        connection.execute(sa.insert(WaitingSession).values(values))
    assert tidy(engine, RETENTION, no_pause).sessions == 1
    assert kept(engine) == {}


@pytest.mark.usefixtures("small_steps")
def test_it_is_done_in_steps_between_which_others_come(engine: sa.Engine, alice: int) -> None:
    """Each step is a transaction of a few rows, and whoever waits comes in between."""
    for number in range(8):
        add_session(engine, alice, f"s{number}", 150 * DAY)
    left: list[int] = []

    def give_way(_seconds: float) -> None:
        # Somebody else reads what is committed, and writes.
        left.append(sum(1 for origin in kept(engine).values() if origin))
        add_session(engine, alice, f"new {len(left)}", timedelta())

    tidy(engine, RETENTION, give_way)
    assert left[:3] == [5, 3 + 0, 2] or left[:3] == [5, 3, 3]
    assert all(kept(engine)[f"s{number}"] == "" for number in range(8))


@pytest.mark.usefixtures("small_steps")
def test_an_interruption_keeps_what_was_done(engine: sa.Engine, alice: int) -> None:
    """Whoever stops it loses a step at most, and the next one goes on."""
    for number in range(8):
        add_session(engine, alice, f"s{number}", 150 * DAY)

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tidy(engine, RETENTION, interrupt)
    assert list(kept(engine).values()).count("") == 3
    assert tidy(engine, RETENTION, no_pause).origins == 5


@pytest.mark.usefixtures("small_steps")
def test_two_at_once_share_the_work(engine: sa.Engine, alice: int) -> None:
    """Two that tidy one database at the same time get it done, and neither fails."""
    for number in range(30):
        add_session(engine, alice, f"s{number}", 300 * DAY, 300 * DAY)
    done = together([lambda: tidy(engine, RETENTION, no_pause)] * 2)
    assert sum(one.sessions for one in done) + len(kept(engine)) == 30
    tidy(engine, RETENTION, no_pause)
    assert kept(engine) == recorded(engine) == {}


def test_rows_that_others_have_locked_are_passed_over(postgresql_url: str) -> None:
    """On PostgreSQL nothing waits for a person's sessions that are being changed."""
    engine = open_engine(postgresql_url)
    number = add_alice(engine)
    for name in ("one", "two"):
        add_session(engine, number, name, 150 * DAY)
    with engine.connect() as other:
        other.exec_driver_sql(
            "UPDATE usersession SET last_seen_at = now() WHERE session_id = 'one'"
        )
        assert tidy(engine, RETENTION, no_pause).origins == 1
        other.commit()
    assert tidy(engine, RETENTION, no_pause).origins == 1
    engine.dispose()


def test_logins_come_first_on_sqlite(sqlite_url: str) -> None:
    """While somebody else writes, it neither waits nor fails, and tries again."""
    engine = open_engine(sqlite_url)
    number = add_alice(engine)
    add_session(engine, number, "one", 150 * DAY)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    tries = 0

    def give_way(_seconds: float) -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            other.execute("ROLLBACK")

    assert tidy(engine, RETENTION, give_way).origins == 1
    assert tries >= 3
    other.execute("BEGIN IMMEDIATE")
    with engine.connect() as connection:  # whoever has it next waits for its turn as ever
        written_after(
            partial(other.execute, "ROLLBACK"),
            connection.connection.driver_connection,
            partial(begin_write, connection),
        )
    other.close()
    engine.dispose()


def test_a_lock_that_stays_ends_it(sqlite_url: str) -> None:
    """Who keeps a SQLite database for half a minute is named, and nothing goes on for ever."""
    engine = open_engine(sqlite_url)
    add_session(engine, add_alice(engine), "one", 150 * DAY)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []
    with pytest.raises(Busy, match="Another program has kept the database locked for 30 seconds"):
        tidy(engine, RETENTION, pauses.append)
    assert sum(pauses) == pytest.approx(SQLITE_BUSY_TIMEOUT, abs=1)
    other.close()
    assert tidy(engine, RETENTION, no_pause).origins == 1
    engine.dispose()


def test_a_session_that_was_verified_meanwhile_stays(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found while others write on SQLite is looked at again before it goes."""
    engine = open_engine(sqlite_url)
    number = add_alice(engine)
    add_session(engine, number, "one", 300 * DAY, 300 * DAY)
    become_writer = tidy_module._become_writer_if_free

    def verify_and_become_writer(connection: sa.Connection) -> bool:
        with engine.begin() as other:
            activate = sa.update(UserSession).values(expired_at=None, logged_out_at=None)
            other.execute(activate)
        return become_writer(connection)

    monkeypatch.setattr(tidy_module, "_become_writer_if_free", verify_and_become_writer)
    assert tidy(engine, RETENTION, no_pause).sessions == 0
    assert kept(engine) == {"one": ""}
    engine.dispose()


def test_the_record_is_closed_again(engine: sa.Engine, alice: int) -> None:
    """After tidying, and meanwhile to others, the database refuses to change the record."""
    add_session(engine, alice, "one", 150 * DAY)
    tidy(engine, RETENTION, no_pause)
    for statement in ("UPDATE sessionchange SET actor = 'x'", "DELETE FROM sessionchange"):
        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
            connection.exec_driver_sql(statement)
    assert recorded(engine) == {"one": None}
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tidying").scalar() == 0


def test_what_one_tidies_is_open_to_nobody_else(postgresql_url: str) -> None:
    """On PostgreSQL, where two write at once, the record is open to the one who tidies alone."""
    engine = open_engine(postgresql_url)
    with engine.connect() as tidying, engine.connect() as other:
        tidying.execute(OPEN)
        tidying.exec_driver_sql("DELETE FROM sessionchange")
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            other.exec_driver_sql("DELETE FROM sessionchange")
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            tidying.exec_driver_sql("TRUNCATE sessionchange")
    engine.dispose()


@pytest.mark.parametrize("has_cursor", [False, True])
def test_each_step_is_found_by_an_index(engine: sa.Engine, alice: int, has_cursor: bool) -> None:
    """Among a million rows, too, a step sorts nothing and reads no more than the old ones."""
    indexes = {
        "origins": "ix_usersession_logged_in_at",
        "addresses": "ix_sessionchange_at",
        "sessions": "ix_usersession_logged_in_at",
        "entries": "ix_sessionchange_at",
        "failed_logins": "ix_failedlogin_at",
    }
    moment: datetime = now()
    cursors: dict[str, Any] = {
        "origins": (moment, 1, "a"),
        "addresses": (moment, 1),
        "sessions": (moment, 1, "a"),
        "entries": (moment, 1),
        "failed_logins": (moment, 1),
    }
    is_postgresql = engine.dialect.name == "postgresql"
    with engine.connect() as connection:
        if is_postgresql:
            connection.exec_driver_sql("SET enable_seqscan = off")
            connection.exec_driver_sql("SET enable_bitmapscan = off")
        for chore in chores(RETENTION.deadlines(moment)):
            query = next_rows(chore, cursors[chore.counted_as] if has_cursor else None)
            text = query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
            prefix = "EXPLAIN" if is_postgresql else "EXPLAIN QUERY PLAN"
            plan = str(connection.exec_driver_sql(f"{prefix} {text}").all())
            assert indexes[chore.counted_as] in plan
            # Rows of one moment may be put in order, which takes no more than a step of them.
            assert not re.search(r"(?<!Incremental )Sort  \(", plan)
            assert "TEMP B-TREE" not in plan


def test_what_a_step_writes_on_sqlite_is_found_by_the_same_index(sqlite_url: str) -> None:
    """Nobody who writes has to wait until a whole table has been looked at."""
    engine = open_engine(sqlite_url)
    moment = now()
    with engine.connect() as connection:
        for chore in chores(RETENTION.deadlines(moment)):
            values = [moment, 1, "a"][: len(chore.order)]
            row = connection.execute(
                sa.select(
                    *(
                        sa.literal(value, column.type).label(column.key)
                        for value, column in zip(values, chore.order, strict=True)
                    )
                )
            ).one()
            which = still_between(chore, [row, row])
            for statement in (
                sa.select(sa.func.count()).select_from(chore.order[0].class_).where(which),
                sa.delete(chore.order[0].class_).where(which),
            ):
                text = statement.compile(
                    dialect=engine.dialect, compile_kwargs={"literal_binds": True}
                )
                plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all())
                table = chore.order[0].class_.__tablename__
                assert f"SEARCH {table} USING" in plan, plan
                assert f"SCAN {table}" not in plan
                assert re.search(r"\(\(?(logged_in_at|at)\b.*> ?\(?\?.* AND \(?\1\b.*<", plan), plan
    engine.dispose()


def test_a_step_takes_a_fixed_number_of_statements(engine: sa.Engine, alice: int) -> None:
    """However many rows there are to go, they are changed as a set."""
    for number in range(50):
        add_session(engine, alice, f"s{number}", 300 * DAY, 300 * DAY)
    with noted_statements_of(engine) as statements:
        assert tidy(engine, RETENTION, no_pause).sessions == 50
    assert len(statements) < 50


# Beside a site.


def test_a_worker_goes_on_after_an_error_and_ends_when_it_is_told(
    engine: sa.Engine, alice: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that was away for a round is one line in the log, and tidied in the next."""
    add_session(engine, alice, "one", 150 * DAY)
    stop, rounds = Event(), 0

    def tidy_or_fail(*arguments: Any) -> Tidied:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise sa.exc.OperationalError("SELECT 1", None, Exception("away"))
        stop.set()
        return tidy(engine, RETENTION, no_pause)

    monkeypatch.setattr(worker, "tidy", tidy_or_fail)
    worker.tidy_forever(engine, RETENTION, stop, 0, 0)
    assert kept(engine) == {"one": ""}
    assert [record.getMessage() for record in caplog.records] == [
        "Old sessions could not be tidied up: away"
    ]
    assert caplog.records[0].exc_info is None or not caplog.records[0].exc_info


def test_a_worker_can_be_stopped_between_two_steps(engine: sa.Engine, alice: int) -> None:
    """Whoever stops it need not wait for a million rows."""
    add_session(engine, alice, "one", 150 * DAY)
    stop = Event()

    def stop_soon() -> Iterator[None]:
        stop.set()
        yield

    next(stop_soon())
    worker.tidy_forever(engine, RETENTION, stop, 0, 0)
    assert kept(engine) == {"one": "[192.0.2.1] Firefox"}


def test_a_guard_tidies_only_if_it_is_told_to(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default all is kept for ever, and there is no thread."""
    started: list[Any] = []
    monkeypatch.setattr("timApp.guard.guard.start_tidying", lambda *given: started.append(given))
    Guard(engine, Cookies(["key"])).keep_tidy()
    assert started == []
    Guard(engine, Cookies(["key"]), GuardOptions(retention=30 * DAY)).keep_tidy()
    assert started == [(engine, Retention(30 * DAY, MAX_AGE))]
