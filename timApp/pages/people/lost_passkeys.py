"""A person's passkeys, for administrators: those of a phone that is lost are taken away."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from timApp.auth.access import verify_admin
from timApp.auth.factor import keys
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.request.inputs import takes
from timApp.user.factor.passkey import passkeys_of
from timApp.user.user import require_user

lost_passkeys = Blueprint("lost_passkeys", __name__, url_prefix="/administer/person/passkeys")


@lost_passkeys.get("")
@takes(query=("user",))
def show() -> ResponseReturnValue:
    """Show the passkeys of the person ``user``, and ask whether to take them away."""
    verify_admin()
    user = require_user(db, request.args.get("user", ""))
    return render_template("lost_passkeys.html", person=user, passkeys=passkeys_of(db, user.id))


@lost_passkeys.post("/remove")
@takes(form=("user",))
@asks_again()
def remove() -> ResponseReturnValue:
    """Remove all passkeys of the person ``user``, and go to the person's page."""
    verify_admin()
    user = require_user(db, request.form.get("user", ""))
    name = user.name
    removed = keys.remove_all(user.id)
    db.session.commit()
    flash(
        ngettext("%(num)s passkey is removed.", "%(num)s passkeys are removed.", removed), "success"
    )
    return redirect(url_for("person.show", user=name), 303)
