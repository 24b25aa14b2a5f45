"""Finds whom a supervisor means who typed or scanned something into the console's one field."""

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
class Meant:
    """A person and, if one was named, the session."""

    username: str
    session_id: str | None


def find_meant(text: str) -> Meant | Sequence[WaitingPerson]:
    """Return whom the text means; several to choose from if they have the same short code.

    `TimError` if it means nobody. May wait for the other hosts.
    """
    if not text.strip():
        raise BadInput("Type a name or a short code, or scan a link.", field="q")
    meant = understand(text)
    if isinstance(meant, TypedLink):
        linked = current_site().links.read(meant.token)
        return Meant(linked.username, linked.session_id)
    if isinstance(meant, TypedCode):
        return _find_by_code(meant)
    # A name may have the character that separates it from a session.
    if meant.session_id is not None and User.get_by_name(db, text.strip()) is not None:
        return Meant(text.strip(), None)
    return _find_by_name(meant)


def _find_by_code(typed: TypedCode) -> Meant | Sequence[WaitingPerson]:
    desk = look_at_desk(current_site().network, db, QUESTION_TIMEOUT_MAX)
    # However many wait here, of which the desk may not show all.
    local = find_waiting(db, typed.code)
    found = [WaitingPerson(local, None)] if local is not None else []
    found += [one for one in desk.waiting if one.host and one.entry.code == typed.code]
    if len(found) > 1:
        return found
    if found:
        return Meant(found[0].entry.user_name, found[0].entry.session_id)
    if User.get_by_name(db, typed.text) is not None:
        return Meant(typed.text, None)
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


def _find_by_name(typed: TypedSession) -> Meant:
    if User.get_by_name(db, typed.username) is None:
        answers = ask_about(current_site().network, db, typed.username, typed.session_id)
        if not any(answer.person for answer in answers):
            raise nobody_named(typed.username, answers)
    return Meant(typed.username, typed.session_id)
