"""Finds the person that was typed or scanned into the console's one field.

A link, a short code and a whole name say who is meant; anything else may be a part of a name, of a
real name or of an email address.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from timApp.auth.site import current_site, db
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.guard.waiting.codes import find_waiting
from timApp.hosts.questions.desk import WaitingPerson, look_at_desk
from timApp.hosts.questions.person import ask_about
from timApp.hosts.questions.polling import QUESTION_TIMEOUT_MAX
from timApp.pages.supervise.comparison import nobody_named
from timApp.pages.supervise.typed import TypedCode, TypedLink, TypedSession, understand
from timApp.user.people import find_person
from timApp.user.search import FoundPerson, search_people
from timApp.util.errors import BadInput, NotFound

#: So many people are shown to choose from.
CHOICES_MAX = 50


@dataclass(frozen=True)
class Match:
    """A person that was found and, if one was named, the session."""

    username: str
    session_id: str | None


@dataclass(frozen=True)
class Candidates:
    """Several people of this server who have the text somewhere; those who are shown."""

    people: Sequence[FoundPerson]
    has_more: bool


def find_match(text: str) -> Match | Candidates | Sequence[WaitingPerson]:
    """Return the person that the text names, here or on another host.

    Of several with the same short code, or of whom a part is named, they are to choose from.
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
    whole = find_person(db, text) if typed.session_id is not None else None
    return Match(whole.name, None) if whole else _find_by_name(typed)


def _find_by_code(typed: TypedCode) -> Match | Candidates | Sequence[WaitingPerson]:
    desk = look_at_desk(current_site().network, db, QUESTION_TIMEOUT_MAX)
    # However many wait here, of which the desk may not show all.
    local = find_waiting(db, typed.code)
    found = [WaitingPerson(local, None)] if local is not None else []
    found += [one for one in desk.waiting if one.host and one.entry.code == typed.code]
    if len(found) > 1:
        return found
    if found:
        return Match(found[0].entry.user_name, found[0].entry.session_id)
    person = find_person(db, typed.text)
    match = Match(person.name, None) if person else _find_by_part(typed.text)
    if match is not None:
        return match
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


def _find_by_name(typed: TypedSession) -> Match | Candidates:
    person = find_person(db, typed.username)
    if person is not None:
        return Match(person.name, typed.session_id)
    answers = ask_about(current_site().network, db, typed.username, typed.session_id)
    if any(answer.person for answer in answers):
        return Match(typed.username, typed.session_id)
    found = _find_by_part(typed.username) if typed.session_id is None else None
    if found is None:
        raise nobody_named(typed.username, answers)
    return found


def _find_by_part(text: str) -> Match | Candidates | None:
    try:
        with time_limit(db):
            found = search_people(db, text, CHOICES_MAX + 1)
    except TookTooLong:
        raise BadInput(
            "This search took too long and was stopped. Type the whole user name.", field="q"
        ) from None
    if len(found) == 1:
        return Match(found[0].name, None)
    return Candidates(found[:CHOICES_MAX], len(found) > CHOICES_MAX) if found else None
