"""Exports as answers to requests."""

from flask import Response

from timApp.auth.site import db
from timApp.guard.export.stream import Export, Form
from timApp.guard.export.table import Table

#: What the document of the API says of such answers.
EXPORTED = "All rows, as many as the header says; an answer that was cut off has fewer."
ROW_COUNT = {"X-Row-Count": {"schema": {"type": "integer"}, "description": "How many rows."}}
ANY_ROWS = {"type": "array", "items": {"type": "object"}}
ANY_TEXT = {"type": "string"}


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
