"""Answers and the log when the database does not answer."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.site import Site
from timApp.auth.site import db
from timApp.database.engine import begin_write
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.waiting import WaitingSession


@contextmanager
def locked(site: Site, table: type[Any]) -> Iterator[None]:
    """Lock a table; whoever wants to write to it waits for their patience, or is told at once."""

    def wait_for_nobody(driver: Any, *_: object) -> None:
        driver.execute("SET lock_timeout = 1")
        driver.commit()

    with site.app.app_context():
        engine = db.engine
    engine.dispose()
    with engine.begin() as holder:
        begin_write(holder)
        if engine.dialect.name == "postgresql":
            holder.execute(sa.text(f"LOCK TABLE {table.__tablename__} IN EXCLUSIVE MODE"))
            sa.event.listen(engine, "checkout", wait_for_nobody)
        yield
    if engine.dialect.name == "postgresql":
        sa.event.remove(engine, "checkout", wait_for_nobody)
    engine.dispose()


@pytest.mark.parametrize("table", [WaitingSession, UserSession])
def test_a_database_that_does_not_answer_is_one_line_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture, table: type[Any]
) -> None:
    """Be it in a view or while an error is answered: 503, a page, and why, with no traceback."""
    site.app.config["PROPAGATE_EXCEPTIONS"] = False  # as in a server
    site.add_exam_hall()
    site.add_admin()
    admin = site.logged_in("admin")
    site.logged_in("alice")
    blocked = site.logged_in("alice")
    with locked(site, table), caplog.at_level(logging.WARNING):
        if table is WaitingSession:
            request = "GET /view/exam"
            answer = blocked.get_page("/view/exam")
        else:
            request = "POST /user/sessions/*/verify"
            answer = admin.post("/user/sessions/alice/verify")
    assert answer.status_code == 503
    if table is WaitingSession:  # a page comes by itself, what was sent is not sent again
        assert 2 <= int(answer.headers["Refresh"]) <= 7
        assert "This page asks again by itself in a few seconds." in answer.text
    else:
        assert "Refresh" not in answer.headers
    (record,) = caplog.records
    assert record.exc_info is None
    message = record.getMessage()
    assert message.startswith(f"{request}: the database does not answer: ")
    assert "lock" in message
    assert message.isprintable()
    assert "SELECT" not in message
    assert blocked.get_page("/view/exam").status_code == 490


def test_an_error_of_the_database_has_no_values(app: Flask) -> None:
    """Whoever reads a traceback learns what was asked, and not of whom."""
    with app.app_context(), pytest.raises(sa.exc.DBAPIError) as raised:
        db.session.execute(sa.text("SELECT 1 FROM nowhere WHERE name = :name"), {"name": "alice"})
    assert "nowhere" in str(raised.value)
    assert "alice" not in str(raised.value)
