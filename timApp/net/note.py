"""What a host is told of a change beside the change itself, in a header that others overlook."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from timApp.util.stamp import Stamp
from timApp.util.text import storable

CHANGE_HEADER = "TimApp-Change"

#: This many characters of each text are kept; the makers of the texts keep to less.
_TEXT_MAX_LENGTH = 500
_TIME_MAX = 10**16
_ID_MAX_LENGTH = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class ChangeNote:
    """When a change was made, by whom and why; the last two may be empty."""

    stamp: Stamp
    by: str = ""
    reason: str = ""

    def header(self) -> str:
        """Return the note as a header has it."""
        note = {
            "id": self.stamp.id,
            "at": (self.stamp.at - _EPOCH) // _MICROSECOND,
            "by": self.by,
            "reason": self.reason,
        }
        return urlsafe_b64encode(json.dumps(note).encode()).decode()


def read_change_note(header: str) -> ChangeNote | None:
    """Return the note of a header, or None if there is none in it."""
    try:
        note = json.loads(urlsafe_b64decode(header))
    except (ValueError, RecursionError):
        return None
    match note:
        case {"id": str(name), "at": int(at), "by": str(by), "reason": str(reason)} if (
            0 < len(name) <= _ID_MAX_LENGTH and name.isalnum() and 0 <= at < _TIME_MAX
        ):
            stamp = Stamp(_EPOCH + at * _MICROSECOND, name)
            return ChangeNote(stamp, _kept(by), _kept(reason))
    return None


def _kept(text: str) -> str:
    return storable(text)[:_TEXT_MAX_LENGTH]
