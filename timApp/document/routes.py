"""Pages of the documents."""

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import (
    open_to_expired_sessions,
    verify_logged_in,
    verify_path_access,
    verify_valid_session,
    verify_view_access,
)
from timApp.auth.seat import take_seat
from timApp.auth.site import db
from timApp.document.markdown import render_markdown
from timApp.document.model import documents_visible_to, find_document
from timApp.guard.seats.link import SEAT_FIELD, SIGNATURE_FIELD
from timApp.request.inputs import takes
from timApp.request.negotiation import wants_json
from timApp.util.errors import NotFound
from timApp.util.text import quoted

documents = Blueprint("documents", __name__)


@documents.get("/")
@takes(query=(SEAT_FIELD, SIGNATURE_FIELD))
@open_to_expired_sessions  # a kiosk opens its link whoever was blocked there; the list asks itself
def index() -> ResponseReturnValue:
    """List the documents that the visitor may view.

    With a signed seat, which a kiosk opens, tell the browser that it stands there, and go on.
    """
    if not request.args.keys().isdisjoint({SEAT_FIELD, SIGNATURE_FIELD}):
        take_seat(request.args.get(SEAT_FIELD, ""), request.args.get(SIGNATURE_FIELD, ""))
        return redirect(url_for("documents.index"))
    visitor = verify_logged_in()
    verify_valid_session()
    entries = documents_visible_to(db, visitor.id, visitor.is_admin)
    if wants_json():
        return jsonify([entry._asdict() for entry in entries])
    return render_template("index.html", documents=entries)


@documents.get("/view/<path:path>")
@open_to_expired_sessions  # some documents may be read with one: `verify_path_access` knows which
def view_document(path: str) -> ResponseReturnValue:
    """Show a document to whoever has the right and a valid session."""
    verify_path_access(path)
    document = find_document(db, path)
    if document is None:
        raise NotFound("There is no document at %(path)s.", path=quoted(path))
    verify_view_access(document)
    html = render_markdown(document.source)
    if wants_json():
        return jsonify(path=document.path, title=document.title, html=html)
    return render_template("document.html", document=document, html=html)
