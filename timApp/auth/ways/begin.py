"""The end of each login by somebody else's word: who it is here, their passkey, their session."""

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.factor.pending import begin_pending
from timApp.auth.factor.steps import begin_login
from timApp.auth.login import next_address
from timApp.auth.site import db
from timApp.auth.vouched import Vouched
from timApp.guard.changes.record import record_of_people
from timApp.guard.logins.outcome import account_closed
from timApp.guard.vocabulary import Action, Actor, ActorKind
from timApp.user.federated import Meant, Word, person_of
from timApp.user.groups import regrouped_words
from timApp.util.clock import now


def begin_vouched(vouched: Vouched, next_page: str | None) -> ResponseReturnValue:
    """Log in whom somebody vouches for, as they are remembered here; return where that leads.

    To their passkey first, if they have one. Commits what is remembered, with its entry in the
    record, and then the session. `NotLinked` and what else `timApp.user.federated.person_of`
    raises; `AccountClosed`, and then nothing is remembered.
    """
    meant = person_of(
        db,
        vouched.word,
        vouched.identity,
        links_by_name=vouched.way.value in current_app.config["LINK_BY_NAME"],
    )
    person = meant.person
    if person.is_disabled or person.is_deleted:
        db.session.rollback()
        raise account_closed()
    _record(meant, vouched.word)
    db.session.commit()
    if person.has_passkey:
        begin_pending(person, vouched.word)
        return redirect(url_for("passkey_login.show", next=next_page), 303)
    begin_login(person, word=vouched.word)
    return redirect(next_address(next_page), 303)


def _record(meant: Meant, word: Word) -> None:
    """Record what the issuer has made of somebody, as what administrators do is."""
    person, before = meant.person, meant.before
    if before is None:
        action, what = Action.ADD_PERSON, ""
    else:
        action = Action.CHANGE_PERSON
        changed = [
            name
            for name in ("real_name", "email")
            if getattr(before, name) != getattr(person, name)
        ]
        added, removed = person.groups - before.groups, before.groups - person.groups
        if added or removed:
            changed.append(regrouped_words(added, removed))
        if not changed:
            return
        what = ", ".join(changed)
    actor = Actor(ActorKind.HOST, word.issuer, request.remote_addr)
    record_of_people(db, actor, action, [person.id], what, now())
