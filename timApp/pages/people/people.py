"""The administrators' pages of people: who has an account, and how one is made."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from timApp.accounts.account import AccountPage, AccountState, account_page
from timApp.accounts.change import add_person, password_for_slip
from timApp.auth.access import verify_admin
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.pages.choice import read_choice
from timApp.pages.people.form import PERSON_FIELDS, PersonForm, read_person
from timApp.pages.people.slip import slip_page
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.util.errors import BadInput, TimError
from timApp.util.text import is_storable

people = Blueprint("people", __name__, url_prefix="/administer/people")


@people.get("")
@takes(query=("q", "state", "after"))
def show() -> ResponseReturnValue:
    """List the accounts with the text ``q`` in a name or email, and of the ``state``.

    ``after`` is the name after which the page begins.
    """
    verify_admin()
    typed, after = request.args.get("q", "").strip(), request.args.get("after", "")
    state = read_choice(AccountState, request.args, "state", AccountState.ALL)
    if not is_storable(after):
        raise BadInput("The list cannot be shown from there on.", field="after")
    page, error = AccountPage([], None), None
    try:
        with time_limit(db):
            page = account_page(db, typed, state, after)
    except TookTooLong:
        error = BadInput("This search took too long and was stopped. Type more.", field="q")
    html = render_template(
        "people.html",
        typed=typed,
        state=state,
        states=list(AccountState),
        after=after,
        page=page,
        chosen={"q": typed or None, "state": request.args.get("state")},
        error=error and error_words(error),
    )
    return html, 200 if error is None else error.status


@people.get("/new")
def show_new() -> ResponseReturnValue:
    """Show the form for a person."""
    verify_admin()
    return _new_page(PersonForm())


@people.post("/new")
@takes(form=PERSON_FIELDS)
@asks_again()
def add() -> ResponseReturnValue:
    """Add a person, and show the slip with which they log in; show the form again if it is wrong.

    Groups that are not there are made.
    """
    verify_admin()
    form = read_person(request.form)
    wanted = form.wanted
    password = password_for_slip(wanted.name, wanted.real_name, wanted.email)
    try:
        account = add_person(db, wanted, password, current_actor())
    except TimError as error:
        db.session.rollback()
        form.blame(error)
        return _new_page(form)
    db.session.commit()
    return slip_page(account, password, gettext("The person is added"))


def _new_page(form: PersonForm) -> ResponseReturnValue:
    return render_template("new_person.html", form=form), form.status
