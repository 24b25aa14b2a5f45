"""What hosts tell each other about sessions, as JSON; what another host told is never trusted.

An entry that does not fit is left out, and the others are read all the same. Texts that are only
shown are cut off where they are too long; names, ids and codes would then mean something else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from timApp.guard.reading.sessions import MAX_SUMMARIES, SessionSummary
from timApp.guard.rules.seating import NOWHERE, Seating
from timApp.guard.vocabulary import SEAT_MAX_LENGTH, SESSION_ID_MAX_LENGTH, State
from timApp.guard.waiting.code import normal_code
from timApp.guard.waiting.codes import Waiting
from timApp.util.text import NAME_MAX_LENGTH, fits, storable

#: At most this many who wait are sent and read.
MAX_WAITING = 500
#: An origin is sent and read up to this many characters.
_ORIGIN_MAX_LENGTH = 500
#: No session is older, and none is newer than a clock that is ahead by this could make it.
_EARLIEST, _AHEAD_MAX = datetime(2000, 1, 1, tzinfo=UTC), timedelta(days=1)

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class PersonSessions:
    """What a host told about a person whom it knows."""

    real_name: str
    sessions: list[SessionSummary]


def waiting_as_json(waiting: Iterable[Waiting]) -> list[dict[str, object]]:
    """Return who waits, as `read_waiting` reads it."""
    return [
        {
            "code": one.code,
            "user_name": one.user_name,
            "real_name": one.real_name,
            "session_id": one.session_id,
            "origin": one.origin[:_ORIGIN_MAX_LENGTH],
            "since": one.since.isoformat(),
            **_seating_as_json(one.seating),
        }
        for one in waiting
    ]


def person_as_json(real_name: str, sessions: Iterable[SessionSummary]) -> dict[str, object]:
    """Return what is known of a person, as `read_person` reads it."""
    return {
        "real_name": real_name,
        "sessions": [
            {
                "session_id": one.session_id,
                "origin": one.origin[:_ORIGIN_MAX_LENGTH],
                "logged_in_at": one.logged_in_at.isoformat(),
                "last_seen_at": one.last_seen_at and one.last_seen_at.isoformat(),
                "is_active": one.state is State.ACTIVE,
                "is_logged_out": one.state is State.LOGGED_OUT,
                **_seating_as_json(one.seating),
            }
            for one in sessions
        ],
    }


def read_waiting(content: object, moment: datetime) -> list[Waiting] | None:
    """Return who waits, at most `MAX_WAITING`, as a host told at that moment; None if it did not.

    Nobody waits since a time that is still to come.
    """

    def read(entry: Mapping[str, Any]) -> Waiting | None:
        match entry:
            case {
                "code": str(code),
                "user_name": str(user_name),
                "real_name": str(real_name),
                "session_id": str(session_id),
                "origin": str(origin),
                "since": since,
            } if (
                code == normal_code(code)
                and fits(user_name, NAME_MAX_LENGTH)
                and fits(session_id, SESSION_ID_MAX_LENGTH)
            ):
                began = _read_time(since, moment)
                if began is None:
                    return None
                return Waiting(
                    code=code,
                    user_name=user_name,
                    real_name=_shown(real_name, NAME_MAX_LENGTH),
                    session_id=session_id,
                    origin=_shown(origin, _ORIGIN_MAX_LENGTH),
                    since=min(began, moment),
                    seating=_read_seating(entry),
                )
        return None

    return _read_each(content, read, MAX_WAITING)


def read_person(content: object, moment: datetime) -> PersonSessions | None:
    """Return what a host told about a person at that moment; None if it did not.

    At most `MAX_SUMMARIES` sessions are read.
    """

    def read(entry: Mapping[str, Any]) -> SessionSummary | None:
        match entry:
            case {
                "session_id": str(session_id),
                "origin": str(origin),
                "logged_in_at": logged_in_at,
                "last_seen_at": last_seen_at,
                "is_active": bool(is_active),
                "is_logged_out": bool(is_logged_out),
            } if fits(session_id, SESSION_ID_MAX_LENGTH):
                began = _read_time(logged_in_at, moment)
                if began is None:
                    return None
                return SessionSummary(
                    session_id=session_id,
                    origin=_shown(origin, _ORIGIN_MAX_LENGTH),
                    logged_in_at=began,
                    last_seen_at=_read_time(last_seen_at, moment),
                    state=_read_state(is_active, is_logged_out),
                    seating=_read_seating(entry),
                )
        return None

    match content:
        case {"real_name": str(real_name), "sessions": sessions}:
            summaries = _read_each(sessions, read, MAX_SUMMARIES)
            if summaries is not None:
                return PersonSessions(_shown(real_name, NAME_MAX_LENGTH), summaries)
    return None


def _seating_as_json(seating: Seating) -> dict[str, object]:
    # A host of before leaves alone what it does not know.
    return {"seat": seating.seat, "address_seat": seating.address_seat}


def _read_seating(entry: Mapping[str, Any]) -> Seating:
    """Return where a session began; nowhere if the host does not say, as those of before do not."""
    match entry:
        case {"seat": str(seat)} if fits(seat, SEAT_MAX_LENGTH):
            of_address = entry.get("address_seat")
            if isinstance(of_address, str):
                return Seating(seat, _shown(of_address, SEAT_MAX_LENGTH))
            return Seating(seat)
    return NOWHERE


def _read_state(is_active: bool, is_logged_out: bool) -> State:
    if is_logged_out:
        return State.LOGGED_OUT
    return State.ACTIVE if is_active else State.EXPIRED


def _read_each(
    content: object, read: Callable[[Mapping[str, Any]], _Entry | None], at_most: int
) -> list[_Entry] | None:
    if not isinstance(content, list):
        return None
    entries = (read(entry) for entry in content[:at_most] if isinstance(entry, dict))
    return [entry for entry in entries if entry is not None]


def _read_time(value: object, moment: datetime) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None or not _EARLIEST <= time <= moment + _AHEAD_MAX:
            return None
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _shown(text: str, max_length: int) -> str:
    return storable(text[:max_length])
