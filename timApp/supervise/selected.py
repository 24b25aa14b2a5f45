"""Sessions as the values of check boxes: the user's id, a colon and the session id."""

from collections.abc import Sequence

from flask_babel import gettext

from timApp.auth.session.beginning import SESSION_ID_MAX_LENGTH
from timApp.auth.session.selection import SessionKey
from timApp.util.errors import BadInput
from timApp.util.text import fits, quoted

#: So many sessions may be selected at once; a page of the list has fewer.
MAX_SELECTED = 1000
_ID_MAX = 2**31 - 1


def key_text(user_id: int, session_id: str) -> str:
    """Return the value that names a session."""
    return f"{user_id}:{session_id}"


def read_keys(values: Sequence[str]) -> set[SessionKey]:
    """Return the sessions; `BadInput` (field ``session``) for a value that names none.

    And for more than `MAX_SELECTED`. A session that is named twice counts once.
    """
    if len(values) > MAX_SELECTED:
        msg = gettext("Select at most %(num)s sessions at once.", num=MAX_SELECTED)
        raise BadInput(msg, field="session")
    return {_read_key(value) for value in values}


def _read_key(value: str) -> SessionKey:
    user_id, _, session_id = value.partition(":")
    is_number = user_id.isascii() and user_id.isdecimal() and len(user_id) <= len(str(_ID_MAX))
    is_fit = fits(session_id, SESSION_ID_MAX_LENGTH)
    if not is_number or int(user_id) > _ID_MAX or not is_fit:
        msg = gettext("%(value)s names no session.", value=quoted(value))
        raise BadInput(msg, field="session")
    return int(user_id), session_id
