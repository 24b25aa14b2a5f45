"""Exports as answers to requests."""

from flask import Response

from timApp.auth.session.export import ExportFormat, SessionExport
from timApp.auth.session.filter import SessionFilter
from timApp.timdb.sqa import db


def download(which: SessionFilter, export_format: ExportFormat) -> Response:
    """Return an answer that streams the sessions; its header X-Row-Count says how many there are.

    Ends the transaction of `timApp.timdb.sqa.db.session`.
    """
    db.session.rollback()  # the export brings its own connection; this one need not wait for it
    export = SessionExport(db.engine, which, export_format)
    response = Response(export, content_type=export.content_type)
    response.headers["X-Row-Count"] = str(export.row_count)
    response.headers["Content-Disposition"] = f"attachment; filename=sessions.{export_format.value}"
    response.call_on_close(export.close)
    return response
