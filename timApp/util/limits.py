"""How much a request may hold, judged from its raw bytes before anything parses it.

What parses it does so in Python, field by field: a JSON object of 50,000 members takes seconds, of
which a stranger needs no leave. Here bytes are counted, as fast as the library does that: a
megabyte takes a few milliseconds, whatever is in it. Every limit is far above what browsers, the
site's own pages and other servers send.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from timApp.util.errors import TimError

#: Fields of a query, and members of all objects and arrays of a JSON together.
FIELDS_MAX = 300
#: Fields of a form: somewhat more than the sessions that can be chosen for one change.
FORM_FIELDS_MAX = 1100
#: Objects and arrays in each other.
NESTING_MAX = 16
#: Bytes of a form.
FORM_MAX = 262_144
#: Bytes of a form that are escaped; they are what takes long to read.
ESCAPES_MAX = 20_000
#: Bytes of the path, and of the query.
ADDRESS_MAX = 16_384
#: Headers; several of one name may count as one.
HEADERS_MAX = 128

FORM_TYPE = "application/x-www-form-urlencoded"
#: A form in parts, with files; few pages take one.
PARTS_TYPE = "multipart/form-data"
#: Parts of such a form.
PARTS_MAX = 50


class TooMuchContent(TimError):  # noqa: N818 - named after the answer it gives
    """The body holds more than anybody has reason to send."""

    status = 413


class AddressTooLong(TimError):  # noqa: N818
    """The address is longer than any that leads somewhere, or asks with too many fields."""

    status = 414


class HeadersTooLarge(TimError):  # noqa: N818
    """There are too many headers, or one of them is longer than any that means something."""

    status = 431


@dataclass(frozen=True)
class _Limit:
    """How long a header may be, in bytes, and of how many items."""

    name: str
    size: int
    separator: str = ","
    items: int = 100


#: What the application parses, by the names that WSGI gives the headers. Nobody reads the others.
_LIMITS = {
    "HTTP_" + limit.name.upper().replace("-", "_"): limit
    for limit in (
        # As many as browsers keep for a site, which it may share with other programs.
        _Limit("Cookie", 32_768, ";", 300),
        _Limit("Accept", 4096),
        _Limit("Accept-Charset", 4096),
        _Limit("Accept-Encoding", 4096),
        _Limit("Accept-Language", 4096),
        _Limit("Authorization", 8192),
        _Limit("Cache-Control", 4096),
        _Limit("Content-Digest", 4096),
        _Limit("Forwarded", 4096),
        _Limit("Host", 300),
        _Limit("If-Match", 4096),
        _Limit("If-Modified-Since", 256),
        _Limit("If-None-Match", 4096),
        _Limit("If-Range", 1024),
        _Limit("If-Unmodified-Since", 256),
        _Limit("Origin", 2048),
        _Limit("Pragma", 4096),
        # Each range of a file would be a part of the answer.
        _Limit("Range", 1024, items=16),
        _Limit("Signature", 8192),
        _Limit("Signature-Input", 8192),
        # Two texts of 500 characters, escaped and encoded.
        _Limit("TimApp-Change", 32_768),
        _Limit("X-CSRF-Token", 4096),
        _Limit("X-CSRFToken", 4096),
        _Limit("X-Forwarded-For", 4096),
        _Limit("X-Forwarded-Host", 4096),
        _Limit("X-Forwarded-Port", 1024),
        _Limit("X-Forwarded-Prefix", 4096),
        _Limit("X-Forwarded-Proto", 1024),
    )
} | {"CONTENT_TYPE": _Limit("Content-Type", 1024, ";", 20)}
#: What WSGI servers add to the headers.
_ADDED_MAX = 72

_BRACKETS_AND_COMMAS = b"[]{},"
_ALL_ELSE = bytes(set(range(256)) - set(_BRACKETS_AND_COMMAS))


def check_headers(environ: Mapping[str, Any]) -> None:
    """Raise `HeadersTooLarge` if there are too many headers, or one is too long.

    The headers are those of a WSGI environ, by the names that they have there.
    """
    if len(environ) > HEADERS_MAX + _ADDED_MAX:
        found = sum(name.startswith("HTTP_") for name in environ)
        if found > HEADERS_MAX:
            msg = "The request has %(count)d headers; at most %(limit)d are read."
            raise HeadersTooLarge(msg, count=found, limit=HEADERS_MAX)
    for key in environ.keys() & _LIMITS.keys():
        limit, value = _LIMITS[key], environ[key]
        if len(value) > limit.size:
            msg = "The header %(name)s has %(count)d bytes; at most %(limit)d are read."
            raise HeadersTooLarge(msg, name=limit.name, count=len(value), limit=limit.size)
        items = value.count(limit.separator) + 1
        if items > limit.items:
            msg = "The header %(name)s has %(count)d items; at most %(limit)d are read."
            raise HeadersTooLarge(msg, name=limit.name, count=items, limit=limit.items)


def check_address(path: str, query: str) -> None:
    """Raise `AddressTooLong` if path or query are too long, or the query has too many fields."""
    if len(path) > ADDRESS_MAX or len(query) > ADDRESS_MAX:
        msg = "Path and query of an address have at most %(limit)d bytes each."
        raise AddressTooLong(msg, limit=ADDRESS_MAX)
    fields = query.count("&") + 1
    if fields > FIELDS_MAX:
        msg = "The address has %(count)d fields; at most %(limit)d are read."
        raise AddressTooLong(msg, count=fields, limit=FIELDS_MAX)


def check_body(content_type: str, body: bytes) -> None:
    """Raise `TooMuchContent` if a form or a JSON has too many fields, or is nested too deeply.

    The content type may have parameters, and may be empty. Of a body of another kind nothing is
    said: nobody parses one.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM_TYPE:
        _check_form(body)
    elif kind.endswith("json"):
        _check_json(body)


