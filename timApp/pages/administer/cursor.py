"""Positions in a list of sessions as text for an address: opaque, but no secret."""

import base64
import json
from datetime import UTC, datetime

from timApp.guard.reading.sorting import NamePosition, Position, TimePosition
from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH
from timApp.user.user import ID_MAX
from timApp.util.errors import BadInput
from timApp.util.text import NAME_MAX_LENGTH, is_storable

#: Longest text that is looked into: room for the longest name and session id, however escaped.
_TEXT_MAX_LENGTH = 10_000


def cursor_of(position: Position) -> str:
    """Return the text of a position."""
    time = position.logged_in_at
    moment = time and time.astimezone(UTC).isoformat()
    user = position.user_id if isinstance(position, TimePosition) else position.user_name
    content = json.dumps([user, moment, position.session_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Position:
    """Return the position; `BadInput` (field ``after``) for all that `cursor_of` never returns."""
    try:
        position = _position(text)
        if cursor_of(position) == text:
            return position
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass  # it is no text of ours, whatever it is
    raise BadInput(
        "This address names no place in the list. Begin at its first page.", field="after"
    )


def _position(text: str) -> Position:
    if len(text) > _TEXT_MAX_LENGTH:
        raise ValueError
    padding = "=" * (-len(text) % 4)
    user, moment, session_id = json.loads(base64.b64decode(text + padding, altchars=b"-_"))
    time = None if moment is None else datetime.fromisoformat(moment)
    if session_id is not None:
        _check_text(session_id, SESSION_ID_MAX_LENGTH)
    if isinstance(user, str) and (time is None) == (session_id is None):
        _check_text(user, NAME_MAX_LENGTH)
        return NamePosition(user, time, session_id)
    is_id = type(user) is int and 0 <= user <= ID_MAX  # a bool is none
    if is_id and time is not None and session_id is not None:
        return TimePosition(time, user, session_id)
    raise ValueError


def _check_text(text: str, max_length: int) -> None:
    if not isinstance(text, str) or len(text) > max_length or not is_storable(text):
        raise ValueError
