"""What the path of a document may look like."""

import unicodedata

from timApp.util.errors import BadInput
from timApp.util.text import fits_a_line, quoted

PATH_MAX_LENGTH = 1000
"""Longest path, in characters."""


def normal_path(path: str) -> str:
    """Return `path` as it is stored: Unicode-normalised (NFC), so that one name is one path.

    Raises `BadInput` (field ``path``) unless it consists of segments separated by ``/``, of which
    none is empty, ``.`` or ``..``, or has blanks at its start or end. Control characters and
    backslashes are refused too, and more than `PATH_MAX_LENGTH` characters.
    """
    normal = unicodedata.normalize("NFC", path)
    fault = _fault(normal)
    if fault is not None:
        message = f"{quoted(path)} cannot be the path of a document: {fault}."
        raise BadInput(message, field="path")
    return normal


def address_key(path: str) -> str:
    """Return what is the same of two paths that differ in nothing but capitals.

    A document is found by its path as it is written. But nobody who reads an address aloud, or
    keeps the files on a disk that makes no difference, can tell two such documents apart: files
    that would become both are refused.
    """
    return unicodedata.normalize("NFC", path).casefold()


def _fault(path: str) -> str | None:
    segments = path.split("/")
    faults = {
        "it is empty": not path,
        f"it is longer than {PATH_MAX_LENGTH} characters": len(path) > PATH_MAX_LENGTH,
        "it has a backslash": "\\" in path,
        "it has a control character": not all(map(fits_a_line, path)),
        "a name between its slashes is empty": "" in segments,
        "it has a segment '.' or '..'": bool({".", ".."} & set(segments)),
        "a name in it has blanks at its start or end": any(
            segment != segment.strip() for segment in segments
        ),
    }
    return next((fault for fault, found in faults.items() if found), None)
