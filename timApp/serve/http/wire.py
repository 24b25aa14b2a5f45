"""Heads and chunks of answers, as HTTP/1.1 has them. Source: RFC 9112."""

from timApp.serve.http.message import Headers

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
#: Statuses of answers that have no body, and do not say how long it is.
_BODILESS = frozenset({b"204", b"304"})
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_CLOSE = b"Connection: close\r\n\r\n"
_KEEP = b"Connection: keep-alive\r\n\r\n"


def head_of(
    status: bytes,
    headers: Headers,
    lines: bytes,
    *,
    length: int | None,
    version: str,
    keeps: bool,
) -> bytes:
    """Return a head; `lines` are whole ones, such as that of the date.

    Without a length the body comes in chunks, or ends with the connection for HTTP/1.0.
    """
    parts = [b"HTTP/1.1 ", status, b"\r\n"]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    if status[:3] not in _BODILESS:
        if length is not None:
            parts.append(b"Content-Length: %d\r\n" % length)
        elif version != "1.0":
            parts.append(_CHUNKED)
    parts.append(lines)
    if not keeps:
        parts.append(_CLOSE)
    else:
        parts.append(_KEEP if version == "1.0" else b"\r\n")
    return b"".join(parts)


def chunk_of(piece: bytes) -> bytes:
    """Return a piece as a chunk; an empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)