def _check_form(body: bytes) -> None:
    if len(body) > FORM_MAX:
        msg = "The form has %(count)d bytes; at most %(limit)d are read."
        raise TooMuchContent(msg, count=len(body), limit=FORM_MAX)
    fields = body.count(b"&") + 1
    if fields > FORM_FIELDS_MAX:
        msg = "The form has %(count)d fields; at most %(limit)d are read."
        raise TooMuchContent(msg, count=fields, limit=FORM_FIELDS_MAX)
    escapes = body.count(b"%")
    if escapes > ESCAPES_MAX:
        msg = "The form has %(count)d bytes that are escaped; at most %(limit)d are read."
        raise TooMuchContent(msg, count=escapes, limit=ESCAPES_MAX)


def _check_json(body: bytes) -> None:
    """Count what stands outside of texts; what is no JSON is counted as if it were."""
    # First the escaped backslashes: what is left of them escapes the character after it.
    bare = body.replace(b"\\\\", b"  ").replace(b'\\"', b"  ") if b"\\" in body else body
    if bare.count(b'"') > 4 * FIELDS_MAX:  # two texts a member have four
        _refuse_members()
    outside = b"".join(bare.split(b'"')[::2])
    marks = outside.translate(None, _ALL_ELSE)
    # Beside the commas, one bracket opens and one closes for each member at the most.
    if marks.count(b",") >= FIELDS_MAX or len(marks) > 3 * FIELDS_MAX:
        _refuse_members()
    depth = 0
    for mark in marks:
        if mark in b"[{":
            depth += 1
            if depth > NESTING_MAX:
                _refuse_nesting()
        elif mark in b"]}":
            depth -= 1


def _refuse_members() -> NoReturn:
    msg = "The JSON has too many members; at most %(limit)d are read."
    raise TooMuchContent(msg, limit=FIELDS_MAX)


def _refuse_nesting() -> NoReturn:
    msg = "The JSON is nested too deeply; at most %(limit)d levels are read."
    raise TooMuchContent(msg, limit=NESTING_MAX)
