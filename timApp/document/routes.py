"""Pages of the documents."""

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from timApp.auth.access import (
    open_to_expired_sessions,
    verify_logged_in,
    verify_path_access,
    verify_view_access,
)
from timApp.auth.site import db
from timApp.document.markdown import render_markdown
from timApp.document.model import documents_visible_to, find_document
from timApp.request.negotiation import wants_json
from timApp.util.errors import NotFound
from timApp.util.text import quoted

documents = Blueprint("documents", __name__)


@documents.get("/")
def index() -> ResponseReturnValue:
    """List the documents that the visitor may view."""
    visitor = verify_logged_in()
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
