"""What administrators do to an account: close it, open it, end its sessions, delete it, and so on.

Each form names the person by an id, so that it is done to whom somebody saw, whatever others rename
meanwhile.
"""

from flask import Response, flash, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from timApp.accounts.account import (
    Account,
    Stale,
    require_account,
    require_account_by_id,
    require_kept,
)
from timApp.accounts.change import change_access, password_for_slip
from timApp.accounts.delete import delete_person, has_pseudonym
from timApp.accounts.held import held_of
from timApp.auth.access import verify_admin
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.factor.proof import asks_again
from timApp.auth.newpassword import set_password
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import current_actor
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.vocabulary import Action
from timApp.pages.people.account import account_page_of, asked_account, back_to
from timApp.pages.people.form import PersonForm, texts_of
from timApp.pages.people.slip import slip_page
from timApp.request.inputs import takes
from timApp.request.negotiation import wants_json
from timApp.user.people import require_person
from timApp.util.errors import BadInput, Conflict

#: What a box of a form says that is ticked.
_TICKED = "yes"

person_acts = ApiBlueprint("person_acts", __name__, url_prefix="/administer/people")


@person_acts.post("/disable")
@takes(form=("person",))
@asks_again()
def disable() -> ResponseReturnValue:
    """Close the account: all sessions end, and none begins."""
    verify_admin()
    found = asked_account()
    try:
        receipt = change_access(current_guard(), db, found.id, Action.DISABLE, current_actor())
    except Conflict as error:
        return _refused(found, error)
    db.session.commit()
    if not receipt.takes_effect:
        flash(gettext("The account is closed already; nothing was changed."), "info")
    else:
        flash(f"{gettext('The account is closed.')} {_ended(receipt.changed)}", "success")
    return back_to(found.name)


@person_acts.post("/enable")
@takes(form=("person",))
@asks_again()
def enable() -> ResponseReturnValue:
    """Open the account again."""
    verify_admin()
    found = asked_account()
    try:
        receipt = change_access(current_guard(), db, found.id, Action.ENABLE, current_actor())
    except Conflict as error:
        return _refused(found, error)
    db.session.commit()
    if not receipt.takes_effect:
        flash(gettext("The account is open already; nothing was changed."), "info")
    else:
        flash(gettext("The account is open again."), "success")
    return back_to(found.name)


@person_acts.post("/end-sessions")
@takes(form=("person",))
@asks_again()
def end_sessions() -> ResponseReturnValue:
    """End all sessions of the person for good."""
    verify_admin()
    found = asked_account()
    change = Change(Action.END, OnePerson(found.name, found.id), current_actor())
    ended = current_guard().apply(change, db).changed
    db.session.commit()
    flash(_ended(ended), "success" if ended else "info")
    return back_to(found.name)


@person_acts.post("/new-password")
@takes(form=("person",))
@asks_again()
def reset_password() -> ResponseReturnValue:
    """Make up a password for the person, and show it once, on a slip; their sessions end."""
    verify_admin()
    found = require_kept(asked_account())
    person = require_person(db, found.name)
    db.session.rollback()  # a hash takes a while
    password = password_for_slip(person.name, person.real_name, person.email)
    ended = set_password(person, password, current_actor())
    db.session.commit()
    done = f"{gettext('The person has a new password.')} {_ended(ended)}"
    return slip_page(found, password, done)


@person_acts.get("/delete")
@takes(query=("user",))
def confirm_delete() -> ResponseReturnValue:
    """Say what goes and what stays when the person ``user`` is deleted; nothing changes."""
    verify_admin()
    return _delete_page(require_account(db, request.args.get("user", "")))


@person_acts.post("/delete")
@takes(form=("person", "mark", "pseudonym"))
@asks_again()
def delete() -> ResponseReturnValue:
    """Delete the account; with ``pseudonym``, what is recorded of the person has one."""
    verify_admin()
    found = asked_account()
    try:
        done = delete_person(
            current_guard(),
            db,
            found.id,
            current_actor(),
            pseudonym=_read_tick("pseudonym"),
            shown=request.form.get("mark", ""),
        )
    except Stale:
        db.session.rollback()
        return _delete_page(require_account_by_id(db, found.id), is_stale=True), Conflict.status
    except Conflict as error:
        return _refused(found, error)
    db.session.commit()
    if done.is_new:
        flash(f"{gettext('The account is deleted.')} {_ended(done.sessions)}", "success")
    if done.has_new_name:
        named = gettext("What is recorded has the name %(name)s now.", name=done.name)
        flash(named, "success")
    if not (done.is_new or done.has_new_name):
        flash(gettext("Nothing was changed."), "info")
    return back_to(done.name)


@person_acts.get("/export")
@person_acts.tells(200, {"type": "object"}, "By kind: the account, rights, sessions and so on.")
@person_acts.tells(403)
@person_acts.tells(404)
@takes(query=("user",))
@asks_again(takes_proof=False)
def export() -> Response:
    """Return all that is held of the person ``user`` as a file of JSON."""
    verify_admin()
    found = require_account(db, request.args.get("user", ""))
    response = jsonify(held_of(db, found))
    response.headers["Content-Disposition"] = f"attachment; filename=person-{found.id}.json"
    return response


def _read_tick(name: str) -> bool:
    """Tell whether a box of the form is ticked."""
    said = request.form.get(name, "")
    if said not in {"", _TICKED}:
        raise BadInput("%(name)s is either ticked or not.", field=name, name=name)
    return bool(said)


def _refused(found: Account, error: Conflict) -> ResponseReturnValue:
    """Say on the person's page why it was not done."""
    db.session.rollback()
    if wants_json() or found.deleted_at is not None:
        raise error
    form = PersonForm(texts_of(found), found)
    form.blame(error)
    return account_page_of(form)


def _delete_page(found: Account, *, is_stale: bool = False) -> str:
    return render_template(
        "delete_person.html", person=found, is_stale=is_stale, has_pseudonym=has_pseudonym(found)
    )


def _ended(number: int) -> str:
    words: str = ngettext(
        "%(num)s open session was ended.", "%(num)s open sessions were ended.", number
    )
    return words
