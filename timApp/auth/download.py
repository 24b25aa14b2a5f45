"""Exports as answers to requests."""

from flask import Response

from timApp.auth.site import db
from timApp.guard.export.stream import SessionExport
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.vocabulary import ExportFormatOptions


def download(which: SessionFilter, export_format: ExportFormatOptions) -> Response:
    """Return an answer that streams the sessions; its header X-Row-Count says how many there are.

    Ends the transaction of `db.session`.
    """
    db.session.rollback()  # the export brings its own connection; this one need not wait for it
    export = SessionExport(db.engine, which, export_format)
    response = Response(export, content_type=export.content_type)
    response.headers["X-Row-Count"] = str(export.row_count)
    response.headers["Content-Disposition"] = f"attachment; filename=sessions.{export_format.value}"
    response.call_on_close(export.close)
    return response
