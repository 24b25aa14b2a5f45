"""Finds the person that was typed or scanned into the console's one field."""

from collections.abc import Sequence
from dataclasses import dataclass

from timApp.auth.site import current_site, db
from timApp.guard.waiting.codes import find_waiting
from timApp.hosts.questions.desk import WaitingPerson, look_at_desk
from timApp.hosts.questions.person import ask_about
from timApp.hosts.questions.polling import QUESTION_TIMEOUT_MAX
from timApp.pages.supervise.comparison import nobody_named
from timApp.pages.supervise.typed import TypedCode, TypedLink, TypedSession, understand
from timApp.user.user import User
from timApp.util.errors import BadInput, NotFound


@dataclass(frozen=True)
class Match:
    """A person that was found and, if one was named, the session."""

    username: str
    session_id: str | None


def find_match(text: str) -> Match | Sequence[WaitingPerson]:
    """Return the person that the text names; several to choose from with the same short code.

    `BadInput` (field ``q``) for no text, and for a link that is forged or too old; `NotFound` if
    there is nobody. May wait for the other hosts.
    """
    if not text.strip():
        raise BadInput("Type a name or a short code, or scan a link.", field="q")
    typed = understand(text)
    if isinstance(typed, TypedLink):
        linked = current_site().links.read(typed.token)
        return Match(linked.username, linked.session_id)
    if isinstance(typed, TypedCode):
        return _find_by_code(typed)
    # A name may have the character that separates it from a session.
    if typed.session_id is not None and User.get_by_name(db, text.strip()) is not None:
        return Match(text.strip(), None)
    return _find_by_name(typed)


def _find_by_code(typed: TypedCode) -> Match | Sequence[WaitingPerson]:
    desk = look_at_desk(current_site().network, db, QUESTION_TIMEOUT_MAX)
    # However many wait here, of which the desk may not show all.
    local = find_waiting(db, typed.code)
    found = [WaitingPerson(local, None)] if local is not None else []
    found += [one for one in desk.waiting if one.host and one.entry.code == typed.code]
    if len(found) > 1:
        return found
    if found:
        return Match(found[0].entry.user_name, found[0].entry.session_id)
    if User.get_by_name(db, typed.text) is not None:
        return Match(typed.text, None)
    if not desk.silent:
        raise NotFound(
            "Nobody waits with the code %(code)s. It may be used or out of date.",
            field="q",
            code=typed.code,
        )
    raise NotFound(
        "Nobody waits with the code %(code)s. It may be used or out of date."
        " These servers could not be asked: %(hosts)s.",
        field="q",
        code=typed.code,
        hosts=", ".join(view.host.label for view in desk.silent),
    )


def _find_by_name(typed: TypedSession) -> Match:
    if User.get_by_name(db, typed.username) is None:
        answers = ask_about(current_site().network, db, typed.username, typed.session_id)
        if not any(answer.person for answer in answers):
            raise nobody_named(typed.username, answers)
    return Match(typed.username, typed.session_id)
