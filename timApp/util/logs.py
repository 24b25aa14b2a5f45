"""The log: a line of text, or a JSON object, for whatever is worth telling.

Each has its time with the offset from UTC, and the id of the request that it is about, if it is
about one.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any

from timApp.util.errors import ConfigError

#: What tells also what is right; of all others there are warnings and worse.
_SERVER = "timApp.serve"
#: What is told of each request, where that is wanted.
access_log = logging.getLogger("timApp.access")
#: Under which name a record has more to say in JSON than its sentence: a table.
DETAILS = "details"
#: A log names addresses of visitors, so it is for its owner.
_FOR_ITS_OWNER = 0o600

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


@contextmanager
def about_request(request_id: str) -> Iterator[None]:
    """Let what is told in this block be about the request of that id."""
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)


def set_up_log(form: str, file: str | None, *, tells_requests: bool) -> None:
    """Write the log in a form, "text" or "json", to a file or else to the standard error.

    May be called again, and opens the file anew then. `ConfigError` if it cannot be written; then
    all stays as it was.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file is not None:
        handler = _file_handler(Path(file))
    handler.setFormatter(_JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    former = list(root.handlers)
    root.handlers = [handler]
    for one in former:
        if isinstance(one, _LogFile):
            one.close()
    logging.getLogger(_SERVER).setLevel(logging.INFO)
    access_log.setLevel(logging.INFO if tells_requests else logging.WARNING)


class _LogFile(logging.FileHandler):
    """The file of the option."""


def _file_handler(path: Path) -> logging.Handler:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, _FOR_ITS_OWNER))
        return _LogFile(path, encoding="utf-8")
    except OSError as error:
        msg = f"LOG_FILE: {path} cannot be written: {error.strerror}."
        raise ConfigError(msg, field="LOG_FILE") from error


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _id_of(record: logging.LogRecord) -> str | None:
    details = getattr(record, DETAILS, {})
    found: str | None = details.get("request_id") or _request_id.get()
    return found


class TextLines(logging.Formatter):
    """One line, and those of a traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        found = _id_of(record)
        about = f" [{found}]" if found else ""
        return f"{_time_of(record)} [{record.levelname}]{about} {super().format(record)}"


class _JsonLines(logging.Formatter):
    """One JSON object in a line, whatever it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON of a record."""
        said: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        found = _id_of(record)
        if found:
            said["request_id"] = found
        said |= getattr(record, DETAILS, {})
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said)
