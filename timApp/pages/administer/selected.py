"""Sessions as the values of check boxes: the user's id, a colon and the session id."""

from collections.abc import Sequence

from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH, SessionKey
from timApp.user.user import ID_MAX
from timApp.util.errors import BadInput
from timApp.util.text import fits, quoted

#: So many sessions may be selected at once; a page of the list has fewer.
MAX_SELECTED = 1000


def key_text(user_id: int, session_id: str) -> str:
    """Return the value that names a session."""
    return f"{user_id}:{session_id}"


def read_keys(values: Sequence[str]) -> set[SessionKey]:
    """Return the sessions; `BadInput` (field ``session``) for a value that names none.

    And for more than `MAX_SELECTED`. A session that is named twice counts once.
    """
    if len(values) > MAX_SELECTED:
        raise BadInput(
            "Select at most %(num)s sessions at once.", field="session", num=MAX_SELECTED
        )
    return {_read_key(value) for value in values}


def _read_key(value: str) -> SessionKey:
    user_id, _, session_id = value.partition(":")
    is_number = user_id.isascii() and user_id.isdecimal() and len(user_id) <= len(str(ID_MAX))
    is_fit = fits(session_id, SESSION_ID_MAX_LENGTH)
    if not is_number or int(user_id) > ID_MAX or not is_fit:
        raise BadInput("%(value)s names no session.", field="session", value=quoted(value))
    return int(user_id), session_id
