"""The administrators' page of one person: who they are, what they may do, and what is changed."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from timApp.accounts.account import (
    Account,
    Stale,
    require_account,
    require_account_by_id,
    require_kept,
)
from timApp.accounts.change import change_person
from timApp.accounts.delete import has_pseudonym
from timApp.accounts.rights import rights_of
from timApp.auth.access import verify_admin
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.pages.people.form import PERSON_FIELDS, PersonForm, read_person, texts_of
from timApp.request.inputs import takes
from timApp.user.factor.passkey import passkeys_of
from timApp.user.user import id_of
from timApp.util.errors import TimError

account = Blueprint("account", __name__, url_prefix="/administer/people/account")


@account.get("")
@takes(query=("user",))
def show() -> ResponseReturnValue:
    """Show the person ``user``, deleted or not."""
    verify_admin()
    found = require_account(db, request.args.get("user", ""))
    return account_page_of(PersonForm(texts_of(found), found))


@account.post("")
@takes(form=(*PERSON_FIELDS, "person", "mark"))
@asks_again()
def change() -> ResponseReturnValue:
    """Change the person of the id ``person``; fields that are not sent stay as they are.

    Show the form again if a field is at fault, or if the account is not what has the ``mark`` that
    the form has shown.
    """
    verify_admin()
    found = require_kept(asked_account())
    form = read_person(request.form, found)
    wanted, mark = form.wanted, request.form.get("mark", "")
    try:
        is_changed = change_person(db, found.id, wanted, current_actor(), mark)
    except TimError as error:
        db.session.rollback()
        form.account = require_account_by_id(db, found.id)
        if isinstance(error, Stale):
            form.is_stale = True
        else:
            form.blame(error)
        return account_page_of(form)
    db.session.commit()
    if is_changed:
        flash(gettext("The account is changed."), "success")
    else:
        flash(gettext("Nothing was changed."), "info")
    return back_to(wanted.name)


def asked_account() -> Account:
    """Return the account of the id that a form names; else `NotFound`."""
    return require_account_by_id(db, id_of(request.form.get("person")) or 0)


def back_to(name: str) -> ResponseReturnValue:
    """Go to the page of the person of that name, which says what was done."""
    return redirect(url_for("account.show", user=name), 303)


def account_page_of(form: PersonForm) -> ResponseReturnValue:
    """Return the page of a person, with what is filled in."""
    shown = form.account
    assert shown is not None  # noqa: S101 - narrows the type for mypy
    html = render_template(
        "account.html",
        form=form,
        person=shown,
        rights=rights_of(db, shown.id),
        has_pseudonym=has_pseudonym(shown),
        passkeys=len(passkeys_of(db, shown.id)),
    )
    return html, form.status
