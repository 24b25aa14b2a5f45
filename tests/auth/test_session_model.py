"""The model of sessions, as its reference page describes it."""

import inspect
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
import time_machine

from tests.site import Site
from timApp.auth.site import db
from timApp.database.model import Model
from timApp.guard.tables.session import UserSession
from timApp.user.user import require_user

MORNING = datetime(2026, 5, 4, 9, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)


def store(site: Site, *sessions: UserSession) -> None:
    """Add sessions of the person."""
    with site.app.app_context():
        for session in sessions:
            session.user = require_user(db, "alice")
            db.session.add(session)
        db.session.commit()


def test_user_session_is_a_model_that_takes_its_columns_by_name() -> None:
    """`UserSession(**kwargs)` sets what it is given, and refuses what is no column."""
    assert issubclass(UserSession, Model)
    kinds = [p.kind for p in inspect.signature(UserSession).parameters.values()]
    assert kinds == [inspect.Parameter.VAR_KEYWORD]
    session = UserSession(user_id=1, session_id="one", origin="test", logged_in_at=MORNING)
    assert (session.user_id, session.session_id) == (1, "one")
    assert (session.origin, session.logged_in_at) == ("test", MORNING)
    assert session.expired_at is None
    with pytest.raises(TypeError):
        UserSession(nonsense=1)


def test_user_session_has_the_attributes_of_the_reference_page() -> None:
    """Each attribute that the page names is there."""
    names = (
        "expire",
        "expired",
        "expired_at",
        "logged_in_at",
        "origin",
        "session_id",
        "user",
        "user_id",
    )
    assert [name for name in names if not hasattr(UserSession, name)] == []


def test_expired_on_an_instance_follows_expired_at() -> None:
    """A session is expired once it has a time of expiry."""
    for expired_at in (None, MORNING):
        session = UserSession(session_id="one", expired_at=expired_at)
        assert session.expired is (expired_at is not None)


def test_expired_in_a_query_selects_the_expired_sessions(hall: Site) -> None:
    """`expired` can be asked of the database, as condition, negation and column."""
    store(hall, UserSession(session_id="on"), UserSession(session_id="off", expired_at=MORNING))
    with hall.app.app_context():
        ids = sa.select(UserSession.session_id)
        assert db.session.scalars(ids.where(UserSession.expired)).all() == ["off"]
        assert db.session.scalars(ids.where(~UserSession.expired)).all() == ["on"]
        columns = sa.select(UserSession.session_id, UserSession.expired)
        assert {(id_, bool(expired)) for id_, expired in db.session.execute(columns)} == {
            ("on", False),
            ("off", True),
        }


def test_expire_sets_the_time_once_and_returns_none() -> None:
    """The first call sets the current time, and later ones leave it."""
    session = UserSession(session_id="one")
    with time_machine.travel(MORNING, tick=False) as clock:
        assert session.expire() is None  # type: ignore[func-returns-value]
        clock.shift(HOUR)
        session.expire()
    assert session.expired is True
    assert session.expired_at == MORNING


def test_expire_is_stored_with_the_transaction(hall: Site) -> None:
    """An expired session is expired for everybody after the commit."""
    store(hall, UserSession(session_id="one"))
    with time_machine.travel(MORNING, tick=False), hall.app.app_context():
        db.session.scalars(sa.select(UserSession)).one().expire()
        db.session.commit()
    assert hall.sessions("alice")["one"].expired_at == MORNING


def test_a_new_session_starts_now_active_and_without_origin(hall: Site) -> None:
    """What is not given is: logged in now, not expired, not logged out, origin empty."""
    with time_machine.travel(MORNING, tick=False):
        store(hall, UserSession(session_id="one"))
    session = hall.sessions("alice")["one"]
    assert (session.logged_in_at, session.expired_at, session.logged_out_at, session.origin) == (
        MORNING,
        None,
        None,
        "",
    )


def test_user_is_the_owner_by_user_id(hall: Site) -> None:
    """`user` leads to the owner and back."""
    store(hall, UserSession(session_id="one"))
    with hall.app.app_context():
        session = db.session.scalars(sa.select(UserSession)).one()
        assert session.user is require_user(db, "alice")
        assert session.user_id == session.user.id
        assert session.user.sessions == [session]


def test_a_session_is_found_by_user_and_id(hall: Site) -> None:
    """The key is the pair of user and session id; the same pair twice is refused."""
    key = [column.name for column in sa.inspect(UserSession).primary_key]
    assert key == ["user_id", "session_id"]
    store(hall, UserSession(session_id="one"))
    with pytest.raises(sa.exc.IntegrityError):
        store(hall, UserSession(session_id="one"))


def test_a_session_needs_a_user_who_exists(hall: Site) -> None:
    """The database refuses a session of nobody."""
    with hall.app.app_context():
        db.session.add(UserSession(user_id=4711, session_id="one"))
        with pytest.raises(sa.exc.IntegrityError):
            db.session.commit()


def test_a_logged_out_session_is_expired_or_the_database_refuses_it(hall: Site) -> None:
    """There is no session that is logged out and active."""
    with pytest.raises(sa.exc.IntegrityError):
        store(hall, UserSession(session_id="one", logged_out_at=MORNING))


def test_times_of_other_zones_become_utc_and_naive_ones_are_refused(hall: Site) -> None:
    """A moment is stored as such, whatever the zone; a time without zone is no moment."""
    helsinki = timezone(3 * HOUR)
    store(hall, UserSession(session_id="one", logged_in_at=MORNING.astimezone(helsinki)))
    stored = hall.sessions("alice")["one"].logged_in_at
    assert (stored, stored.tzinfo) == (MORNING, UTC)
    with pytest.raises(sa.exc.StatementError, match="naive"):
        store(hall, UserSession(session_id="two", logged_in_at=MORNING.replace(tzinfo=None)))


def test_times_compare_in_the_database_as_moments(hall: Site) -> None:
    """Order and comparison in queries are those of time, to the microsecond."""
    moments = [MORNING.replace(microsecond=n) for n in (0, 1, 10, 99, 100_000, 999_999)]
    store(
        hall,
        *(UserSession(session_id=str(n), logged_in_at=m) for n, m in enumerate(moments[::-1])),
    )
    with hall.app.app_context():
        query = sa.select(UserSession.logged_in_at).order_by(UserSession.logged_in_at)
        assert db.session.scalars(query).all() == moments
        later = query.where(UserSession.logged_in_at > moments[2])
        assert db.session.scalars(later).all() == moments[3:]
