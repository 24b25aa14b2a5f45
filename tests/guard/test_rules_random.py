"""Random logins, logouts, verifications and invalidations against the table of a session's life."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.changes import invalidate_all_sessions, log_out_session, verify_all_sessions
from tests.databases import PostgreSQLDatabases, SQLiteDatabases
from tests.site import Site, open_app
from timApp.auth.session.util import (
    expire_user_session,
    invalidate_sessions_for,
    verify_session_for,
)
from timApp.auth.site import current_guard, db
from timApp.guard.cookie import SESSION_ID_KEY, Claims
from timApp.guard.rules.lifetime import FOR_THE_OTHERS, LIFE, Event
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import State
from timApp.user.people import require_person
from timApp.user.user import User, require_user

USERS = ("alice", "bob", "carol")
START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


@dataclass
class ModelSession:
    """A session as the rules have it."""

    user: str
    session_id: str
    logged_in_at: datetime
    expired_at: datetime | None = None
    logged_out_at: datetime | None = None

    @property
    def state(self) -> State:
        if self.logged_out_at is not None:
            return State.LOGGED_OUT
        return State.ACTIVE if self.expired_at is None else State.EXPIRED


class Rules:
    """The rules of sessions, played with the table of their life and nothing else."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.now = START
        self.sessions: dict[tuple[str, str], ModelSession] = {}

    def of(self, user: str) -> list[ModelSession]:
        return [session for session in self.sessions.values() if session.user == user]

    def log_in(self, user: str, session_id: str) -> None:
        active = sum(session.state is State.ACTIVE for session in self.of(user))
        is_over = self.limit is not None and active >= self.limit
        self.sessions[user, session_id] = ModelSession(
            user, session_id, self.now, self.now if is_over else None
        )

    def log_out(self, user: str, session_id: str) -> None:
        session = self.sessions.get((user, session_id))
        if session:
            self._happen(session, Event.LOGGED_OUT)

    def verify(self, user: str, session_id: str | None) -> None:
        if session_id is None:
            revivable = [one for one in self.of(user) if one.state is not State.LOGGED_OUT]
            if not revivable:
                return
            session_id = max(revivable, key=lambda s: (s.logged_in_at, s.session_id)).session_id
        for session in self.of(user):
            is_chosen = session.session_id == session_id
            event = Event.VERIFIED if is_chosen else FOR_THE_OTHERS[Event.VERIFIED]
            self._happen(session, event)

    def invalidate(self, user: str, session_id: str | None) -> None:
        for session in self.of(user):
            if session_id in {None, session.session_id}:
                self._happen(session, Event.INVALIDATED)

    def _happen(self, session: ModelSession, event: Event) -> None:
        """Let an event happen: what becomes of the session stands in the table."""
        after = LIFE[session.state][event]
        if after is session.state:
            return
        session.logged_out_at = self.now if after is State.LOGGED_OUT else None
        if after is State.ACTIVE:
            session.expired_at = None
        else:
            session.expired_at = session.expired_at or self.now


class SessionMachine(RuleBasedStateMachine):
    """Does the same to the application and to the model."""

    databases: SQLiteDatabases | PostgreSQLDatabases
    folder: Path

    browsers = Bundle("browsers")
    known_ids = Bundle("known_ids")
    users = st.sampled_from(USERS)

    @initialize(limit=st.sampled_from([1, 2, None]))
    def start(self, limit: int | None) -> None:
        self.stack = ExitStack()
        self.clock = self.stack.enter_context(time_machine.travel(START, tick=False))
        url = self.stack.enter_context(self.databases.fresh())
        app = self.stack.enter_context(
            open_app(url, self.folder, SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=limit)
        )
        self.site = Site(app)
        self.model = Rules(limit)
        for name in USERS:
            self.site.add_user(name)
        self.cookies: list[dict[str, str]] = []

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    @rule(seconds=st.sampled_from([0, 1, 60]))
    def wait(self, seconds: int) -> None:
        self.clock.shift(timedelta(seconds=seconds))
        self.model.now += timedelta(seconds=seconds)

    @rule(target=browsers)
    def new_browser(self) -> int:
        self.cookies.append({})
        return len(self.cookies) - 1

    @rule(target=known_ids, browser=browsers, user=users)
    def log_in(self, browser: int, user: str) -> str:
        former = self.cookies[browser]
        claims = Claims(int(former["_user_id"]), former[SESSION_ID_KEY]) if former else None
        with self.site.app.app_context():
            person = require_person(db, user)
            session_id = current_guard().begin(person, "test", former=claims, work=db).session_id
            if db.is_in_transaction():
                db.session.commit()
        if former:
            self.model.log_out(self._user_of(former), former[SESSION_ID_KEY])
        self.model.log_in(user, session_id)
        self.cookies[browser] = {
            "_user_id": str(self.site.user_id(user)),
            SESSION_ID_KEY: session_id,
            "name": user,
        }
        return session_id

    @rule(browser=browsers)
    def log_out(self, browser: int) -> None:
        former = self.cookies[browser]
        if former:
            with self.site.app.app_context():
                log_out_session(int(former["_user_id"]), former[SESSION_ID_KEY])
                db.session.commit()
            self.model.log_out(self._user_of(former), former[SESSION_ID_KEY])
            self.cookies[browser] = {}

    @rule(user=users, session_id=st.one_of(st.none(), known_ids, st.just("of another host")))
    def verify(self, user: str, session_id: str | None) -> None:
        with self.site.app.app_context():
            verify_session_for(user, session_id)
            db.session.commit()
        self.model.verify(user, session_id)

    @rule(user=users, session_id=st.one_of(st.none(), known_ids, st.just("of another host")))
    def invalidate(self, user: str, session_id: str | None) -> None:
        with self.site.app.app_context():
            invalidate_sessions_for(user, session_id)
            db.session.commit()
        self.model.invalidate(user, session_id)

    @rule(user=users, session_id=st.one_of(st.none(), known_ids))
    def expire(self, user: str, session_id: str | None) -> None:
        with self.site.app.app_context():
            expire_user_session(require_user(db, user), session_id)
            db.session.commit()
        if session_id is not None:
            self.model.invalidate(user, session_id)

    @rule()
    def verify_all(self) -> None:
        with self.site.app.app_context():
            verify_all_sessions()
            db.session.commit()
        for user in USERS:
            self.model.verify(user, None)

    @rule()
    def invalidate_all(self) -> None:
        with self.site.app.app_context():
            invalidate_all_sessions()
            db.session.commit()
        for user in USERS:
            self.model.invalidate(user, None)

    @invariant()
    def the_database_is_as_the_rules_say(self) -> None:
        if not hasattr(self, "model"):
            return
        columns = (
            UserSession.logged_in_at,
            UserSession.expired_at,
            UserSession.logged_out_at,
        )
        query = sa.select(User.name, UserSession.session_id, *columns).join_from(User, UserSession)
        with self.site.app.app_context():
            found = {(name, id_): tuple(times) for name, id_, *times in db.session.execute(query)}
        assert found == {
            key: (session.logged_in_at, session.expired_at, session.logged_out_at)
            for key, session in self.model.sessions.items()
        }

    def _user_of(self, cookies: dict[str, str]) -> str:
        return cookies["name"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_random_use_leaves_every_session_as_the_rules_say(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """After any sequence of actions every session is as the table has it."""

    class Machine(SessionMachine):
        databases = request.getfixturevalue(f"{kind}_databases")
        folder = tmp_path

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
