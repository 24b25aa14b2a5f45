"""Whether a change of a person's sessions can be made as it was asked for.

Asked after the lock, so that what is answered is true when the change is made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from timApp.guard.rules.lifetime import can_become_active
from timApp.guard.vocabulary import Action, SessionKey, State
from timApp.util.errors import BadInput, Conflict, NotFound
from timApp.util.text import quoted


class Overtaken(Conflict):
    """Somebody else has decided since whoever asks has looked."""


@dataclass(frozen=True)
class FoundSession:
    """A session as it was found under the lock, and the name of the person whose it is."""

    user_id: int
    session_id: str
    user_name: str
    state: State


class WhyNot(Enum):
    """Why a session that was picked is not changed with the others."""

    #: There is no such session any more.
    GONE = "gone"
    LOGGED_OUT = "logged out"
    #: A later one of the person was picked, too, and is verified.
    LATER_ONE = "later one"


@dataclass(frozen=True)
class LeftOut:
    """A session that was picked and is not changed; no user name if there is none any more."""

    session_id: str
    user_name: str | None
    why: WhyNot


def require_changeable(
    action: Action, user_name: str, session_id: str | None, found: FoundSession | None
) -> None:
    """Check that one person's session can be changed; `session_id` None means none was named.

    `NotFound` (field ``session_id``) for a named session that there is not, and for a verification
    when there is no session to verify; `Conflict` for one of a session that is logged out.
    """
    if found is None:
        if session_id is not None:
            raise NotFound(
                "%(name)s has no session %(session)s.",
                field="session_id",
                name=quoted(user_name),
                session=quoted(session_id),
            )
        if action is Action.VERIFY:
            raise NotFound(
                "%(name)s has no session to verify: they have to log in first.",
                field="session_id",
                name=quoted(user_name),
            )
    elif action is Action.VERIFY and not can_become_active(found.state):
        raise Conflict(
            "The session %(session)s is logged out; %(name)s has to log in again.",
            field="session_id",
            session=quoted(found.session_id),
            name=quoted(user_name),
        )


def sort_out(
    action: Action, wanted: Iterable[SessionKey], found: Iterable[FoundSession]
) -> tuple[set[SessionKey], list[LeftOut]]:
    """Return which of the sessions that were picked can be changed, and why the others cannot.

    `found` are those that there are, of each person the latest first. A verification leaves out
    those that are logged out, and of a person it takes the latest only: the others would expire by
    it. A session that was picked twice is one. Those that are left out come in the order of people
    and ids.
    """
    sessions = {(one.user_id, one.session_id): one for one in found}
    changeable: set[SessionKey] = set()
    left_out: dict[SessionKey, LeftOut] = {}
    verified: set[int] = set()
    for key, one in sessions.items():
        if action is not Action.VERIFY:
            changeable.add(key)
        elif not can_become_active(one.state):
            left_out[key] = LeftOut(one.session_id, one.user_name, WhyNot.LOGGED_OUT)
        elif one.user_id in verified:
            left_out[key] = LeftOut(one.session_id, one.user_name, WhyNot.LATER_ONE)
        else:
            verified.add(one.user_id)
            changeable.add(key)
    for key in set(wanted) - sessions.keys():
        left_out[key] = LeftOut(key[1], None, WhyNot.GONE)
    return changeable, [left_out[key] for key in sorted(left_out)]


def require_some(number: int, left_out: Sequence[LeftOut]) -> None:
    """Check that there are sessions to change; the field is ``session``.

    `BadInput` if none was picked at all; `NotFound` if the first one is not there, and `Conflict`
    if it is logged out.
    """
    if number:
        return
    if not left_out:
        raise BadInput("Select at least one session.", field="session")
    first = left_out[0]
    if first.why is WhyNot.GONE or first.user_name is None:
        raise NotFound(
            "There is no session %(session)s any more. Nothing was changed.",
            field="session",
            session=quoted(first.session_id),
        )
    raise Conflict(
        "The session %(session)s of %(name)s is logged out; they have to log in again."
        " Nothing was changed.",
        field="session",
        session=quoted(first.session_id),
        name=quoted(first.user_name),
    )
