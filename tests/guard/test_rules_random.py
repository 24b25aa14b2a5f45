"""Random logins, logouts, verifications and invalidations against the table of a session's life."""

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
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
from timApp.auth.site import current_clocks, current_guard, db
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.changes.copied import Copy, part_bearers
from timApp.guard.cookie import SESSION_ID_KEY, Claims
from timApp.guard.exams.handin import hand_in
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.run import begin_exam, end_exam
from timApp.guard.rules.admission import Situation, admit
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.exam import EXAM_POLICY, Phase, phase_of, start_of
from timApp.guard.rules.lifetime import CAUSES, FOR_THE_OTHERS, LIFE, Event
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.hold import OF_A_PAUSE, SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action, Actor, ActorKind, Cause, Place, State
from timApp.user.people import require_person
from timApp.user.user import User, require_user
from timApp.util.errors import Conflict

USERS = ("alice", "bob", "carol")
START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
REPEATS = timedelta(minutes=10)
_LONG = timedelta(days=100)


def _seconds(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(seconds=number)


@dataclass
class ModelSession:
    """A session as the rules have it."""

    user: str
    session_id: str
    logged_in_at: datetime
    expired_at: datetime | None = None
    logged_out_at: datetime | None = None
    verified_at: datetime | None = None
    #: Nobody asks for anything, so nobody is seen.
    last_seen_at: datetime | None = None
    device: str = ""
    cause: Cause | None = None

    @property
    def was_ever_active(self) -> bool:
        """Whether it is not blocked since its beginning."""
        return (
            self.expired_at is None
            or self.verified_at is not None
            or self.expired_at != self.logged_in_at
        )

    @property
    def state(self) -> State:
        if self.logged_out_at is not None:
            return State.LOGGED_OUT
        return State.ACTIVE if self.expired_at is None else State.EXPIRED


@dataclass
class ModelExam:
    """An exam as the rules have it; everybody sits it."""

    title: str
    policy: Policy
    starts_at: datetime
    ends_at: datetime
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    #: Those for whom it is over.
    handed_in: set[str] = field(default_factory=set)


class Rules:
    """The rules of sessions, played with the table of their life and of admission, no more."""

    def __init__(self, limit: int | None, policy: Policy, clocks: Clocks) -> None:
        self.limit = limit
        self.policy = policy
        self.clocks = clocks
        self.now = START
        self.sessions: dict[tuple[str, str], ModelSession] = {}
        #: By person: the sessions of blocked logins, `None` for an end, and `OF_A_PAUSE`, that are
        #: not settled; and the exam in which they were.
        self.unsettled: dict[str, dict[str | None, ModelExam | None]] = {user: {} for user in USERS}
        #: The sessions of the two bearers of each cookie that was copied.
        self.twins: list[tuple[ModelSession, ModelSession]] = []
        self.exams: list[ModelExam] = []

    def running(self, user: str) -> list[ModelExam]:
        """Return the exams that run for somebody now, in the order in which they were added."""
        return [
            one
            for one in self.exams
            if phase_of(one, self.now) is Phase.RUNS and user not in one.handed_in
        ]

    def exam(self, user: str) -> ModelExam | None:
        """Return the exam whose policy counts for somebody now: the last to begin.

        Of those that began at once, it is the one that was added last.
        """
        return max(reversed(self.running(user)), key=start_of, default=None)

    def noted(self, user: str) -> ModelExam | None:
        """Return the exam in which an end or a pause is noted now: the last to end."""
        return max(reversed(self.running(user)), key=lambda one: one.ends_at, default=None)

    def counted(self, user: str) -> set[str | None]:
        """Return which of what is not settled counts now."""
        running = self.running(user)
        return {
            key
            for key, exam in self.unsettled[user].items()
            if (not running if exam is None else any(exam is one for one in running))
        }

    def begin_exam(self, exam: ModelExam) -> None:
        """Begin it by hand, if that can be done."""
        if exam.begun_at is not None or phase_of(exam, self.now) is Phase.OVER:
            return
        is_first = self.now < exam.starts_at
        exam.begun_at = self.now
        for session in self.sessions.values():
            began = session.verified_at or session.logged_in_at
            if session.state is not State.LOGGED_OUT and (is_first or began < exam.starts_at):
                self._happen(session, Event.EXAM_BEGAN)
        for user, unsettled in self.unsettled.items():
            self.unsettled[user] = {
                key: one
                for key, one in unsettled.items()
                if one is not None and phase_of(one, self.now) is Phase.RUNS
            }

    def hand_in(self, user: str) -> None:
        """Hand in the exam that counts for somebody, if there is one."""
        exam = self.exam(user)
        if exam is None:
            return
        exam.handed_in.add(user)
        for session in self.of(user):
            self._happen(session, Event.HANDED_IN)
        self.unsettled[user] = {
            key: one for key, one in self.unsettled[user].items() if one is not exam
        }

    def is_active(self, session: ModelSession) -> bool:
        """Tell whether a session is active now."""
        return session.state is State.ACTIVE and self.clocks.ended(session) is None

    def of(self, user: str) -> list[ModelSession]:
        return [session for session in self.sessions.values() if session.user == user]

    def log_in(self, user: str, session_id: str, device: str, former: str | None) -> str:
        """Let a login begin; return the session that it has."""
        own = [one for one in self.of(user) if device == one.device or one.session_id == former]
        others = [one for one in self.of(user) if one not in own]
        active = [one for one in others if self.is_active(one)]
        situation = Situation(
            active=len(active),
            limit=self.limit,
            continues=any(self.is_active(one) for one in own),
            returns=any(one.state is State.ACTIVE for one in own),
            was_ended=None in self.counted(user),
            was_blocked=bool(self.counted(user) - {None, OF_A_PAUSE}),
            was_paused=OF_A_PAUSE in self.counted(user),
            device=device,
            devices=self._last_devices(user),
        )
        exam = self.exam(user)
        policy = self.policy if exam is None else exam.policy
        admission = admit(situation, policy)
        is_in = admission.state is State.ACTIVE
        recent = [one for one in own if former is None and one.logged_in_at > self.now - REPEATS]
        repeated = [one for one in recent if self.is_active(one)] or [
            one
            for one in recent
            if not is_in and one.state is State.EXPIRED and not one.was_ever_active
        ]
        if repeated:
            return max(repeated, key=_age).session_id
        for session in own:
            if session.state is not State.LOGGED_OUT:
                self._happen(session, Event.CONTINUED)
                self.unsettled[user].pop(session.session_id, None)
        if admission.others is not None:
            for session in sorted(active, key=_age)[: len(active) - admission.kept]:
                self._happen(session, admission.others)
        if admission.settles and situation.has_ends:
            self.unsettled[user] = {
                key: one
                for key, one in self.unsettled[user].items()
                if exam is not None and one is not exam
            }
        elif not is_in and policy.counts_blocked_logins:
            self.unsettled[user][session_id] = exam
        session = ModelSession(user, session_id, self.now, device=device)
        if not is_in:
            session.expired_at, session.cause = self.now, admission.cause
        self.sessions[user, session_id] = session
        return session_id

    def _last_devices(self, user: str) -> list[str]:
        """Return the browsers that had the person's slots last."""
        began: dict[str, datetime] = {}
        exam = self.exam(user)
        bound_since = (
            START - _LONG if self.clocks.lifetime is None else self.now - self.clocks.lifetime
        )
        for one in self.of(user):
            since = one.verified_at or one.logged_in_at
            is_bound = since > bound_since if exam is None else self._was_in(one, start_of(exam))
            if one.was_ever_active and is_bound and one.cause is not Cause.EXAM_BEGAN:
                began[one.device] = max(since, began.get(one.device, since))
        latest_first = sorted(began, key=lambda device: (-began[device].timestamp(), device))
        return latest_first[: self.limit or 0]

    def _was_in(self, session: ModelSession, start: datetime) -> bool:
        """Tell whether a session was active at any time since then."""
        if (session.verified_at or session.logged_in_at) >= start:
            return True
        end = self.clocks.end_of(session)
        is_over = end is not None and end[0] <= start
        return not is_over and (session.expired_at is None or session.expired_at > start)

    def log_out(self, user: str, session_id: str) -> None:
        session = self.sessions.get((user, session_id))
        if session:
            self._happen(session, Event.LOGGED_OUT)

    def end(self, user: str, session_id: str | None) -> None:
        meant = [one for one in self.of(user) if session_id in {None, one.session_id}]
        for key in {session_id} if session_id else self.unsettled[user].keys() - {None, OF_A_PAUSE}:
            self.unsettled[user].pop(key, None)
        if any(self.is_active(one) for one in meant):
            self.unsettled[user][None] = self.noted(user)
        for session in meant:
            self._happen(session, Event.ENDED)

    def verify(self, user: str, session_id: str | None) -> None:
        if session_id is None:
            revivable = [one for one in self.of(user) if one.state is not State.LOGGED_OUT]
            if not revivable:
                return
            session_id = max(revivable, key=lambda s: (s.logged_in_at, s.session_id)).session_id
        self.unsettled[user].clear()
        for session in self.of(user):
            is_chosen = session.session_id == session_id
            event = Event.VERIFIED if is_chosen else FOR_THE_OTHERS[Event.VERIFIED]
            self._happen(session, event)
        for pair in self.twins:
            for one, other in (pair, pair[::-1]):
                if one.user == user and other.expired_at is None:
                    self._happen(one, Event.TWIN_VERIFIED)

    def is_copied(self, user: str, session_id: str) -> bool:
        """Tell whether anything comes of it that a cookie of the session was copied."""
        session = self.sessions[user, session_id]
        is_over = session.state is State.ACTIVE and not self.is_active(session)
        return session.state is not State.LOGGED_OUT and not is_over

    def copy(self, user: str, session_id: str, bearers: list[tuple[str, str]]) -> None:
        """Let sessions of these ids begin in these browsers, for the bearers of a copied cookie."""
        self._happen(self.sessions[user, session_id], Event.COPIED)
        self.unsettled[user].pop(session_id, None)
        exam = self.exam(user)
        policy = self.policy if exam is None else exam.policy
        older, newer = (
            ModelSession(user, id_, self.now, self.now, device=device, cause=Cause.COPIED)
            for id_, device in bearers
        )
        self.twins.append((older, newer))
        for one in (older, newer):
            self.sessions[user, one.session_id] = one
            if policy.counts_blocked_logins:
                self.unsettled[user][one.session_id] = exam

    def verify_all(self) -> None:
        for user in USERS:
            self.verify(user, None)
            self.unsettled[user].clear()

    def invalidate_all(self) -> None:
        for user in USERS:
            if any(self.is_active(one) for one in self.of(user)):
                self.invalidate(user, None)

    def invalidate(self, user: str, session_id: str | None) -> None:
        self.unsettled[user][None] = self.noted(user)
        for session in self.of(user):
            if session_id in {None, session.session_id}:
                self._happen(session, Event.INVALIDATED)

    def pause(self, user: str) -> None:
        if OF_A_PAUSE not in self.counted(user) or any(map(self.is_active, self.of(user))):
            self.unsettled[user][OF_A_PAUSE] = self.noted(user)
        for session in self.of(user):
            self._happen(session, Event.PAUSED)

    def _happen(self, session: ModelSession, event: Event) -> None:
        """Let an event happen: what becomes of the session stands in the table."""
        is_over = session.state is State.ACTIVE and not self.is_active(session)
        before = State.EXPIRED if is_over else session.state
        after = LIFE[before][event]
        if after is before:
            return
        session.cause = CAUSES.get(event)
        session.logged_out_at = self.now if after is State.LOGGED_OUT else None
        if after is State.ACTIVE:
            session.expired_at, session.verified_at = None, self.now
        else:
            session.expired_at = session.expired_at or self.now


def _age(session: ModelSession) -> tuple[datetime, str]:
    return session.logged_in_at, session.session_id


class SessionMachine(RuleBasedStateMachine):
    """Does the same to the application and to the model."""

    databases: SQLiteDatabases | PostgreSQLDatabases
    folder: Path

    browsers = Bundle("browsers")
    known_ids = Bundle("known_ids")
    users = st.sampled_from(USERS)

    @initialize(
        limit=st.sampled_from([1, 2, None]),
        policy=st.one_of(
            st.just(Policy()),
            st.builds(
                Policy,
                st.sampled_from(OverLimit),
                st.sampled_from(AfterEnd),
                st.sampled_from(DeviceRule),
            ),
        ),
        idle_end=st.sampled_from([None, 100]),
        lifetime=st.sampled_from([None, 200]),
    )
    def start(
        self, limit: int | None, policy: Policy, idle_end: int | None, lifetime: int | None
    ) -> None:
        self.stack = ExitStack()
        self.clock = self.stack.enter_context(time_machine.travel(START, tick=False))
        url = self.stack.enter_context(self.databases.fresh())
        app = self.stack.enter_context(
            open_app(
                url,
                self.folder,
                SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=limit,
                SESSIONS_OVER_LIMIT=policy.over_limit.value,
                SESSIONS_AFTER_END=policy.after_end.value,
                SESSIONS_DEVICE=policy.device.value,
                SESSIONS_IDLE_END=idle_end,
                SESSIONS_LIFETIME=lifetime,
            )
        )
        self.site = Site(app)
        self.model = Rules(limit, policy, Clocks(_seconds(idle_end), _seconds(lifetime)))
        for name in USERS:
            self.site.add_user(name)
        self.cookies: list[dict[str, str]] = []

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    @rule(seconds=st.sampled_from([0, 1, 60, 601]))
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
            begun = current_guard().begin(
                person, "test", former=claims, device=f"browser {browser}", work=db
            )
            if db.is_in_transaction():
                db.session.commit()
        session_id = begun.session_id
        continued = None
        if former and self._user_of(former) == user:
            continued = former[SESSION_ID_KEY]
        elif former:
            self.model.log_out(self._user_of(former), former[SESSION_ID_KEY])
        assert self.model.log_in(user, session_id, f"browser {browser}", continued) == session_id
        assert begun.state is self.model.sessions[user, session_id].state
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

    @rule(browser=browsers)
    def lose_answer(self, browser: int) -> None:
        """The browser never learns that it is logged in, and keeps its name."""
        self.cookies[browser] = {}

    @rule(target=known_ids, browser=browsers, thief=browsers)
    def copy(self, browser: int, thief: int) -> str:
        """The cookie is copied into another browser, which comes with it once it is too old."""
        cookie = self.cookies[browser]
        if not cookie:
            return "nothing"
        user, user_id, session_id = cookie["name"], int(cookie["_user_id"]), cookie[SESSION_ID_KEY]
        model = self.model.sessions[user, session_id]
        with self.site.app.app_context():
            is_one = (UserSession.user_id == user_id, UserSession.session_id == session_id)
            used = {"token_issued": 257, "token_used": 257, "token_since": None}
            db.session.execute(sa.update(UserSession).where(*is_one).values(used))
            options = current_guard().options
            place = Place("a copy", device=f"browser {thief}")
            copy = Copy(user_id, user, session_id, 0, place, passes_blocked=False)
            is_found = part_bearers(db, copy, 60, options.policy, options.clocks)
            assert is_found is self.model.is_copied(user, session_id)
            db.session.commit()
            if not is_found:
                return "nothing"
            row = db.session.get_one(CopiedSession, (user_id, session_id))
            ids = row.older_session_id, row.newer_session_id
        devices = f"browser {thief}", model.device
        self.model.copy(user, session_id, list(zip(ids, devices, strict=True)))
        for number, id_ in ((thief, ids[0]), (browser, ids[1])):
            self.cookies[number] = cookie | {SESSION_ID_KEY: id_}
        return ids[0]

    @rule(
        policy=st.one_of(st.just(EXAM_POLICY), st.just(Policy())),
        first=st.sampled_from([1, 60]),
        length=st.sampled_from([60, 600]),
    )
    def plan_exam(self, policy: Policy, first: int, length: int) -> None:
        starts_at = self.model.now + timedelta(seconds=first)
        ends_at = starts_at + timedelta(seconds=length)
        exam = ModelExam(f"Exam {len(self.model.exams)}", policy, starts_at, ends_at)
        self.model.exams.append(exam)
        with self.site.app.app_context():
            add_exam(db, ExamPlan(exam.title, starts_at, ends_at, USERS, policy=policy))
            db.session.commit()

    @rule()
    def begin_exam(self) -> None:
        for exam in self.model.exams[-1:]:
            with self.site.app.app_context(), suppress(Conflict):
                actor = Actor(ActorKind.USER, "boss")
                begin_exam(db, exam.title, actor, current_clocks())
                db.session.commit()
            self.model.begin_exam(exam)

    @rule()
    def end_exam(self) -> None:
        for exam in self.model.exams[-1:]:
            with self.site.app.app_context(), suppress(Conflict):
                end_exam(db, exam.title, Actor(ActorKind.USER, "boss"))
                db.session.commit()
            if phase_of(exam, self.model.now) is Phase.RUNS:
                exam.ended_at = self.model.now

    @rule(user=users)
    def hand_in(self, user: str) -> None:
        with self.site.app.app_context(), suppress(Conflict):
            actor = Actor(ActorKind.USER, user)
            hand_in(db, self.site.user_id(user), actor, current_clocks())
            db.session.commit()
        self.model.hand_in(user)

    @rule(user=users, session_id=st.one_of(st.none(), known_ids))
    def end(self, user: str, session_id: str | None) -> None:
        with self.site.app.app_context():
            scope = OnePerson(user, self.site.user_id(user), session_id)
            current_guard().apply(Change(Action.END, scope, Actor(ActorKind.USER, "boss")), db)
            db.session.commit()
        self.model.end(user, session_id)

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

    @rule(user=users)
    def pause(self, user: str) -> None:
        with self.site.app.app_context():
            scope = OnePerson(user, self.site.user_id(user))
            current_guard().apply(Change(Action.PAUSE, scope, Actor(ActorKind.USER, "boss")), db)
            db.session.commit()
        self.model.pause(user)

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
        self.model.verify_all()

    @rule()
    def invalidate_all(self) -> None:
        with self.site.app.app_context():
            invalidate_all_sessions()
            db.session.commit()
        self.model.invalidate_all()

    @invariant()
    def the_database_is_as_the_rules_say(self) -> None:
        if not hasattr(self, "model"):
            return
        columns = (
            UserSession.logged_in_at,
            UserSession.expired_at,
            UserSession.logged_out_at,
            UserSession.verified_at,
            UserSession.cause,
            UserSession.device,
        )
        holds = sa.select(User.name, SessionHold.session_id).join_from(User, SessionHold)
        query = sa.select(User.name, UserSession.session_id, *columns).join_from(User, UserSession)
        with self.site.app.app_context():
            found = {(name, id_): tuple(rest) for name, id_, *rest in db.session.execute(query)}
            unsettled = {(name, id_ or None) for name, id_ in db.session.execute(holds)}
        assert found == {
            key: (
                session.logged_in_at,
                session.expired_at,
                session.logged_out_at,
                session.verified_at,
                session.cause,
                session.device,
            )
            for key, session in self.model.sessions.items()
        }
        assert unsettled == {
            (user, id_) for user, ids in self.model.unsettled.items() for id_ in ids
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
            max_examples=settings().max_examples // 7,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
