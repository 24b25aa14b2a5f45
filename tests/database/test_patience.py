"""How long those wait for the database who have a limit."""

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
import sqlalchemy as sa

from tests.database.waiting import written_after
from timApp.database.driver.connections import kept_connections, use_driver
from timApp.database.driver.groupcommit import PASSED_OVER, GroupCommit
from timApp.database.engine import PatientPool, begin_write, engine_options, prepare_engine
from timApp.database.patience import (
    current_patience,
    longer_patience,
    patience,
    shorter_patience,
    waiting,
)
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.database.work import Work

_NO_TIME = 0.2
_LOCK = "SELECT pg_advisory_lock(7)"


@pytest.fixture
def small(postgresql_url: str) -> Iterator[sa.Engine]:
    """An engine whose pool has one connection."""
    engine = sa.create_engine(**engine_options(postgresql_url), pool_size=1, max_overflow=0)
    prepare_engine(engine)
    yield engine
    engine.dispose()


def test_what_takes_long_has_a_patience_of_its_own() -> None:
    """It may have more than its surroundings, never less, and takes nothing from them."""
    with longer_patience(100):
        assert current_patience() is None  # no limit stays none
    with patience(4):
        outer = current_patience()
        assert outer is not None
        with longer_patience(100), waiting():
            inner = current_patience()
            assert inner is not None
            assert inner.left == 100
        assert outer.left == 4
        with longer_patience(1):
            shorter = current_patience()
            assert shorter is not None
            assert shorter.left == 4
        with waiting():
            pass
        assert outer.left < 4
    assert current_patience() is None


def test_what_may_not_take_long_has_less_and_leaves_the_rest() -> None:
    """It has no more than its surroundings, and what it takes is taken from them."""
    with shorter_patience(1):
        inner = current_patience()
        assert inner is not None
        assert inner.left == 1  # also where there is no limit
    assert current_patience() is None
    with patience(4):
        outer = current_patience()
        assert outer is not None
        with shorter_patience(1):
            inner = current_patience()
            assert inner is not None
            assert inner.left == 1
        assert 3 < outer.left < 4
        left = outer.left
        with shorter_patience(100):
            inner = current_patience()
            assert inner is not None
            assert inner.left == left
    assert current_patience() is None


def test_all_waits_together_take_no_longer_than_the_patience(
    small: sa.Engine, postgresql_url: str
) -> None:
    """Whoever has waited in vain does not wait a second time, whatever they ask next."""
    with psycopg.connect(postgresql_url) as other:
        other.execute(_LOCK)
        with patience(_NO_TIME):
            for _ in range(20):
                with pytest.raises(sa.exc.OperationalError), small.connect() as connection:
                    connection.exec_driver_sql(_LOCK)
            left = current_patience()
            assert left is not None
            assert -5 < left.left <= 0
    with small.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_pool_without_a_connection_to_spare_is_waited_for_no_longer(small: sa.Engine) -> None:
    """Whoever finds all connections in use is told so when their patience is at its end."""
    assert isinstance(small.pool, PatientPool)
    with small.connect(), ThreadPoolExecutor(1) as others:

        def ask() -> float:
            begun = time.monotonic()
            with patience(_NO_TIME), pytest.raises(sa.exc.TimeoutError):
                small.connect()
            return time.monotonic() - begun

        assert others.submit(ask).result() < 10  # SQLAlchemy alone waits for 30 s


def test_what_a_pool_gets_back_after_its_end_is_closed_at_once(small: sa.Engine) -> None:
    """No connection of before `dispose` outlives the one who has it, whatever Python collects."""
    gc.disable()
    try:
        with small.connect() as connection:
            driver = connection.connection.driver_connection
            small.dispose()
            assert isinstance(driver, psycopg.Connection)
            assert not driver.closed  # somebody has it
        assert driver.closed
    finally:
        gc.enable()


def test_the_next_pool_waits_as_long_as_the_one_before(small: sa.Engine) -> None:
    """Who disposes of it in a hurry takes no time from those who are in none."""
    assert isinstance(small.pool, PatientPool)
    before = small.pool.timeout()
    with patience(0):
        small.dispose()
    assert isinstance(small.pool, PatientPool)
    assert small.pool.timeout() == before == 30


def test_a_rollback_never_fails_and_its_connection_is_not_used_again(small: sa.Engine) -> None:
    """Without patience for it, a transaction is undone by closing its connection."""
    with small.connect() as connection, patience(4):
        connection.exec_driver_sql("CREATE TABLE undone (id integer)")
        budget = current_patience()
        assert budget is not None
        budget.left = 0
        connection.rollback()
    with small.connect() as connection:
        assert connection.exec_driver_sql("SELECT to_regclass('undone')").scalar() is None


def test_a_search_with_a_limit_of_its_own_may_take_as_long(engine: sa.Engine) -> None:
    """The time limit of a page counts, and not what is left of the patience around it."""
    with Work(engine) as work, patience(4):
        work.session.connection()
        budget = current_patience()
        assert budget is not None
        budget.left = _NO_TIME / 2
        endless = sa.text(_ENDLESS)
        with pytest.raises(TookTooLong), time_limit(work, _NO_TIME):
            work.session.execute(endless).all()


_ENDLESS = """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT (n + 1) % 1000 FROM number)
    SELECT count(*) FROM number
"""


def test_an_error_on_a_kept_connection_is_told_without_a_misleading_one(engine: sa.Engine) -> None:
    """What the database says is not chained to how a connection was looked for."""
    engine.dispose()
    for _ in range(2):
        with pytest.raises(engine.dialect.loaded_dbapi.Error) as raised:
            use_driver(engine, lambda driver: driver.execute("SELECT * FROM nothing"))
        assert raised.value.__context__ is None
    kept_connections(engine).close()


def test_what_a_group_passes_over_is_written_by_whoever_brought_it(engine: sa.Engine) -> None:
    """Others have their results at once, and the group has no part in the wait."""
    alone: list[str] = []

    def write_one(_: sa.Engine, item: str) -> str:
        assert group.waiting(engine) is None  # nobody waits for this
        alone.append(item)
        return item.upper()

    group: GroupCommit[str, str] = GroupCommit(
        lambda _, items: [PASSED_OVER if item == "held" else item.upper() for item in items],
        write_one,
    )
    assert [group.write(engine, item) for item in ("held", "free")] == ["HELD", "FREE"]
    assert alone == ["held"]


def test_at_the_command_line_one_waits_for_other_writers(sqlite_url: str) -> None:
    """Without a limit, a writer that has to wait gets its turn."""
    engine = sa.create_engine(**engine_options(sqlite_url))
    prepare_engine(engine)
    with engine.connect() as first, engine.connect() as second:
        begin_write(first)
        written_after(
            first.rollback, second.connection.driver_connection, partial(begin_write, second)
        )
    engine.dispose()
