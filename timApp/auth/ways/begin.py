"""The end of each login by somebody else's word: who it is here, their passkey, their session."""

from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.factor.pending import begin_pending
from timApp.auth.factor.steps import begin_login
from timApp.auth.login import next_address
from timApp.auth.site import db
from timApp.auth.vouched import Vouched
from timApp.guard import Begun
from timApp.user.federated import Word, note_login, person_of


def begin_vouched(vouched: Vouched, next_page: str | None) -> ResponseReturnValue:
    """Log in whom somebody vouches for, as they are remembered here; return where that leads.

    To their passkey first, if they have one. Commits what is remembered, and then the session.
    `NotLinked` and what else `timApp.user.federated.person_of` raises; `AccountClosed`.
    """
    person = person_of(
        db,
        vouched.word,
        vouched.identity,
        links_by_name=vouched.way.value in current_app.config["LINK_BY_NAME"],
    )
    db.session.commit()
    if person.has_passkey:
        begin_pending(person, vouched.word)
        return redirect(url_for("passkey_login.show", next=next_page), 303)
    note_word(begin_login(person), vouched.word)
    return redirect(next_address(next_page), 303)


def note_word(begun: Begun, word: Word | None) -> None:
    """Note by whose word a session has begun, if it did by anybody's, and commit it."""
    if word is not None:
        note_login(db, begun.person.id, begun.session_id, word)
        db.session.commit()
