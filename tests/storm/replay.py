"""The record of changes, played again from the beginning: it must end in the sessions as they are.

What is changed without a record, or recorded without the change, comes out as another state.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tests.storm.books import Books, Record, Times
from tests.storm.ledger import Act
from timApp.guard.rules.admission import Situation, admit
from timApp.guard.rules.lifetime import FOR_THE_OTHERS, LIFE, Event
from timApp.guard.rules.policy import Policy
from timApp.guard.vocabulary import Action, SessionKey, State

_EVENTS = {
    Action.VERIFY: Event.VERIFIED,
    Action.VERIFY_ALL: Event.VERIFIED,
    Action.INVALIDATE: Event.INVALIDATED,
    Action.INVALIDATE_ALL: Event.INVALIDATED,
    Action.LOGOUT: Event.LOGGED_OUT,
}


def state_of(times: Times) -> State:
    """Return the state of a session with these times."""
    if times.logged_out_at is not None:
        return State.LOGGED_OUT
    return State.ACTIVE if times.expired_at is None else State.EXPIRED


@dataclass(frozen=True)
class _Limits:
    """How many sessions each person may have active: one, but for those with any number."""

    unlimited: Collection[int]

    def of(self, user_id: int) -> int | None:
        return None if user_id in self.unlimited else 1


class Replay:
    """Sessions as the records leave them, one after the other; `problems` says what cannot be.

    A person may have one active session, but for those in `unlimited`.
    """

    def __init__(self, books: Books, unlimited: Collection[int] = ()) -> None:
        self.problems: list[str] = []
        self._books = books
        self._limits = _Limits(unlimited)
        self._sessions: dict[int, dict[str, Times]] = defaultdict(dict)
        self._verified_at: dict[SessionKey, datetime] = {}

    def step(self, record: Record) -> None:
        """Play one record."""
        if record.action in {Action.LOGIN, Action.BLOCKED_LOGIN}:
            self._begin(record)
            return
        event = _EVENTS[record.action]
        if record.user_id is not None:
            changed = self._change(record, event, record.user_id, record.session_id)
        else:
            changed = sum(
                self._change(record, event, user_id, self._latest(user_id))
                for user_id in self._sessions
            )
        if changed != record.session_count:
            self._say(record, f"it was {record.session_count} sessions, and should be {changed}")

    def end(self) -> None:
        """Compare the sessions as they were left with those of the database."""
        found = {
            (user_id, session_id): times
            for user_id, sessions in self._sessions.items()
            for session_id, times in sessions.items()
        }
        for key in sorted(found.keys() | self._books.sessions.keys()):
            recorded, real = found.get(key), self._books.sessions.get(key)
            if recorded != real:
                self.problems.append(f"session {key}: recorded is {recorded}, but it is {real}")
        for user_id in {user_id for user_id, _ in self._books.sessions}:
            active = [
                key
                for key, times in self._books.sessions.items()
                if key[0] == user_id and state_of(times) is State.ACTIVE
            ]
            limit = self._limits.of(user_id)
            if limit is not None and len(active) > limit:
                self.problems.append(f"more active sessions than {limit}: {active}")
        for key, since in self._books.waiting.items():
            verified_at = self._verified_at.get(key)
            is_active = state_of(self._books.sessions[key]) is State.ACTIVE
            if is_active and verified_at is not None and since < verified_at:
                self.problems.append(f"session {key}: verified, and waits for it since before")

    def is_so_already(self, act: Act) -> bool:
        """Tell whether the act would change nothing as the sessions are now."""
        if act.action is Action.VERIFY_ALL:
            return all(self._is_verified(user, self._latest(user)) for user in self._sessions)
        user_id = self._books.people[act.person]
        states = self._states(user_id)
        match act.action:
            case Action.VERIFY:
                return self._is_verified(user_id, act.session_id or self._latest(user_id))
            case Action.INVALIDATE if act.session_id is None:
                return State.ACTIVE not in states.values()
            case Action.INVALIDATE:
                return states.get(str(act.session_id)) is not State.ACTIVE
            case Action.LOGOUT:
                return states.get(str(act.session_id)) is State.LOGGED_OUT
        return False

    def _begin(self, record: Record) -> None:
        user_id, session_id = record.user_id, record.session_id
        if user_id is None or session_id is None or record.session_count != 1:
            self._say(record, "a login is of one session of one person")
            return
        if (user_id, session_id) not in self._books.sessions:
            self._say(record, "there is no such session")
        if session_id in self._sessions[user_id]:
            self._say(record, "it had begun before")
        active = list(self._states(user_id).values()).count(State.ACTIVE)
        state = admit(Situation(active, self._limits.of(user_id)), Policy()).state
        if (state is State.ACTIVE) is not (record.action is Action.LOGIN):
            self._say(record, f"there were {active} active sessions")
        is_active = record.action is Action.LOGIN
        times = Times(record.at, None if is_active else record.at)
        self._sessions[user_id][session_id] = times

    def _change(self, record: Record, event: Event, user_id: int, chosen: str | None) -> int:
        """Let it happen to a person's chosen session, or to all; return how many changed."""
        changed = 0
        for session_id, times in self._sessions[user_id].items():
            happens: Event | None = event
            if event is Event.VERIFIED and session_id != chosen:
                happens = FOR_THE_OTHERS[event]
            elif event is not Event.VERIFIED and record.session_id not in {None, session_id}:
                happens = None
            if happens is None:
                continue
            if happens is Event.VERIFIED:
                self._verified_at[user_id, session_id] = record.at
            state = LIFE[state_of(times)][happens]
            if state is not state_of(times):
                self._sessions[user_id][session_id] = _moved(times, state, record.at)
                changed += 1
        return changed

    def _latest(self, user_id: int) -> str | None:
        open_ones = [
            (times.logged_in_at, session_id)
            for session_id, times in self._sessions[user_id].items()
            if state_of(times) is not State.LOGGED_OUT
        ]
        return max(open_ones)[1] if open_ones else None

    def _states(self, user_id: int) -> Mapping[str, State]:
        return {one: state_of(times) for one, times in self._sessions[user_id].items()}

    def _is_verified(self, user_id: int, chosen: str | None) -> bool:
        """Tell whether the session is the only active one; with None, whether there is none."""
        active = _active(self._states(user_id))
        return active == ({chosen} if chosen is not None else set())

    def _say(self, record: Record, problem: str) -> None:
        self.problems.append(f"{record}: {problem}")


def _active(states: Mapping[str, State]) -> set[str]:
    return {session_id for session_id, state in states.items() if state is State.ACTIVE}


def _moved(times: Times, state: State, at: datetime) -> Times:
    match state:
        case State.ACTIVE:
            return replace(times, expired_at=None)
        case State.EXPIRED:
            return replace(times, expired_at=at)
        case State.LOGGED_OUT:
            return replace(times, logged_out_at=at, expired_at=times.expired_at or at)


def play(books: Books, unlimited: Iterable[int] = ()) -> list[str]:
    """Return what is wrong between the record of changes and the sessions."""
    replay = Replay(books, set(unlimited))
    for record in books.records:
        replay.step(record)
    replay.end()
    return replay.problems
