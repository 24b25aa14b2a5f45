"""Finds the person that was typed or scanned into the console's one field.

A link, a short code, a whole name and a seat say who is meant; anything else may be a part of a
name, of a real name or of an email address, or of what the row of somebody who waits says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from timApp.auth.site import current_clocks, current_site, db
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.guard.reading.seated import Seated, people_at
from timApp.guard.seats.listing import is_listed, spellings
from timApp.guard.vocabulary import SEAT_MAX_LENGTH
from timApp.guard.waiting.code import DIGITS, LETTERS, is_like_code, is_near
from timApp.guard.waiting.codes import find_waiting
from timApp.hosts.questions.desk import Desk, WaitingPerson, look_at_desk
from timApp.hosts.questions.person import ask_about
from timApp.hosts.questions.polling import QUESTION_TIMEOUT_MAX
from timApp.pages.supervise.comparison import nobody_named
from timApp.pages.supervise.rows import matches
from timApp.pages.supervise.typed import TypedCode, TypedLink, TypedSession, understand
from timApp.user.people import find_person
from timApp.user.search import FoundPerson, search_people
from timApp.util.errors import BadInput, NotFound
from timApp.util.text import fits, quoted

#: So many people are shown to choose from.
CHOICES_MAX = 50


class NobodyWaits(NotFound):
    """Nobody waits with a code; it may be mistyped."""

    #: Who waits with a code that is nearly the same.
    near: Sequence[WaitingPerson] = ()


@dataclass(frozen=True)
class Match:
    """A person that was found and, if one was named, the session."""

    username: str
    session_id: str | None
    #: The content of the link that names it, which may be spent, or have to be confirmed.
    link: str | None = None


@dataclass(frozen=True)
class Candidates:
    """Several people of this server who have the text somewhere; those who are shown."""

    people: Sequence[FoundPerson] = ()
    #: Instead of those, the people at the seat of that name.
    seated: Sequence[Seated] = ()
    has_more: bool = False


def find_match(text: str) -> Match | Candidates | Sequence[WaitingPerson]:
    """Return the person that the text names, here or on another host.

    Of several with the same short code, at the same seat, or of whom a part is named, they are to
    choose from.
    `BadInput` (field ``q``) for no text, and for a link that is forged or too old; `NotFound` if
    there is nobody. May wait for the other hosts.
    """
    if not text.strip():
        raise BadInput("Type a name, a seat or a short code, or scan a link.", field="q")
    typed = understand(text)
    if isinstance(typed, TypedLink):
        linked = current_site().links.read(typed.token)
        return Match(linked.username, linked.session_id, typed.token)
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
    found += [one for one in desk.logins if one.host and one.entry.code == typed.code]
    if len(found) > 1:
        return found
    if found:
        return Match(found[0].entry.user_name, found[0].entry.session_id)
    person = find_person(db, typed.text)
    if person is not None:
        return Match(person.name, None)
    match = _find_by_seat(typed.text, desk) or _find_by_part(typed.text)
    match = match or _find_among(desk, typed.text)
    if match is not None:
        return match
    _require_no_seat(typed.text)
    if not desk.silent:
        error = NobodyWaits(
            "Nobody waits with the code %(code)s. It may be used or out of date.",
            field="q",
            code=typed.code,
        )
    else:
        error = NobodyWaits(
            "Nobody waits with the code %(code)s. It may be used or out of date."
            " These servers could not be asked: %(hosts)s.",
            field="q",
            code=typed.code,
            hosts=", ".join(view.host.label for view in desk.silent),
        )
    error.near = _near(desk, typed.code)
    raise error


def _near(desk: Desk, text: str) -> list[WaitingPerson]:
    return [one for one in desk.logins if is_near(one.entry.code, text)]


def _find_by_name(typed: TypedSession) -> Match | Candidates | Sequence[WaitingPerson]:
    person = find_person(db, typed.username)
    if person is not None:
        return Match(person.name, typed.session_id)
    desk = look_at_desk(current_site().network, db)
    if typed.session_id is None:
        at_seat = _find_by_seat(typed.username, desk)
        if at_seat is not None:
            return at_seat
    answers = ask_about(current_site().network, db, typed.username, typed.session_id)
    if any(answer.person for answer in answers):
        return Match(typed.username, typed.session_id)
    found = None
    if typed.session_id is None:
        found = _find_by_part(typed.username) or _find_among(desk, typed.username)
    if found is None:
        _require_no_seat(typed.username)
        if typed.session_id is None and is_like_code(typed.username):
            error = NobodyWaits(
                "%(typed)s is nobody's name, and no short code: that is two letters of"
                " %(letters)s, and two digits of %(digits)s.",
                field="q",
                typed=quoted(typed.username),
                letters=" ".join(LETTERS),
                digits=" ".join(DIGITS),
            )
            error.near = _near(desk, typed.username)
            raise error
        raise nobody_named(typed.username, answers)
    return found


def _find_by_seat(text: str, desk: Desk) -> Match | Candidates | Sequence[WaitingPerson] | None:
    """Return who is at the seat of that name: here or, if nobody is, who waits on other hosts."""
    if not fits(text, SEAT_MAX_LENGTH):
        return None
    seats = spellings(db, text)
    here = people_at(db, seats, current_clocks())
    if len(here) > 1:
        return Candidates(seated=here[:CHOICES_MAX], has_more=len(here) > CHOICES_MAX)
    if here:
        return Match(here[0].name, here[0].session_id)
    there = [one for one in desk.logins if one.host and one.entry.seating.seat in seats]
    if len(there) == 1:
        return Match(there[0].entry.user_name, there[0].entry.session_id)
    return there or None


def _find_among(desk: Desk, text: str) -> Match | Sequence[WaitingPerson] | None:
    """Return who waits, as the list below the field shows them while that is typed."""
    found = [one for one in desk.waiting if matches(one, text)]
    if len(found) == 1:
        return Match(found[0].entry.user_name, found[0].entry.session_id)
    return found or None


def _require_no_seat(text: str) -> None:
    """Raise `NotFound` for a seat at which nobody is."""
    if is_listed(db, text.strip()):
        raise NotFound(
            "Nobody is logged in at the seat %(seat)s.", field="q", seat=quoted(text.strip())
        )


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
    if not found:
        return None
    return Candidates(found[:CHOICES_MAX], has_more=len(found) > CHOICES_MAX)
