"""How a list is written down for whoever looks at it."""

from collections.abc import Mapping
from enum import Enum

from babel.numbers import get_decimal_symbol
from flask_babel import get_locale

from timApp.guard.export.sheet import Sheet
from timApp.guard.export.stream import Form
from timApp.guard.vocabulary import ExportFormatOptions
from timApp.pages.choice import read_choice
from timApp.pages.timelabels import reader_zone

#: The name of the parameter.
FORMAT_FIELD = "format"


class FileFormat(Enum):
    """The values of the parameter."""

    CSV = "csv"
    JSON = "json"
    #: A CSV for spreadsheets, in the reader's language and by their clock.
    EXCEL = "excel"


def read_form(texts: Mapping[str, str]) -> Form:
    """Return what the parameters say, CSV by default; `BadInput` for a format that there is not."""
    chosen = read_choice(FileFormat, texts, FORMAT_FIELD, FileFormat.CSV)
    match chosen:
        case FileFormat.CSV:
            return ExportFormatOptions.CSV
        case FileFormat.JSON:
            return ExportFormatOptions.JSON
        case FileFormat.EXCEL:
            has_comma = get_decimal_symbol(get_locale()) == ","
            return Sheet(reader_zone(), ";" if has_comma else ",")
