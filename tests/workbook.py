"""XLSX files for tests."""

import io
from collections.abc import Sequence

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet


def xlsx(rows: Sequence[Sequence[object]]) -> bytes:
    """Return an XLSX file with these rows."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(list(row))
    book.save(file)
    return file.getvalue()
