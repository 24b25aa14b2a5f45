"""The receivers of events: which there are, a new one, a test of one, and the end of one."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from timApp.accounts.receivers import (
    add_receiver,
    end_receiver,
    listed_receivers,
    owe_receiver_test,
    tell_test,
)
from timApp.auth.access import verify_admin
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.receivers.event import EventType
from timApp.receivers.receiver import (
    RECEIVER_NAME_MAX_LENGTH,
    URL_MAX_LENGTH,
    NewReceiver,
    ReceiverKind,
    Wanted,
)
from timApp.receivers.site import current_teller
from timApp.request.inputs import takes
from timApp.request.negotiation import wants_json
from timApp.ui.words import error_words
from timApp.util.errors import BadInput, Conflict, TimError

receivers = Blueprint("receivers", __name__, url_prefix="/administer/receivers")

_KINDS = {
    ReceiverKind.WEBHOOK: lazy_gettext("Webhook"),
    ReceiverKind.SSF_PUSH: lazy_gettext("Shared Signals, pushed"),
    ReceiverKind.SSF_POLL: lazy_gettext("Shared Signals, fetched"),
}


@receivers.get("")
def show() -> ResponseReturnValue:
    """Show the receivers, and the form for a new one."""
    verify_admin()
    return _page()


@receivers.post("")
@takes(form=("name", "kind", "url", "authorization"), repeated=("event",))
@asks_again()
def add() -> ResponseReturnValue:
    """Add a receiver, and show its secret: this once."""
    verify_admin()
    try:
        made = add_receiver(db, current_teller(), _wanted(), current_actor())
    except (BadInput, Conflict) as error:
        if wants_json():
            raise
        db.session.rollback()
        return _page(error), error.status
    db.session.commit()
    return _page(made=made)


@receivers.post("/end")
@takes(form=("name",))
@asks_again()
def end() -> ResponseReturnValue:
    """End a receiver: it is told nothing any more, nor what it is owed."""
    verify_admin()
    name = request.form.get("name", "")
    end_receiver(db, name, current_actor())
    db.session.commit()
    flash(gettext("The receiver %(name)s is ended.", name=name), "success")
    return redirect(url_for("receivers.show"), 303)


@receivers.post("/test")
@takes(form=("name",))
@asks_again()
def test() -> ResponseReturnValue:
    """Send a receiver a test, and say what it answers."""
    verify_admin()
    receiver, message_id = owe_receiver_test(db, request.form.get("name", ""))
    name = receiver.name
    db.session.commit()
    heard = tell_test(current_teller(), receiver, message_id)
    if heard is None:
        flash(gettext("A test is kept for %(name)s.", name=name), "success")
    elif heard.error is None:
        flash(gettext("%(name)s has taken the test.", name=name), "success")
    else:
        words = gettext("%(name)s has not taken the test.", name=name)
        flash(f"{words} {heard.error}", "error")
    return redirect(url_for("receivers.show"), 303)


def _wanted() -> Wanted:
    form = request.form
    try:
        kind = ReceiverKind(form.get("kind", ""))
    except ValueError:
        raise BadInput("There is no such kind of receiver.", field="kind") from None
    try:
        events = [EventType(one) for one in form.getlist("event")]
    except ValueError:
        raise BadInput("There is no such event.", field="event") from None
    return Wanted(
        form.get("name", "").strip(),
        kind,
        form.get("url", "").strip() or None,
        events,
        authorization=form.get("authorization", "").strip() or None,
    )


def _page(error: TimError | None = None, made: NewReceiver | None = None) -> str:
    is_new = made is not None or error is None
    return render_template(
        "receivers.html",
        receivers=listed_receivers(db),
        made=made,
        kinds=_KINDS,
        events=[one.value for one in EventType],
        typed={} if is_new else request.form.to_dict(),
        typed_events=[one.value for one in EventType] if is_new else request.form.getlist("event"),
        issuer=current_teller().issuer,
        name_max=RECEIVER_NAME_MAX_LENGTH,
        url_max=URL_MAX_LENGTH,
        alert=error and error_words(error),
    )
