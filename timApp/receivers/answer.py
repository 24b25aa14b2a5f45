"""What a receiver's answer means."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from timApp.net.client import Answer
from timApp.util.text import one_line, storable

#: An error is cut off after this many characters; a receiver's own words may be in it.
ERROR_MAX_LENGTH = 200


@dataclass(frozen=True)
class Heard:
    """What came of telling a receiver."""

    #: What went wrong, in one line; None if nothing did.
    error: str | None = None
    #: Whether the receiver says that it is gone for good.
    is_gone: bool = False


def heard(answer: Answer) -> Heard:
    """Return what an answer means: any status from 200 to 299 says that it has arrived."""
    if answer.failure is not None:
        return Heard(_short(answer.failure))
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Heard()
    if status == HTTPStatus.GONE:
        return Heard("It answered 410: it is gone, and is told nothing any more.", is_gone=True)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Heard(f"It answered with a redirect ({status}), which is not followed.")
    words = _words(answer.body)
    return Heard(_short(f"It answered {status}" + (f": {words}" if words else ".")))


def _words(body: bytes) -> str:
    """Return what an error of RFC 8935 says, which is JSON; nothing of any other body."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(content, dict):
        return ""
    said = [content.get(name) for name in ("err", "description")]
    return " ".join(one for one in said if isinstance(one, str))


def _short(text: str) -> str:
    return storable(one_line(text))[:ERROR_MAX_LENGTH]
