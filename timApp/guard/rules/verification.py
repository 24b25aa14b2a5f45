"""Whether a change of a person's sessions can be made as it was asked for.

Asked after the lock, so that what is answered is true when the change is made.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from timApp.guard.rules.lifetime import can_become_active
from timApp.guard.vocabulary import Action, State
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


def require_all_changeable(
    action: Action, wanted: Iterable[tuple[int, str]], found: Iterable[FoundSession]
) -> None:
    """Check that all the sessions that were picked can be changed; the field is ``session``.

    `BadInput` for none at all, and for a verification of two of one person; `NotFound` for one that
    there is not; `Conflict` for the verification of one that is logged out.
    """
    keys, sessions = set(wanted), list(found)
    if not keys:
        raise BadInput("Select at least one session.", field="session")
    missing = keys - {(one.user_id, one.session_id) for one in sessions}
    if missing:
        raise NotFound(
            "There is no session %(session)s any more. Nothing was changed.",
            field="session",
            session=quoted(min(missing)[1]),
        )
    if action is not Action.VERIFY:
        return
    for one in sessions:
        if not can_become_active(one.state):
            raise Conflict(
                "The session %(session)s of %(name)s is logged out; they have to log in again."
                " Nothing was changed.",
                field="session",
                session=quoted(one.session_id),
                name=quoted(one.user_name),
            )
    for name, count in Counter(one.user_name for one in sessions).items():
        if count > 1:
            raise BadInput(
                "Only one session of a person can be verified, and %(name)s has more than one"
                " among those selected. Nothing was changed.",
                field="session",
                name=quoted(name),
            )
