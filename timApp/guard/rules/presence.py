"""When each session of a person was in use, and when it was active, as pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from timApp.guard.rules.clocks import Clocks, TimedSession
from timApp.guard.vocabulary import Action

_BIRTHS = frozenset({Action.LOGIN, Action.BLOCKED_LOGIN})


class PlayedSession(TimedSession, Protocol):
    """What has to be known of a session."""

    @property
    def session_id(self) -> str:
        """Its id."""

    @property
    def expired_at(self) -> datetime | None:
        """Since when it is expired; None while it is active."""

    @property
    def logged_out_at(self) -> datetime | None:
        """When it was logged out."""


class PlayedChange(Protocol):
    """What has to be known of a change."""

    @property
    def id(self) -> int:
        """Its number in the record."""

    @property
    def at(self) -> datetime:
        """When it was made."""

    @property
    def action(self) -> Action:
        """What was done."""

    @property
    def session_id(self) -> str | None:
        """The session that was named."""


@dataclass(frozen=True)
class Span:
    """A stretch of time; the end is not part of it."""

    start: datetime
    end: datetime


@dataclass
class Track:
    """What is known of one session over time."""

    session: PlayedSession
    #: From the login until the logout, or until it was last seen.
    presence: Span
    active: list[Span] = field(default_factory=list)
    blocked_at: list[datetime] = field(default_factory=list)
    verified_at: list[datetime] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        """When the last that is known of it happened."""
        ends = [self.presence.end, *(span.end for span in self.active)]
        return max(ends + self.blocked_at + self.verified_at)


@dataclass(frozen=True)
class Overlap:
    """A stretch of time in which two or more sessions were in use at every moment."""

    start: datetime
    end: datetime
    #: Those that were in use during some of it, in the order in which they came.
    tracks: tuple[Track, ...]


def tracks_of(
    sessions: Iterable[PlayedSession],
    changes: Iterable[PlayedChange],
    moment: datetime,
    clocks: Clocks,
) -> list[Track]:
    """Return the tracks of one person's sessions, in the order given.

    `changes` are those of this person and of everybody, from the record; `moment` is now, and
    `clocks` are those of the site. A
    session remembers only when it expired last, so the record is played again. Where it is not
    complete, the session itself has the last word.
    """
    return _Player(sessions, changes, moment, clocks).play()


def overlaps(tracks: Iterable[Track]) -> list[Overlap]:
    """Return the times at which two or more were in use at once, in order of time.

    They are as long as can be: one ends when fewer than two are left. Sessions that only touch,
    as one ends when the next begins, do not overlap.
    """
    spans = [(track.presence, track) for track in tracks]
    spans = [(span, track) for span, track in spans if span.start < span.end]
    # At the same moment those that end go first.
    events = [(span.end, 0, number) for number, (span, _) in enumerate(spans)]
    events += [(span.start, 1, number) for number, (span, _) in enumerate(spans)]
    found: list[Overlap] = []
    present: dict[int, None] = {}
    members: dict[int, None] = {}
    start: datetime | None = None
    for at, begins, number in sorted(events):
        if begins:
            present[number] = None
            if len(present) > 1 and start is None:
                start, members = at, dict(present)
            members[number] = None
            continue
        del present[number]
        if start is not None and len(present) == 1:
            found.append(Overlap(start, at, tuple(spans[one][1] for one in members)))
            start = None
    return found


class _Player:
    """Plays the record: which sessions are active after each change."""

    def __init__(
        self,
        sessions: Iterable[PlayedSession],
        changes: Iterable[PlayedChange],
        moment: datetime,
        clocks: Clocks,
    ) -> None:
        self._tracks = {one.session_id: Track(one, _presence(one)) for one in sessions}
        self._changes = sorted(changes, key=lambda change: (change.at, change.id))
        self._moment = moment
        self._clocks = clocks
        recorded = {one.session_id for one in self._changes if one.action in _BIRTHS}
        #: Those of which the record does not tell how they began, latest first.
        self._unrecorded = sorted(
            (one for session_id, one in self._tracks.items() if session_id not in recorded),
            key=_age,
            reverse=True,
        )
        self._begun: set[str] = set()
        self._active_since: dict[str, datetime] = {}
        #: Which were active before the last change.
        self._active_before: set[str] = set()

    def play(self) -> list[Track]:
        """Return the tracks, in the order in which the sessions were given."""
        for change in self._changes:
            self._catch_up(change.at)
            self._play(change)
        self._catch_up(self._moment)
        for session_id, track in self._tracks.items():
            self._finish(session_id, track)
        return list(self._tracks.values())

    def _play(self, change: PlayedChange) -> None:
        at, named = change.at, change.session_id
        if change.action is not Action.UNDO:
            self._active_before = set(self._active_since)
        match change.action:
            case Action.UNDO:  # of the change before it: there is none between the two
                self._block(
                    [one for one in self._active_since if one not in self._active_before], at
                )
                for session_id in self._active_before:
                    self._active_since.setdefault(session_id, at)
            case Action.LOGIN | Action.BLOCKED_LOGIN:
                if named in self._tracks:
                    is_blocked = change.action is Action.BLOCKED_LOGIN
                    self._begin(self._tracks[named], is_blocked=is_blocked)
            case Action.VERIFY:
                self._make_only_active(named, at)
            case Action.VERIFY_ALL:
                begun = (self._tracks[one] for one in self._begun)
                latest = max(begun, key=_age, default=None)
                self._make_only_active(latest.session.session_id if latest else None, at)
            case Action.INVALIDATE | Action.DISPLACE:
                self._block([one for one in self._active_since if named in (None, one)], at)
            case Action.INVALIDATE_ALL | Action.PAUSE:
                self._block(list(self._active_since), at)
            case Action.LOGOUT | Action.END | Action.COPY | Action.HAND_IN:
                pass  # each session remembers its end, also of those that were not named
            case Action.NEW_CREDENTIALS | Action.DISABLE | Action.DELETE:  # so it is with these
                pass
            case _:  # of the account, by which no session begins or ends
                pass

    def _catch_up(self, moment: datetime) -> None:
        """Let happen what the sessions themselves remember until the moment."""
        while self._unrecorded and self._unrecorded[-1].session.logged_in_at <= moment:
            session = self._unrecorded[-1].session
            is_blocked = session.expired_at == session.logged_in_at
            self._begin(self._unrecorded.pop(), is_blocked=is_blocked)
        for session_id in list(self._begun):
            logged_out_at = self._tracks[session_id].session.logged_out_at
            if logged_out_at is not None and logged_out_at <= moment:
                self._begun.discard(session_id)
                self._end(session_id, logged_out_at)

    def _begin(self, track: Track, *, is_blocked: bool) -> None:
        session = track.session
        self._begun.add(session.session_id)
        if is_blocked:
            track.blocked_at.append(session.logged_in_at)
        else:
            self._active_since[session.session_id] = session.logged_in_at

    def _finish(self, session_id: str, track: Track) -> None:
        """Let the session itself have the last word."""
        expired_at = track.session.expired_at
        if expired_at is None:
            since = max([track.session.logged_in_at, *(one.end for one in track.active)])
            self._active_since.setdefault(session_id, since)
            by_clock = self._clocks.end_of(track.session)
            self._end(session_id, min(self._moment, by_clock[0] if by_clock else self._moment))
        elif session_id in self._active_since:
            if track.session.logged_out_at is None:
                track.blocked_at.append(expired_at)
            self._end(session_id, expired_at)

    def _make_only_active(self, chosen: str | None, at: datetime) -> None:
        if chosen is None:
            return
        self._block([one for one in self._active_since if one != chosen], at)
        if chosen in self._begun and chosen not in self._active_since:
            self._tracks[chosen].verified_at.append(at)
            self._active_since[chosen] = at

    def _block(self, session_ids: Sequence[str], at: datetime) -> None:
        for session_id in session_ids:
            self._tracks[session_id].blocked_at.append(at)
            self._end(session_id, at)

    def _end(self, session_id: str, at: datetime) -> None:
        since = self._active_since.pop(session_id, None)
        if since is not None:
            self._tracks[session_id].active.append(Span(since, max(since, at)))


def _age(track: Track) -> tuple[datetime, str]:
    return track.session.logged_in_at, track.session.session_id


def _presence(session: PlayedSession) -> Span:
    start = session.logged_in_at
    return Span(start, max(start, session.logged_out_at or session.last_seen_at or start))
