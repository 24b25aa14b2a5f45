"""Handing in: the exam that runs for somebody ends for them, and they get a receipt."""

from flask import (
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import logout_user
from marshmallow import Schema, fields

from timApp.auth.access import open_to_expired_sessions, verify_logged_in
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.schemas import StatusAnswer
from timApp.auth.session.util import current_session_id
from timApp.auth.site import current_clocks, current_guard, current_site, db
from timApp.auth.visitor import Visitor, cookie_claims, current_actor, current_visitor
from timApp.guard.exams.handin import HandedIn, exams_sat_by, handed_in_with
from timApp.guard.exams.handin import hand_in as hand_exam_in
from timApp.guard.exams.receipt import HandInReceipt
from timApp.pages.account.exam_browser import quit_address
from timApp.request.caches import forget_pages
from timApp.request.inputs import read_body, takes
from timApp.request.negotiation import wants_json
from timApp.user.user import User
from timApp.util.errors import BadInput

hand_in = ApiBlueprint("hand_in", __name__, description="Handing an exam in.")


class SatExamAnswer(Schema):
    """An exam that runs for somebody."""

    exam = fields.String(required=True)
    handedInAt = fields.String(required=True, allow_none=True)  # noqa: N815


class HandedInAnswer(StatusAnswer):
    """An exam that is handed in."""

    exam = fields.String(required=True)
    handedInAt = fields.String(required=True)  # noqa: N815
    receipt = fields.String(required=True)


@hand_in.get("/hand-in")
@hand_in.tells(200, SatExamAnswer(many=True), "The exams that run for whoever asks.")
@hand_in.tells(403)
def ask() -> ResponseReturnValue:
    """Show the exams that run for the visitor, and ask whether to hand in; nothing changes."""
    visitor = verify_logged_in()
    sat = exams_sat_by(db, visitor.id)
    if wants_json():
        return jsonify(
            [
                {
                    "exam": one.exam.title,
                    "handedInAt": one.handed_in_at and one.handed_in_at.isoformat(),
                }
                for one in sat
            ]
        )
    return render_template("hand_in.html", sat=sat)


@hand_in.post("/hand-in")
@hand_in.tells(200, HandedInAnswer, "Handed in, and logged out everywhere.")
@hand_in.tells(403)
@hand_in.tells(404)
@hand_in.tells(409)
@takes(form=("exam",), json=True)
def do() -> ResponseReturnValue:
    """Hand the visitor's exam in, and log them out everywhere; show or return a receipt.

    The exam is that of the title `exam`, or if none is given the one that counts for them. Who has
    handed it in before stays logged in.
    """
    visitor, claims = current_visitor(), cookie_claims()
    if visitor is None and claims is not None:
        before = handed_in_with(db, claims)
        if before is not None:
            person = db.session.get_one(User, claims.user_id)
            return _answer(person, before)
    visitor = verify_logged_in()
    title = read_body().get("exam")
    if title is not None and not isinstance(title, str):
        raise BadInput("The exam is named by its title.", field="exam")
    tracks = current_guard().options.tracks_sessions
    session_id = current_session_id() if tracks else None
    done = hand_exam_in(
        db, visitor.id, current_actor(), current_clocks(), title or None, session_id
    )
    db.session.commit()
    if done.is_new:
        session.clear()
        logout_user()
    response = _answer(visitor, done)
    if done.is_new:
        forget_pages(response)
    return response


def _answer(person: User | Visitor, done: HandedIn) -> Response:
    said = HandInReceipt(person.name, person.real_name, done.title, done.at)
    receipt = current_site().receipts.write(said)
    return make_response(
        jsonify(status="ok", exam=done.title, handedInAt=done.at.isoformat(), receipt=receipt)
        if wants_json()
        else redirect(url_for("hand_in.show_receipt", receipt=receipt), 303)
    )


@hand_in.get("/handed-in")
@takes(query=("receipt",))
@open_to_expired_sessions  # it is for those who are logged out, and says what its address does
def show_receipt() -> ResponseReturnValue:
    """Show who has handed in what, and when; whoever has the address may see it."""
    receipt = current_site().receipts.read(request.args.get("receipt", ""))
    return render_template("handed_in.html", receipt=receipt, quit_url=quit_address(receipt.exam))
