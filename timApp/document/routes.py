"""Pages of the documents."""

from urllib.parse import quote

from flask import Response, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from timApp.auth.access import (
    SessionExpired,
    has_allowed_documents,
    is_allowed_document,
    open_to_expired_sessions,
    verify_logged_in,
    verify_path_access,
    verify_valid_session,
    verify_view_access,
)
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.exambrowser import (
    ExamBrowserRequired,
    look_at_browser,
    note_shown,
    shown_keys,
)
from timApp.auth.seat import take_seat
from timApp.auth.site import current_guard, db
from timApp.document.attachment import find_attachment, referring_documents
from timApp.document.closing import Closed
from timApp.document.exam import Gate, closed_documents, find_gate
from timApp.document.markdown import render_markdown
from timApp.document.model import documents_visible_to, find_document
from timApp.guard.exams.handin import exams_sat_by
from timApp.guard.seats.link import SEAT_FIELD, SIGNATURE_FIELD
from timApp.item.item import PlacedItem
from timApp.request.inputs import takes
from timApp.request.negotiation import wants_json
from timApp.ui.language import moment_text
from timApp.util.errors import AccessDenied, NotFound
from timApp.util.text import quoted

documents = ApiBlueprint("documents", __name__, description="Documents to read.")


class DocumentEntryAnswer(Schema):
    """A document in the list."""

    path = fields.String(required=True)
    title = fields.String(required=True)


class DocumentAnswer(DocumentEntryAnswer):
    """A document with its content."""

    html = fields.String(required=True, metadata={"description": "Sanitised."})


@documents.get("/")
@documents.tells(200, DocumentEntryAnswer(many=True), "The documents that may be viewed.")
@documents.tells(302, description="The browser knows its seat now.")
@documents.tells(403)
@documents.tells(490)
@takes(query=(SEAT_FIELD, SIGNATURE_FIELD))
@open_to_expired_sessions  # a kiosk opens its link whoever was blocked there; the list asks itself
def index() -> ResponseReturnValue:
    """List the documents that the visitor may view, and no exam closes to them.

    With a signed seat, which a kiosk opens, tell the browser that it stands there, and go on.
    """
    if not request.args.keys().isdisjoint({SEAT_FIELD, SIGNATURE_FIELD}):
        take_seat(request.args.get(SEAT_FIELD, ""), request.args.get(SIGNATURE_FIELD, ""))
        return redirect(url_for("documents.index"))
    _follow_exams()
    visitor = verify_logged_in()
    verify_valid_session()
    entries = documents_visible_to(db, visitor.id, visitor.is_admin)
    if entries and not visitor.is_admin:
        closed = closed_documents(db, visitor.id, shown_keys(visitor))
        entries = [entry for entry in entries if entry.path not in closed]
    if wants_json():
        return jsonify([entry._asdict() for entry in entries])
    is_sat = any(one.handed_in_at is None for one in exams_sat_by(db, visitor.id))
    if is_sat:
        look_at_browser(visitor)
    return render_template("index.html", documents=entries, is_sat=is_sat)


@documents.get("/view/<path:path>")
@documents.tells(200, DocumentAnswer, "The document.")
@documents.tells(403)
@documents.tells(404)
@documents.tells(490)
@open_to_expired_sessions  # some documents may be read with one: `verify_path_access` knows which
def view_document(path: str) -> ResponseReturnValue:
    """Show a document to whoever has the right and a valid session, if no exam closes it.

    So is an attachment sent to whoever may view a document that refers to it.
    """
    _follow_exams()
    try:
        verify_path_access(path)
    except SessionExpired:
        if not _is_of_allowed_document(path):
            raise
    document = find_document(db, path)
    if document is None:
        return _send_attachment(path)
    verify_view_access(document)
    gate = _look_at_gate(document)
    html = render_markdown(document.source)
    if wants_json():
        return jsonify(path=document.path, title=document.title, html=html)
    return render_template("document.html", document=document, html=html, is_sat=gate.is_sat)


def _follow_exams() -> None:
    """Let the page ask for itself when an exam begins or ends; before anything is decided by it."""
    if not wants_json():
        g.exams = current_guard().running_exams.mark()


def _send_attachment(path: str) -> Response:
    attached = find_attachment(db, path)
    if attached is None:
        raise NotFound("There is no document at %(path)s.", path=quoted(path))
    if not verify_logged_in().is_admin:
        _require_document_with(path)
    response = Response(attached.content, content_type=attached.media_type)
    name = path.rpartition("/")[2]
    kind = "inline" if attached.is_shown else "attachment"
    response.headers["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(name, safe='')}"
    return response


def _require_document_with(path: str) -> None:
    """Check that the visitor may view a document that refers to it; raise why not the first."""
    refusal: Exception | None = None
    for document in referring_documents(db, path):
        try:
            verify_view_access(document)
            _look_at_gate(document, is_page=False)
        except (AccessDenied, SessionExpired) as error:
            refusal = refusal or error
        else:
            return
    raise refusal or AccessDenied("You have no right to view %(path)s.", path=quoted(path))


def _is_of_allowed_document(path: str) -> bool:
    """Tell whether a document refers to it that may be read with an expired session."""
    # Mostly none may, and a hall of people who are blocked asks nothing for that.
    return has_allowed_documents() and any(
        is_allowed_document(one.path) for one in referring_documents(db, path)
    )


def _look_at_gate(document: PlacedItem, *, is_page: bool = True) -> Gate:
    """Return what exams say of a document that none of them closes; else `AccessDenied`.

    `ExamBrowserRequired` if one opens it in Safe Exam Browser alone. An attachment is no page.
    """
    visitor = verify_logged_in()
    shown = shown_keys(visitor, is_page=is_page)
    gate = Gate() if visitor.is_admin else find_gate(db, document.id, visitor.id, shown)
    note_shown(visitor, gate.key_state, gate.asking_exam)
    closing = gate.closing
    if closing is None:
        return gate
    exam, title = closing.exam, quoted(closing.exam.title)
    match closing.why:
        case Closed.TO_COME:
            raise AccessDenied(
                "This document belongs to the exam %(exam)s, which begins at %(at)s.",
                exam=title,
                at=moment_text(exam.start),
            )
        case Closed.BROWSER:
            raise ExamBrowserRequired(
                "This belongs to the exam %(exam)s, which opens only in Safe Exam Browser with the"
                " settings of the exam.",
                exam=title,
                number=exam.id,
            )
        case Closed.HANDED_IN:
            raise AccessDenied(
                "This document belongs to the exam %(exam)s, which you have handed in.",
                exam=title,
            )
        case Closed.OVER:
            raise AccessDenied(
                "This document belongs to the exam %(exam)s, which ended at %(at)s.",
                exam=title,
                at=moment_text(exam.end),
            )
        case Closed.NOT_SITTING:
            raise AccessDenied(
                "This document belongs to the exam %(exam)s, and you are not among those who sit"
                " it. If you should be, tell the supervisor, and open this page again afterwards.",
                exam=title,
            )
