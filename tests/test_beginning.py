"""How sessions begin when several do at once, and what becomes of those that cannot."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.conftest import MakeApp
from tests.live import eventually
from tests.site import Site
from timApp.auth.session import beginning
from timApp.auth.session.beginning import begin_session
from timApp.timdb.sqa import db
from timApp.user.user import require_user
from timApp.util.errors import BadInput

NOBODY = 999_999


def begin(app: Flask, user_id: int, session_id: str) -> bool:
    """Begin a session as the login does, in a transaction of its own."""
    with app.app_context():
        return begin_session(user_id, "somebody", [], session_id, "Firefox")


def test_logins_that_wait_for_each_other_on_sqlite_fail_alone(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """Of logins that are committed together, one that the database refuses harms no other."""
    app = make_app(sqlite_url)
    site = Site(app)
    names = ["alice", "bob", "carol"]
    for name in names:
        site.add_user(name)
    with app.app_context():
        ids = [require_user(name).id for name in names]
        waiting = beginning._waiting_on_sqlite.setdefault(db.engine, deque())
    with ThreadPoolExecutor() as pool:
        with beginning._turn_on_sqlite:
            found: list[Future[bool]] = [
                pool.submit(begin, app, user_id, "one") for user_id in [ids[0], NOBODY, *ids[1:]]
            ]
            eventually(lambda: len(waiting) == len(found) or None)
        first, nobody, *others = found
        with pytest.raises(sa.exc.IntegrityError):
            nobody.result()
        assert [one.result() for one in (first, *others)] == [True] * 3
    assert [len(site.active(name)) for name in names] == [1, 1, 1]
    assert not waiting


def test_a_login_that_fails_leaves_nothing_behind(app: Flask, site: Site) -> None:
    """After a login of nobody, and one with a used id, the next one begins as if they had not."""
    site.add_user("alice")
    with app.app_context():
        alice = require_user("alice").id
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
        alice = require_user("alice").id
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
        eventually(lambda: _is_waited_for() or None)
        db.session.commit()
        assert second.result()


def _is_waited_for() -> bool:
    query = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(db.session.scalar(query))


def test_without_tracking_no_session_begins(database_url: str, make_app: MakeApp) -> None:
    """While the tracking is off, nothing is written."""
    app = make_app(database_url, SESSIONS_ENABLE=False)
    site = Site(app)
    site.add_user("alice")
    with app.app_context():
        alice = require_user("alice").id
        db.session.rollback()
    begin(app, alice, "one")
    assert not site.sessions("alice")
