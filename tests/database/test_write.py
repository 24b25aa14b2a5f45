"""Writes that are given to the driver, and that wait for nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.conftest import MakeApp
from tests.database.waiting import tried_again, written_after
from timApp.auth.site import db
from timApp.database.driver.connections import use_driver
from timApp.database.driver.write import QuickWrite
from timApp.user.usergroup import UserGroup

_UNLOCKED = (
    sa.select(UserGroup.id)
    .where(UserGroup.name == sa.bindparam("of"))
    .with_for_update(skip_locked=True)
)
_FORBID = {
    "postgresql": "SET default_transaction_read_only = on",
    "sqlite": "PRAGMA query_only = ON",
}
rename = QuickWrite(
    sa.update(UserGroup).where(UserGroup.id.in_(_UNLOCKED)).values(name=sa.bindparam("new_name"))
)


@pytest.fixture
def group(app: Flask) -> Flask:
    """An application with a group "readers"."""
    with app.app_context():
        db.session.add(UserGroup(name="readers"))
        db.session.commit()
    return app


def names() -> list[str]:
    """Return the names of all groups, as others see them."""
    with db.engine.connect() as connection:
        return list(connection.scalars(sa.select(UserGroup.name)))


def test_others_see_what_was_written(group: Flask) -> None:
    """A write is committed when it returns, and each one anew."""
    with group.app_context():
        rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        assert names() == ["writers"]
        rename.make_if_free(db.engine, {"of": "writers", "new_name": "readers"})
        assert names() == ["readers"]
        rename.make_if_free(db.engine, {"of": "nobody", "new_name": "somebody"})
        assert names() == ["readers"]


def test_nothing_is_written_while_somebody_else_writes(group: Flask) -> None:
    """A write that would have to wait is left out, and the next one is made."""
    with group.app_context():
        with db.engine.begin() as other:
            other.execute(sa.update(UserGroup).values(name=UserGroup.name))
            rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        assert names() == ["readers"]
        rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        assert names() == ["writers"]


def test_whoever_has_the_connection_next_waits_as_ever(sqlite_url: str, make_app: MakeApp) -> None:
    """A connection of SQLite that was told not to wait is told to wait again, also if it failed."""
    app = make_app(sqlite_url)
    with app.app_context():
        drivers: list[sa.engine.interfaces.DBAPIConnection] = []
        sa.event.listen(db.engine, "connect", lambda driver, _: drivers.append(driver))
        db.engine.dispose()
        rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        with db.engine.begin() as other:
            other.execute(sa.update(UserGroup).values(name=UserGroup.name))
            rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        (kept, _) = drivers
        with db.engine.begin() as other:
            other.execute(sa.update(UserGroup).values(name=UserGroup.name))
            written_after(other.rollback, kept, partial(use_driver, db.engine, _add_plainly))
        assert names() == ["listeners"]
        assert len(drivers) == 2


def _add_plainly(driver: Any) -> None:
    driver.execute("INSERT INTO usergroup (name) VALUES ('listeners')")
    driver.commit()


def test_what_the_database_refuses_is_an_error_that_others_understand(group: Flask) -> None:
    """A write that fails is SQLAlchemy's error, changes nothing, and the next one is made."""
    with group.app_context():
        db.session.add(UserGroup(name="writers"))
        db.session.commit()
        with pytest.raises(sa.exc.IntegrityError):
            rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        rename.make_if_free(db.engine, {"of": "readers", "new_name": "listeners"})
        assert sorted(names()) == ["listeners", "writers"]


@contextmanager
def read_only(engine: sa.Engine) -> Iterator[list[object]]:
    """Let the engine's connections only read; yield a list of those that are made meanwhile."""
    made: list[object] = []

    def forbid(driver: Any, _record: object) -> None:
        made.append(driver)
        driver.execute(_FORBID[engine.dialect.name])
        driver.commit()

    sa.event.listen(engine, "connect", forbid)
    engine.dispose()
    yield made
    sa.event.remove(engine, "connect", forbid)
    engine.dispose()


def test_what_the_database_cannot_write_is_left_out_and_tried_again_after_a_while(
    group: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure is a line in the log; who comes next does not ask, nor all who come after that."""
    with group.app_context():
        with read_only(db.engine) as made:
            for _ in range(20):
                rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
            assert len(made) == 1
            with tried_again():
                for _ in range(20):
                    rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
            assert len(made) == 2
        assert names() == ["readers"]
        first, second = (record.getMessage() for record in caplog.records)
        assert first.startswith("An update of usergroup is left out: ")
        assert second.startswith(first)
        with tried_again(2):
            rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        rename.make_if_free(db.engine, {"of": "writers", "new_name": "listeners"})
        assert names() == ["listeners"]


@pytest.mark.parametrize(("lock_timeout", "lines"), [("0", 1), ("10ms", 0)])
def test_a_table_that_is_locked_is_waited_for_once_in_a_while(
    lock_timeout: str,
    lines: int,
    postgresql_url: str,
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A write gives up soon, or as PostgreSQL was told to, and the next ones do not wait again."""
    options = {"options": f"-c lock_timeout={lock_timeout}"}
    app = make_app(str(sa.make_url(postgresql_url).update_query_dict(options)))
    with app.app_context():
        db.session.add(UserGroup(name="readers"))
        db.session.commit()
        with db.engine.begin() as other:
            other.execute(sa.text("LOCK TABLE usergroup IN SHARE MODE"))
            rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        assert names() == ["readers"]  # it was not even tried
        assert len(caplog.records) == lines
        with tried_again():
            rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        assert names() == ["writers"]


def test_a_missing_table_is_an_error(app: Flask) -> None:
    """Only to be locked out is passed over; whatever else is wrong is told."""
    value = sa.column("value", sa.Integer())
    nothing = QuickWrite(sa.update(sa.table("nothing", value)).values({value: 1}))
    with app.app_context(), pytest.raises(sa.exc.DBAPIError, match="nothing"):
        nothing.make_if_free(db.engine, {})


def test_a_database_in_memory_is_written(make_app: MakeApp) -> None:
    """A database that is lost with its only connection is written over that one."""
    app = make_app("sqlite:///:memory:")
    with app.app_context():
        db.session.execute(sa.text("CREATE TABLE usergroup (id integer, name text)"))
        db.session.execute(sa.text("INSERT INTO usergroup VALUES (1, 'readers')"))
        db.session.commit()
        rename.make_if_free(db.engine, {"of": "readers", "new_name": "writers"})
        assert db.session.scalars(sa.select(UserGroup.name)).all() == ["writers"]
