"""Text that came from outside."""

import re

#: How much of somebody's input a message repeats, in characters.
_QUOTE_MAX_LENGTH = 60

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Tell whether a database can hold the text: neither a NUL nor a lone surrogate is in it.

    PostgreSQL has no NUL in text, and UTF-8 has no lone surrogates, which JSON can smuggle in.
    """
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return the text with each character that no database can hold replaced by U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def fits(text: str, max_length: int) -> bool:
    """Tell whether the text has 1 to `max_length` characters, and a database can hold it."""
    return 0 < len(text) <= max_length and is_storable(text)


def one_line(text: str) -> str:
    """Return the text with a blank for each character that is not printable, such as line ends."""
    return "".join(char if char.isprintable() else " " for char in text)


def quoted(text: str) -> str:
    """Return the text as a message may repeat it: in quotes, escaped, and not too long."""
    shown = text if len(text) <= _QUOTE_MAX_LENGTH else f"{text[:_QUOTE_MAX_LENGTH]}…"
    return repr(shown)
