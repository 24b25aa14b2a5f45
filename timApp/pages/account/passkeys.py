"""One's own passkeys: which there are, a new one, another name, and none of one any more."""

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from timApp.auth.access import open_without_passkey, verify_logged_in
from timApp.auth.factor import keys
from timApp.auth.factor.ceremony import PasskeyRefused, creation_options, verify_new
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import cookie_session_id
from timApp.request.inputs import takes
from timApp.request.local import local_address
from timApp.request.negotiation import wants_json
from timApp.ui.words import error_words
from timApp.user.factor.passkey import (
    PASSKEY_NAME_MAX_LENGTH,
    check_passkey_name,
    passkeys_of,
    rename_passkey,
)
from timApp.user.people import require_person
from timApp.util.errors import BadInput, Conflict, NotFound, TimError

passkeys = Blueprint("passkeys", __name__, url_prefix="/account/passkeys")


@passkeys.get("")
@takes(query=("next", "name"))
@open_without_passkey
def show() -> ResponseReturnValue:
    """Show the visitor's passkeys, and the form for a new one, which leads on to ``next``.

    ``name`` is what was filled in before a proof was asked for.
    """
    return _page(next_page=request.args.get("next"))


@passkeys.post("/options")
@open_without_passkey
@asks_again(everybody=True, takes_proof=False)
def options() -> ResponseReturnValue:
    """Return what the browser needs to have a passkey made, with a challenge."""
    asked = creation_options(verify_logged_in(), cookie_session_id() or "")
    db.session.commit()
    return jsonify(asked)


@passkeys.post("")
@takes(form=("credential", "name", "next"))
@open_without_passkey
@asks_again(everybody=True)
def add() -> ResponseReturnValue:
    """Add a passkey: ``credential`` is what the browser says of one that was made."""
    visitor = verify_logged_in()
    name, next_page = request.form.get("name", "").strip(), request.form.get("next")
    try:
        check_passkey_name(name)
        made = verify_new(visitor, cookie_session_id() or "", request.form.get("credential", ""))
        keys.add(visitor.id, made, name)
    except (BadInput, Conflict, PasskeyRefused) as error:
        return _refused(error, next_page)
    db.session.commit()
    flash(gettext("The passkey %(name)s is added.", name=name), "success")
    return redirect(local_address(next_page) or url_for("passkeys.show"), 303)


@passkeys.post("/rename")
@takes(form=("passkey", "name"))
@asks_again(everybody=True)
def rename() -> ResponseReturnValue:
    """Call the passkey ``passkey`` by another name."""
    visitor = verify_logged_in()
    name = request.form.get("name", "").strip()
    try:
        rename_passkey(db, visitor.id, request.form.get("passkey", ""), name)
    except (BadInput, NotFound) as error:
        return _refused(error)
    db.session.commit()
    flash(gettext("The passkey is called %(name)s now.", name=name), "success")
    return redirect(url_for("passkeys.show"), 303)


@passkeys.post("/remove")
@takes(form=("passkey",))
@asks_again(everybody=True)
def remove() -> ResponseReturnValue:
    """Remove the passkey ``passkey``: it is good no more, and never again."""
    visitor = verify_logged_in()
    try:
        name = keys.remove_one(visitor.id, request.form.get("passkey", ""))
    except NotFound as error:
        return _refused(error)
    db.session.commit()
    flash(gettext("The passkey %(name)s is removed.", name=name), "success")
    return redirect(url_for("passkeys.show"), 303)


def _refused(error: TimError, next_page: str | None = None) -> ResponseReturnValue:
    if wants_json():
        raise error
    db.session.rollback()
    return _page(error, next_page), error.status


def _page(error: TimError | None = None, next_page: str | None = None) -> str:
    visitor = verify_logged_in()
    groups = require_person(db, visitor.name).groups
    next_page = local_address(next_page)
    return render_template(
        "passkeys.html",
        passkeys=passkeys_of(db, visitor.id),
        has_to_have_one=not current_guard().options.second_factor_groups.isdisjoint(groups),
        kept=[] if next_page is None else [("next", next_page)],
        name=request.form.get("name") or request.args.get("name", ""),
        max_length=PASSKEY_NAME_MAX_LENGTH,
        alert=error and error_words(error),
    )
