"""The number of an entry of the record, as an address or a form says it."""

from timApp.util.errors import BadInput
from timApp.util.text import quoted

_MAX_DIGITS = 18  # of a number that fits in 64 bits


def entry_number(text: str) -> int | None:
    """Return the number that a text says, in digits; None if no entry could have such a number."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    return int(text) if is_number else None


def read_entry(text: str) -> int | None:
    """Return the number of the entry before which a page of the record begins; None for no text.

    `BadInput` (field ``before``) for a text that is no such number.
    """
    if not text:
        return None
    number = entry_number(text)
    if number is None:
        raise BadInput(
            "The record cannot be shown from %(place)s on: that is not the number of a change.",
            field="before",
            place=quoted(text),
        )
    return number
