"""Exports as answers to requests."""

from flask import Response

from timApp.auth.site import db
from timApp.guard.export.stream import Export, Form
from timApp.guard.export.table import Table


def download(table: Table, form: Form) -> Response:
    """Return an answer that streams the rows; its header X-Row-Count says how many there are.

    Ends the transaction of `db.session`.
    """
    db.session.rollback()  # the export brings its own connection; this one need not wait for it
    export = Export(db.engine, table, form)
    response = Response(export, content_type=export.content_type)
    response.headers["X-Row-Count"] = str(export.row_count)
    file_name = f"{table.noun}.{export.suffix}"
    response.headers["Content-Disposition"] = f"attachment; filename={file_name}"
    response.call_on_close(export.close)
    return response
