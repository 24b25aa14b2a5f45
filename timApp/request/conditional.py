"""Answers that are asked for again and again: nothing is sent of what the asker has already."""

import gzip
import json
from typing import Any

from flask import Response, request

_JSON = "application/json"


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
    if request.accept_encodings["gzip"]:
        response.set_data(gzip.compress(body, compresslevel=5))
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.set_etag(tag, weak=True)
    return response
