"""The number of an entry of the record, as an address or a form says it."""

_MAX_DIGITS = 18  # of a number that fits in 64 bits


def entry_number(text: str) -> int | None:
    """Return the number that a text says, in digits; None if no entry could have such a number."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    return int(text) if is_number else None
