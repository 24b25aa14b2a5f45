"""Text that came from outside."""

import re
import unicodedata

from timApp.util.errors import BadInput

#: Longest name, real name and email, in characters.
NAME_MAX_LENGTH = 255
#: How much of somebody's input a message repeats, in characters.
_QUOTE_MAX_LENGTH = 60

# Unicode's categories of control characters, surrogates, and ends of lines and paragraphs.
_UNFIT_FOR_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Tell whether a database can hold the text: neither a NUL nor a lone surrogate is in it.

    PostgreSQL has no NUL in text, and UTF-8 has no lone surrogates, which JSON can smuggle in.
    """
    # What is printable has neither, and to tell that is several times as fast.
    return text.isprintable() or _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return the text with each character that no database can hold replaced by U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def header_text(value: str) -> str:
    """Return what a header says, as it can be stored and shown, whatever bytes it is made of.

    `value` has each byte as the character of that number, as WSGI has headers. The bytes are UTF-8
    if they can be, and Latin-1 if not: both are in use, and no text in Latin-1 that means something
    is UTF-8 by chance. Control characters, and ends of lines, are replaced by U+FFFD.
    """
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:  # a server that has decoded it already
        text = value
    else:
        text = value if raw.isascii() else _decoded(raw)
    if text.isprintable():
        return text
    return "".join(char if fits_a_line(char) else "\N{REPLACEMENT CHARACTER}" for char in text)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def fits(text: str, max_length: int) -> bool:
    """Tell whether the text has 1 to `max_length` characters, and a database can hold it."""
    return 0 < len(text) <= max_length and is_storable(text)


def fits_a_line(char: str) -> bool:
    """Tell whether a line of text may have the character: it neither ends one nor controls it."""
    return unicodedata.category(char) not in _UNFIT_FOR_A_LINE


def one_line(text: str) -> str:
    """Return the text with a blank for each character that is not printable, such as line ends."""
    return "".join(char if char.isprintable() else " " for char in text)


def bytes_text(count: int) -> str:
    """Return a number of bytes in the largest unit of which it is a multiple, such as "5 MiB"."""
    for unit, size in (("MiB", 1024**2), ("KiB", 1024)):
        if count >= size and count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} B"


def quoted(text: str) -> str:
    """Return the text as a message may repeat it: in quotes, escaped, and not too long."""
    shown = text if len(text) <= _QUOTE_MAX_LENGTH else f"{text[:_QUOTE_MAX_LENGTH]}…"
    return repr(shown)


def check_text(field: str, text: str, *, required: bool = False) -> str:
    """Return `text` if it is fit to be shown and compared, else raise `BadInput` for `field`.

    Refused: more than `NAME_MAX_LENGTH` characters, control characters (NUL and line ends among
    them), surrounding blanks, and nothing at all where something is required.
    """
    if required and not text:
        msg = f"The {field.replace('_', ' ')} must not be empty."
        raise BadInput(msg, field=field)
    if len(text) > NAME_MAX_LENGTH:
        msg = f"The {field.replace('_', ' ')} is longer than {NAME_MAX_LENGTH} characters."
        raise BadInput(msg, field=field)
    if text != text.strip() or not all(map(fits_a_line, text)):
        msg = (
            f"The {field.replace('_', ' ')} must not have control characters,"
            " nor blanks at its start or end."
        )
        raise BadInput(msg, field=field)
    return text
