"""Answers that are asked for again and again, or by many at once.

Nothing is sent of what the asker has already, and the rest compressed.
"""

import gzip
import json
from http import HTTPStatus
from typing import Any

from flask import Response, request

from timApp.request.inputs import current_request, is_for_static_file

_JSON, _VARIES = "application/json", "Accept-Encoding"
#: Files that are compressed as they are.
_NOT_PACKED = ("font/", "image/png", "image/x-icon", "image/vnd.microsoft.icon")


def is_known(tag: str) -> bool:
    """Tell whether whoever asks has an answer with that tag."""
    return request.if_none_match.contains_weak(tag)


def unchanged(tag: str) -> Response:
    """Return the answer to whoever has the one with that tag: 304, without a body."""
    response = Response(status=304)
    response.set_etag(tag, weak=True)
    return response


def compressed_json(content: Any, tag: str) -> Response:
    """Return the content as JSON with that tag, compressed for whoever understands gzip.

    It must hold nothing secret beside what whoever asks can choose: the length would tell of it.
    """
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    response = Response(body, mimetype=_JSON)
    _pack(response)
    response.set_etag(tag, weak=True)
    return response


def take_whole_files() -> None:
    """Pass over that a part of a static file is wanted, for `Flask.before_request`.

    Parts of one that is compressed and of one that is not fit together nowhere.
    """
    if is_for_static_file(current_request()):
        request.environ.pop("HTTP_RANGE", None)


def pack_static_file(response: Response) -> Response:
    """Compress a static file for whoever understands gzip; for `Flask.after_request`.

    Those are the same for everybody, and hold nothing secret.
    """
    if not is_for_static_file(current_request()):
        return response
    response.headers.pop("Accept-Ranges", None)
    if response.status_code == HTTPStatus.NOT_MODIFIED:
        response.vary.add(_VARIES)
    is_whole = response.status_code == HTTPStatus.OK
    if is_whole and not (response.mimetype or "").startswith(_NOT_PACKED):
        response.direct_passthrough = False
        _pack(response)
        tag, _ = response.get_etag()
        if tag is not None and response.content_encoding:
            response.set_etag(tag, weak=True)  # of what it is when it is unpacked
    return response


def _pack(response: Response) -> None:
    response.vary.add(_VARIES)
    if request.accept_encodings["gzip"]:
        response.set_data(gzip.compress(response.get_data(), compresslevel=5, mtime=0))
        response.content_encoding = "gzip"
