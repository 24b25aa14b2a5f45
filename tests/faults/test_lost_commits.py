"""A login whose connection breaks when it is committed already: it is found, and counts once."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest
import sqlalchemy as sa

from tests.conftest import MakeApp
from tests.faults.relay import moved_in_commit, relayed
from tests.faults.servers import own_server
from tests.site import Site
from tests.together import together
from timApp.auth.site import db
from timApp.database.work import Work
from timApp.guard.logins.begin import Beginning, begin_session
from timApp.guard.vocabulary import Actor, ActorKind, State
from timApp.user.user import require_user
from timApp.util.errors import BadInput

#: Lets the answers to the next commits be lost, and checks that so many were.
Loses = Callable[[int], AbstractContextManager[None]]


@pytest.fixture(params=["sqlite", "postgresql"])
def hall_that_loses(
    request: pytest.FixtureRequest, make_app: MakeApp, sqlite_url: str
) -> Iterator[tuple[Site, Loses]]:
    """A site with an exam, and what lets the answers to its commits be lost."""
    if request.param == "sqlite":
        site = Site(make_app(sqlite_url))
        site.add_exam_hall()
        with site.app.app_context():
            engine = db.engine

        @contextmanager
        def loses(times: int) -> Iterator[None]:
            with moved_in_commit(engine, times) as moved:
                yield
                assert len(moved) == times

        yield site, loses
        return
    with own_server() as server, relayed(server) as relay:
        site = Site(make_app(relay.url))
        site.add_exam_hall()

        @contextmanager
        def loses(times: int) -> Iterator[None]:
            relay.to_lose = times
            yield
            assert relay.to_lose == 0

        yield site, loses


def test_a_login_that_was_committed_is_found_by_whoever_tries_again(
    hall_that_loses: tuple[Site, Loses],
) -> None:
    """It is answered 200, is recorded once, and the next one is blocked by a session in use."""
    site, loses = hall_that_loses
    with loses(1):
        browser = site.logged_in("alice")
    assert set(site.sessions("alice")) == {browser.session_id}
    assert browser.get("/view/exam").status_code == 200
    with loses(1):
        blocked = site.logged_in("alice")
    assert blocked.get("/view/exam").status_code == 490
    assert len(site.active("alice")) == 1
    with site.app.app_context(), db.engine.connect() as connection:
        recorded = sa.text("SELECT session_id FROM sessionchange ORDER BY id")
        found = connection.scalars(recorded).all()
    assert found == [browser.session_id, blocked.session_id]


# On SQLite, others who log in would meet the file while it is away.
@pytest.mark.parametrize("hall_that_loses", ["postgresql"], indirect=True)
def test_logins_that_are_committed_together_are_all_found(
    hall_that_loses: tuple[Site, Loses],
) -> None:
    """Whoever shares the transaction is told the state of a session of their own."""
    site, loses = hall_that_loses
    names = [f"person{number}" for number in range(6)]
    for name in names:
        site.add_user(name)
    with loses(1):
        answers = together([partial(site.browser().log_in, name) for name in names])
    assert [answer.status_code for answer in answers] == [200] * len(names)
    assert [len(site.active(name)) for name in names] == [1] * len(names)


def test_an_id_that_was_used_before_is_refused_though_the_commit_is_lost(
    hall_that_loses: tuple[Site, Loses],
) -> None:
    """Only the session that this very call has begun is its own."""
    site, loses = hall_that_loses
    with site.app.app_context():
        alice = require_user(db, "alice")
        beginning = Beginning(
            alice.id, alice.name, "once", "here", None, Actor(ActorKind.USER, "alice")
        )
        db.session.rollback()
        with loses(1), Work(db.engine) as work:
            assert begin_session(work, beginning).state is State.ACTIVE
        for _ in range(2):
            with loses(1), Work(db.engine) as work, pytest.raises(BadInput, match="before"):
                begin_session(work, beginning)
    assert set(site.sessions("alice")) == {"once"}
